"""Calling functions on other nodes: erpc, or rex where there is no erpc.

erpc (protocol 6.7) is a spawn request with a monitor; the value is the exit reason
of the process that was spawned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from etf import Atom, Pid, Reference

from ..dist import control as op
from ..dist.flags import Flag
from ..errors import CallError, CallExit, CallTimeout, NodeDown, RpcError
from ..process.atoms import NOCONNECTION, TIMEOUT
from ..process.slot import UNSET, Slot
from .patience import Patience

if TYPE_CHECKING:
    from ..process.process import Process
    from .exports import Exports
    from .peer import Peer

    Mfa = tuple[Atom, Atom, list[Any]]

_EXECUTE = (Atom("erpc"), Atom("execute_call"), 4)
_OPTIONS = [Atom("monitor")]
_USER = Atom("user")


class _Awaited(Slot):
    """One erpc call; resolves to ``("ended", reason)`` or ``("refused", atom)``."""

    __slots__ = ()

    def fire(self, reason: Any) -> None:
        self.resolve(("ended", reason))

    def give_up(self) -> None:
        """Want to hear no more of it."""
        raise NotImplementedError

    def time_out(self) -> None:
        self.give_up()
        self.resolve(("refused", TIMEOUT))


@final
class _Execution(_Awaited):
    """On another node."""

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

    def give_up(self) -> None:
        if self.worker is not None:
            self.peer.demonitor(self.caller.pid, self.worker, self.ref)


@final
class _LocalExecution(_Awaited):
    """On this node itself."""

    __slots__ = ("process",)

    def __init__(self, process: Process) -> None:
        super().__init__()
        self.process = process
        process.watchers[self] = self

    def give_up(self) -> None:
        self.process.watchers.pop(self, None)


async def rpc(caller: Process, peer: Peer, mfa: Mfa, timeout: float | None) -> Any:
    """Run *mfa* on *peer*; see ``Node.rpc``."""
    patience = Patience(timeout)
    try:
        if not await patience.ready(peer, caller.pid):
            raise RpcError("erpc", NOCONNECTION)
    except TimeoutError:
        raise RpcError("erpc", TIMEOUT) from None
    if not peer.flags & Flag.SPAWN:
        return await _through_rex(caller, peer, mfa, patience)
    runtime = caller.runtime
    ref, result = runtime.new_reference(), runtime.new_reference()
    record = _Execution(caller, peer, ref)
    leader = caller.group_leader
    request = (op.SPAWN_REQUEST, ref, caller.pid, leader, _EXECUTE, _OPTIONS)
    peer.spawn(request, [result, *mfa], record)
    return await _outcome(caller, record, result, patience)


async def rpc_here(
    caller: Process, exports: Exports, mfa: Mfa, timeout: float | None
) -> Any:
    """Run what is exported as *mfa* on this node itself, in a process of its own."""
    patience = Patience(timeout)
    program = exports.program(*_EXECUTE[:2])
    if program is None:
        raise RpcError("erpc", Atom("notsup"))
    module, function, args = mfa
    runtime = caller.runtime
    label = f"{module}:{function}/{len(args)}"
    process = runtime.create(program, parent=caller, label=label)
    record = _LocalExecution(process)
    result = runtime.new_reference()
    runtime.begin(process, program, (result, *mfa))
    return await _outcome(caller, record, result, patience)


async def _outcome(
    caller: Process,
    record: _Awaited,
    result: Reference,
    patience: Patience,
) -> Any:
    with patience.timer(caller.runtime.timers, record.time_out):
        outcome, value = await record.wait(record.give_up)
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
    caller: Process, peer: Peer, mfa: Mfa, patience: Patience
) -> Any:
    request = (Atom("call"), *mfa, _USER)
    try:
        value = await caller.call(("rex", peer.name), request, patience.left())
    except CallTimeout:
        raise RpcError("erpc", TIMEOUT) from None
    except NodeDown:
        raise RpcError("erpc", NOCONNECTION) from None
    except CallExit as error:
        raise RpcError("signal", error.reason) from None
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
            mfa = (Atom("erlang"), Atom("system_info"), args)
            text = await rpc(caller, peer, mfa, 2.0)
            peer.release = int("".join(map(chr, text)))
        except (RpcError, TypeError, ValueError):
            peer.release = 0
    return peer.release or None
