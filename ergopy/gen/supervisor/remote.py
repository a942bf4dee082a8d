"""A child on another node: spawned there, linked to the supervisor here.

Of a plain function the supervisor knows only that it runs. What ``proc_lib`` starts,
every OTP behaviour among it, says when it is up: the supervisor waits for that, with
link and monitor from before its first step, so that no end of it is missed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom

from ...errors import Ignored, NodeDown, ReceiveTimeout, StartError
from ...process.atoms import KILL, NOCONNECTION, TIMEOUT
from ...process.init_ack import ACK, IGNORED, NACK
from ...process.messages import Down
from ...process.start import lineage
from .ends import end_of
from .otp_starts import recognised

if TYPE_CHECKING:
    from etf import Pid, Reference

    from ...process.process import Process
    from .otp_starts import OtpStart
    from .spec import ChildSpec

SPAWN_TIMEOUT = 5.0
"""Seconds for the other node to answer, unless the specification says otherwise."""

_PROC_LIB = "proc_lib"
_INIT_P = "init_p"


async def start(supervisor: Process, spec: ChildSpec, args: tuple[Any, ...]) -> Pid:
    """Start a child on ``spec.node``.

    Raises:
        StartError: It did not come up; ``noconnection`` if the node is not there.
        Ignored: Its ``init`` wanted no process.
    """
    module, function = spec.start
    known = recognised(module, function, list(args))
    try:
        if known is None:
            return await _spawn(supervisor, spec, module, function, list(args))
        return await _proc_lib(supervisor, spec, known)
    except NodeDown as down:
        raise StartError(spec.id, NOCONNECTION) from down


async def _spawn(
    supervisor: Process, spec: ChildSpec, module: Any, function: Any, args: list[Any]
) -> Pid:
    pid: Pid = await supervisor.remote_spawn(
        _node(spec),
        module,
        function,
        args,
        name=spec.name,
        link=True,
        timeout=_patience(spec),
    )
    return pid


async def _proc_lib(supervisor: Process, spec: ChildSpec, known: OtpStart) -> Pid:
    ancestors = lineage(supervisor)[1:]
    call = known.call(supervisor.pid)
    pid: Pid
    pid, ref = await supervisor.remote_spawn(
        _node(spec),
        _PROC_LIB,
        _INIT_P,
        [supervisor.pid, ancestors, *call],
        name=spec.name,
        link=True,
        monitor=True,
        timeout=_patience(spec),
    )
    try:
        message = await supervisor.receive(
            lambda message: _is_outcome(message, pid, ref),
            float("inf") if spec.init_timeout is None else spec.init_timeout,
        )
    except ReceiveTimeout:
        _give_up(supervisor, pid, ref)
        raise StartError(spec.id, TIMEOUT) from None
    except BaseException:
        # Cancelled: the supervisor is being killed, and takes its links with it.
        supervisor.demonitor(ref)
        raise
    if isinstance(message, Down):
        raise StartError(spec.id, end_of(supervisor, pid, message.reason))
    match message[2]:
        case (Atom("ok"), *_) if message[0] is ACK:
            supervisor.demonitor(ref)
            return pid
    # It ends by itself now: wait for that, so that its name is free.
    down = await supervisor.receive(ref)
    end_of(supervisor, pid, down.reason)
    raise _refusal(spec, message[2])


def _refusal(spec: ChildSpec, answer: Any) -> StartError:
    match answer:
        case (Atom("error"), reason):
            return StartError(spec.id, reason)
    return Ignored(spec.id) if answer == IGNORED else StartError(spec.id, answer)


def _is_outcome(message: Any, pid: Pid, ref: Reference) -> bool:
    if isinstance(message, Down):
        return message.ref == ref
    if not (isinstance(message, tuple) and len(message) == 3):
        return False
    return (message[0] is ACK or message[0] is NACK) and message[1] == pid


def _give_up(supervisor: Process, pid: Pid, ref: Reference) -> None:
    supervisor.demonitor(ref)
    supervisor.unlink(pid)
    supervisor.exit_nowait(pid, KILL)
    end_of(supervisor, pid, None)


def _node(spec: ChildSpec) -> str:
    assert spec.node is not None
    return spec.node


def _patience(spec: ChildSpec) -> float:
    return SPAWN_TIMEOUT if spec.init_timeout is None else spec.init_timeout
