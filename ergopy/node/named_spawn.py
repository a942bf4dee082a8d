"""A name for a process that is started on a BEAM.

A BEAM has no spawn option for it, and registering the pid afterwards would leave a
time in which the process runs without its name. So what is spawned there is an
expression, run by the ``erl_eval`` of OTP, which registers the process first, tells us
how that went, and then applies the function. If the name is taken the function never
runs. To be seen from outside: the process has ``erl_eval`` as its initial call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import etf
from etf import Atom, Pid, Reference

from ..errors import NameTaken, NodeDown, StartError
from ..process.atoms import KILL, NOCONNECTION, TIMEOUT
from ..process.messages import ExitMessage
from ..process.slot import Slot
from .remote_spawn import Wanted, remote_spawn

if TYPE_CHECKING:
    from ..process.process import Process
    from .patience import Patience
    from .peer import Peer

_REGISTER_AND_APPLY = etf.parse(
    """
    {'case', 1,
     {'catch', 1,
      {call, 1, {remote, 1, {atom, 1, erlang}, {atom, 1, register}},
       [{var, 1, 'Name'},
        {call, 1, {remote, 1, {atom, 1, erlang}, {atom, 1, self}}, []}]}},
     [{clause, 1, [{atom, 1, true}], [],
       [{op, 1, '!', {var, 1, 'To'}, {atom, 1, registered}},
        {call, 1, {remote, 1, {atom, 1, erlang}, {atom, 1, apply}},
         [{var, 1, 'Module'}, {var, 1, 'Function'}, {var, 1, 'Args'}]}]},
      {clause, 1, [{var, 1, '_'}], [],
       [{op, 1, '!', {var, 1, 'To'}, {atom, 1, taken}}]}]}
    """,
    "erlang",
)
"""``case catch register(Name, self()) of true -> To ! registered, apply(...); ...``."""


@final
class _Registration(Slot):
    """Resolves to ``registered`` or ``taken``, or to ``("ended", reason)``."""

    __slots__ = ("owner",)

    priority = False

    def __init__(self, owner: Process) -> None:
        super().__init__()
        self.owner = owner

    def deliver(self, message: Any) -> None:
        self.resolve(message)

    deliver_priority = deliver

    def fire(self, reason: Any) -> None:
        self.resolve(("ended", reason))


async def spawn_named(
    caller: Process, peer: Peer, wanted: Wanted, name: str, patience: Patience
) -> tuple[Pid, Reference]:
    """Start *wanted* under a name on a BEAM; return pid and reference of the monitor.

    Raises:
        NameTaken: Somebody has the name; nothing was started.
        StartError, NodeDown: It did not come to that.
    """
    runtime = caller.runtime
    registration = _Registration(caller)
    ref = runtime.new_reference()
    runtime.aliases[ref.words] = registration
    try:
        pid, monitor = await remote_spawn(
            caller, peer, _named(wanted, name, ref), patience
        )
        peer.monitor(caller.pid, pid, ref, registration)

        def give_up() -> None:
            _give_up(caller, peer, pid, monitor)

        try:
            with patience.timer(
                runtime.timers, lambda: registration.resolve(("ended", TIMEOUT))
            ):
                outcome = await registration.wait(give_up)
        finally:
            peer.demonitor(caller.pid, pid, ref)
    finally:
        runtime.aliases.pop(ref.words, None)
    if outcome == "registered":
        return pid, monitor
    give_up()
    if outcome == "taken":
        raise NameTaken(name, f"a process on {peer.name}")
    reason = outcome[1]
    if reason == NOCONNECTION:
        raise NodeDown(peer.name, "the connection was lost during the spawn")
    raise StartError(f"{wanted} on {peer.name}", reason)


def _named(wanted: Wanted, name: str, to: Reference) -> Wanted:
    bindings = [
        (Atom("Args"), wanted.args),
        (Atom("Function"), wanted.function),
        (Atom("Module"), wanted.module),
        (Atom("Name"), Atom(name)),
        (Atom("To"), to),
    ]
    args = [[_REGISTER_AND_APPLY], bindings]
    return Wanted(Atom("erl_eval"), Atom("exprs"), args, wanted.options)


def _give_up(caller: Process, peer: Peer, pid: Pid, monitor: Reference) -> None:
    caller.demonitor(monitor)
    caller.unlink(pid)
    # The caller hears of it by the exception: no exit message is to come on top.
    caller.remove(lambda m: m.__class__ is ExitMessage and m.pid == pid)
    peer.exit_signal(caller.pid, pid, KILL)
