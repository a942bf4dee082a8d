"""Calling functions on other nodes: erpc, or rex where there is no erpc.

erpc (protocol 6.7) is a spawn request with a monitor; the value is the exit reason
of the process that was spawned.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, final

from etf import Atom, Pid, Reference

from ..dist import control as op
from ..dist.flags import Flag
from ..errors import CallError, CallTimeout, NodeDown, RpcError
from ..process.atoms import NOCONNECTION, TIMEOUT
from ..process.slot import UNSET, Slot

if TYPE_CHECKING:
    from ..process.process import Process
    from .peer import Peer

_EXECUTE = (Atom("erpc"), Atom("execute_call"), 4)
_OPTIONS = [Atom("monitor")]
_USER = Atom("user")


@final
class _Execution(Slot):
    """One erpc call; resolves to ``("ended", reason)`` or ``("refused", atom)``."""

    __slots__ = ("caller", "peer", "ref", "worker")

    def __init__(self, caller: Process, peer: Peer, ref: Reference) -> None:
        super().__init__()
        self.caller = caller
        self.peer = peer
        self.ref = ref
        self.worker: Pid | None = None

    def spawned(self, flags: int, result: Any) -> None:
        if result.__class__ is not Pid:
            self.resolve(("refused", result))
        elif self.value is UNSET:
            self.worker = result
            self.peer.monitors[self.ref.words] = self
        else:
            # Nobody waits any more: take the monitor back.
            self.peer.emit((op.DEMONITOR_P, self.caller.pid, result, self.ref))

    def fire(self, reason: Any) -> None:
        self.resolve(("ended", reason))

    def give_up(self) -> None:
        if self.worker is not None:
            self.peer.demonitor(self.caller.pid, self.worker, self.ref)

    def time_out(self) -> None:
        self.give_up()
        self.resolve(("refused", TIMEOUT))


async def rpc(
    caller: Process,
    peer: Peer,
    module: str,
    function: str,
    args: list[Any],
    timeout: float | None,
) -> Any:
    """Run ``module:function(args)`` on *peer*; see ``Node.rpc``."""
    if not await peer.ready():
        raise RpcError("erpc", NOCONNECTION)
    mfa = Atom(module), Atom(function), list(args)
    if not peer.flags & Flag.SPAWN:
        return await _through_rex(caller, peer, mfa, timeout)
    runtime = caller.runtime
    ref, result = runtime.new_reference(), runtime.new_reference()
    record = _Execution(caller, peer, ref)
    leader = caller.group_leader
    peer.emit(
        (op.SPAWN_REQUEST, ref, caller.pid, leader, _EXECUTE, _OPTIONS),
        [result, *mfa],
    )
    peer.spawns[ref.words] = record
    timer = None
    if timeout is not None and timeout != math.inf:
        timer = runtime.timers.start(timeout, record.time_out)
    try:
        outcome, value = await record.wait(record.give_up)
    finally:
        if timer is not None:
            timer.cancel()
    if outcome == "refused":
        raise RpcError("erpc", value)
    return _value(value, result)


def _value(reason: Any, result: Reference) -> Any:
    match reason:
        case (Reference() as ref, str(kind), *rest) if ref == result:
            match kind, rest:
                case "return", [value]:
                    return value
                case "throw" | "exit", [value]:
                    raise RpcError(kind, value)
                case "error", [(Atom("erpc"), why)]:
                    raise RpcError("erpc", why)
                case "error", [why]:
                    raise RpcError("error", why)
                case "error", [why, list(stack)]:
                    raise RpcError("error", why, stack)
    if reason == NOCONNECTION:
        raise RpcError("erpc", NOCONNECTION)
    raise RpcError("signal", reason)


async def _through_rex(
    caller: Process, peer: Peer, mfa: tuple[Any, ...], timeout: float | None
) -> Any:
    try:
        value = await caller.call(
            ("rex", peer.name), (Atom("call"), *mfa, _USER), timeout
        )
    except CallTimeout:
        raise RpcError("erpc", TIMEOUT) from None
    except NodeDown:
        raise RpcError("erpc", NOCONNECTION) from None
    except CallError as error:
        raise RpcError("erpc", Atom("notsup")) from error
    match value:
        case (Atom("badrpc"), (Atom("EXIT"), (why, list(stack)))):
            raise RpcError("error", why, stack)
        case (Atom("badrpc"), (Atom("EXIT"), why)):
            raise RpcError("exit", why)
        case (Atom("badrpc"), why):
            raise RpcError("erpc", why)
    return value


async def release_of(caller: Process, peer: Peer) -> int | None:
    """Return the OTP release of *peer*, or None; asked once per connection."""
    if peer.flags & Flag.ALTACT_SIG:
        return 28
    if peer.release is None:
        args = [Atom("otp_release")]
        try:
            text = await rpc(caller, peer, "erlang", "system_info", args, 2.0)
            peer.release = int("".join(map(chr, text)))
        except (RpcError, TypeError, ValueError):
            peer.release = 0
    return peer.release or None
