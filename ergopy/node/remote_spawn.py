"""Starting processes elsewhere: the asking side of SPAWN_REQUEST (protocol 4.6).

A request that its caller no longer waits for is *abandoned*, as in
``spawn_request_abandon/1``: it is not taken back, but what it starts is neither
linked to nor watched by the caller, and ends with ``abandoned`` if it was to be linked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, final

from etf import Atom, Pid, Reference

from ..dist import control as op
from ..errors import NodeDown, StartError, SystemLimit
from ..process.atoms import ERROR, NOCONNECTION, OK, SYSTEM_LIMIT, TIMEOUT
from ..process.messages import SystemMessage
from ..process.monitors import Monitor
from ..process.slot import UNSET, Slot
from . import spawn_options
from .programs import choose
from .spawn import refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..process.process import Process
    from .exports import Exports
    from .patience import Patience
    from .peer import Peer

ABANDONED = Atom("abandoned")


class Wanted(NamedTuple):
    """What is to be started, and how."""

    module: Atom
    function: Atom
    args: list[Any]
    options: list[Any]

    def __str__(self) -> str:
        return f"{self.module}:{self.function}/{len(self.args)}"


def send_request(
    caller: Process, peer: Peer, wanted: Wanted, record: Start | Asked
) -> None:
    """Send the request that *record* takes the answer of. Never waits."""
    module, function, args, options = wanted
    mfa = (module, function, len(args))
    leader = caller.group_leader
    request = (op.SPAWN_REQUEST, record.ref, caller.pid, leader, mfa, options)
    peer.spawn(request, args, record)


def set_up(
    caller: Process, peer: Peer, ref: Reference, flags: int, result: Pid
) -> None:
    """Give *caller* the link and the monitor that the answer says are there."""
    if flags & op.SPAWN_MONITORED:
        record = Monitor(caller, ref, peer, result)
        record.target = result
        caller.monitors[ref] = peer.monitors[ref.words] = record
    if flags & op.SPAWN_LINKED:
        peer.add_link(caller, result)


def take_back(
    caller: Process, peer: Peer, ref: Reference, flags: int, result: Pid
) -> None:
    """Undo it: the request was abandoned, or its caller has ended meanwhile."""
    if flags & op.SPAWN_MONITORED:
        peer.emit((op.DEMONITOR_P, caller.pid, result, ref))
    if flags & op.SPAWN_LINKED:
        reason = ABANDONED if caller.alive else caller.exit_reason
        peer.exit_link(caller.pid, result, reason)


@final
class Start(Slot):
    """A request whose caller waits; resolves to the pid, or to an atom: why not."""

    __slots__ = ("caller", "peer", "ref")

    def __init__(self, caller: Process, peer: Peer) -> None:
        super().__init__()
        self.caller = caller
        self.peer = peer
        self.ref = caller.new_ref()

    def spawned(self, flags: int, result: Any) -> None:
        caller = self.caller
        if result.__class__ is Pid:
            step = set_up if self.value is UNSET and caller.alive else take_back
            step(caller, self.peer, self.ref, flags, result)
        self.resolve(result)


@final
class Asked:
    """A request whose answer is a message to its caller."""

    __slots__ = ("abandoned", "caller", "on_error", "on_success", "peer", "ref", "tag")

    def __init__(
        self, caller: Process, peer: Peer | None, reply: str, tag: Any
    ) -> None:
        self.caller = caller
        self.peer = peer
        self.ref = caller.new_ref()
        self.tag = tag
        self.on_success = reply in ("yes", "success_only")
        self.on_error = reply in ("yes", "error_only")
        self.abandoned = False

    def spawned(self, flags: int, result: Any) -> None:
        caller = self.caller
        active = caller.alive and not self.abandoned
        if result.__class__ is Pid:
            assert self.peer is not None
            step = set_up if active else take_back
            step(caller, self.peer, self.ref, flags, result)
        if active:
            self.answer(result)

    def answer(self, result: Any) -> None:
        """Deliver the message, if it is wanted."""
        started = result.__class__ is Pid
        if self.on_success if started else self.on_error:
            kind = OK if started else ERROR
            answer = (self.tag, self.ref, kind, result)
            self.caller.deliver(SystemMessage(answer))


async def remote_spawn(
    caller: Process, peer: Peer, wanted: Wanted, patience: Patience
) -> tuple[Pid, Reference]:
    """Start *wanted* on *peer*; return its pid and the reference of its monitor.

    Raises:
        NodeDown: There is no connection, or it was lost.
        StartError: The peer refused, or the time is over; ``reason`` is the word.
    """
    what = f"{wanted} on {peer.name}"
    try:
        if not await patience.ready(peer, caller.pid):
            raise NodeDown(peer.name, f"not connected: {peer.problem}")
    except TimeoutError:
        raise StartError(what, TIMEOUT) from None
    record = Start(caller, peer)
    send_request(caller, peer, wanted, record)
    with patience.timer(caller.runtime.timers, lambda: record.resolve(TIMEOUT)):
        result = await record.wait()
    if result.__class__ is Pid:
        return result, record.ref
    if result == NOCONNECTION:
        raise NodeDown(peer.name, "the connection was lost during the spawn")
    raise StartError(what, result)


def spawn_here(
    caller: Process, exports: Exports, wanted: Wanted
) -> tuple[Pid, Reference | None]:
    """Start *wanted* on this node itself, as a spawn request of a peer would.

    Raises:
        NodeDown: The node is shutting down.
        StartError: A peer would be refused; ``reason`` is the word for it.
    """
    runtime = caller.runtime
    options = spawn_options.read(wanted.options)
    if options is None:
        raise StartError(wanted, spawn_options.BADOPT)
    refused = refusal(runtime, options)
    if refused == NOCONNECTION:
        raise NodeDown(runtime.name, "it is shutting down")
    if refused is not None:
        raise StartError(wanted, refused)
    module, function, args, _ = wanted
    program, arguments, settings = choose(exports, module, function, args)
    try:
        process = runtime.create(
            program,
            name=options.name,
            parent=caller,
            label=str(wanted),
            **settings,
        )
    except SystemLimit:
        raise StartError(wanted, SYSTEM_LIMIT) from None
    if options.link:
        caller.link_nowait(process.pid)
    ref = caller.monitor_nowait(process.pid) if options.monitor else None
    runtime.begin(process, program, arguments)
    return process.pid, ref


def abandon(caller: Process, peers: Iterable[Peer], ref: Reference) -> bool:
    """Do what ``Process.spawn_request_abandon`` says."""
    for peer in peers:
        record = peer.spawns.get(ref.words)
        if isinstance(record, Asked) and record.caller is caller:
            abandoned, record.abandoned = record.abandoned, True
            return not abandoned
    return False
