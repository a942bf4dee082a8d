"""Starting processes elsewhere: the asking side of SPAWN_REQUEST (protocol 4.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from etf import Atom, Pid, Reference

from ..dist import control as op
from ..dist.flags import Flag
from ..errors import NodeDown, StartError
from ..process.atoms import NOCONNECTION, TIMEOUT
from ..process.signals import LINKED, Monitor
from ..process.slot import UNSET, Slot
from .patience import Patience
from .spawn import choose

if TYPE_CHECKING:
    from ..process.process import Process
    from .exports import Exports
    from .peer import Peer

_LINK = Atom("link")
_MONITOR = Atom("monitor")
_NORMAL = Atom("normal")


@final
class _Start(Slot):
    """One spawn request; resolves to the pid, or to an atom that says why not."""

    __slots__ = ("caller", "peer", "ref")

    def __init__(self, caller: Process, peer: Peer, ref: Reference) -> None:
        super().__init__()
        self.caller = caller
        self.peer = peer
        self.ref = ref

    def spawned(self, flags: int, result: Any) -> None:
        caller, peer, ref = self.caller, self.peer, self.ref
        if result.__class__ is not Pid:
            self.resolve(result)
            return
        wanted = self.value is UNSET and caller.alive
        if flags & op.SPAWN_MONITORED:
            if wanted:
                record = Monitor(caller, ref, peer, result)
                record.target = result
                caller.monitors[ref] = peer.monitors[ref.words] = record
            else:
                peer.emit((op.DEMONITOR_P, caller.pid, result, ref))
        if flags & op.SPAWN_LINKED:
            if wanted:
                caller.links[result] = LINKED
                peer.linked.add(caller)
            else:
                peer.exit_link(caller.pid, result, _NORMAL)
        self.resolve(result)


async def remote_spawn(
    caller: Process,
    peer: Peer,
    mfa: tuple[Atom, Atom, list[Any]],
    *,
    link: bool,
    monitor: bool,
    timeout: float | None,
) -> Any:
    """Start *mfa* on *peer*; see ``Node.remote_spawn``."""
    module, function, args = mfa
    what = f"{module}:{function}/{len(args)} on {peer.name}"
    runtime = caller.runtime
    patience = Patience(timeout)
    try:
        if not await patience.ready(peer):
            raise NodeDown(peer.name, f"not connected: {peer.problem}")
    except TimeoutError:
        raise StartError(what, TIMEOUT) from None
    if not peer.flags & Flag.SPAWN:
        raise StartError(what, Atom("notsup"))
    ref = runtime.new_reference()
    record = _Start(caller, peer, ref)
    options = [_MONITOR] * monitor + [_LINK] * link
    arity = (module, function, len(args))
    leader = caller.group_leader
    request = (op.SPAWN_REQUEST, ref, caller.pid, leader, arity, options)
    peer.spawn(request, args, record)
    with patience.timer(runtime.timers, lambda: record.resolve(TIMEOUT)):
        result = await record.wait()
    if result.__class__ is not Pid:
        if result == NOCONNECTION:
            raise NodeDown(peer.name, "the connection was lost during the spawn")
        raise StartError(what, result)
    return (result, ref) if monitor else result


def spawn_here(
    caller: Process,
    exports: Exports,
    mfa: tuple[Atom, Atom, list[Any]],
    *,
    link: bool,
    monitor: bool,
) -> Any:
    """Start what *mfa* is on this node itself, as a spawn request of a peer would."""
    module, function, args = mfa
    program, arguments, provided = choose(exports, *mfa)
    label = f"{module}:{function}/{len(args)}"
    process = caller.runtime.create(program, parent=caller, label=label)
    process.log_crash = provided
    if link:
        caller.link_nowait(process.pid)
    ref = caller.monitor_nowait(process.pid) if monitor else None
    caller.runtime.begin(process, program, arguments)
    return process.pid if ref is None else (process.pid, ref)
