"""Starting processes elsewhere: the asking side of SPAWN_REQUEST (protocol 4.6)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, final

from etf import Atom, Pid, Reference

from ..dist import control as op
from ..dist.flags import Flag
from ..errors import NodeDown, StartError
from ..process.atoms import NOCONNECTION, TIMEOUT
from ..process.signals import LINKED, Monitor
from ..process.slot import UNSET, Slot

if TYPE_CHECKING:
    from ..process.process import Process
    from .peer import Peer

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
    module: str,
    function: str,
    args: list[Any],
    *,
    link: bool,
    monitor: bool,
    timeout: float | None,
) -> Any:
    """Start ``module:function(args)`` on *peer*; see ``Node.remote_spawn``."""
    what = f"{module}:{function}/{len(args)} on {peer.name}"
    if not await peer.ready():
        raise NodeDown(peer.name, "not connected, and cannot be")
    if not peer.flags & Flag.SPAWN:
        raise StartError(what, Atom("notsup"))
    runtime = caller.runtime
    ref = runtime.new_reference()
    record = _Start(caller, peer, ref)
    options = [Atom("monitor")] * monitor + [Atom("link")] * link
    mfa = (Atom(module), Atom(function), len(args))
    leader = caller.group_leader
    peer.emit((op.SPAWN_REQUEST, ref, caller.pid, leader, mfa, options), list(args))
    peer.spawns[ref.words] = record
    timer = None
    if timeout is not None and timeout != math.inf:
        timer = runtime.timers.start(timeout, lambda: record.resolve(TIMEOUT))
    try:
        result = await record.wait()
    finally:
        if timer is not None:
            timer.cancel()
    if result.__class__ is not Pid:
        if result == NOCONNECTION:
            raise NodeDown(peer.name, "the connection was lost during the spawn")
        raise StartError(what, result)
    return (result, ref) if monitor else result
