"""What etop needs to show how long each process has run: a trace port.

With its tracing on, which is the default for another node, etop starts a relay with the
tracer ``dbg``, lets it open a port of TCP, and reads there when processes run. Here the
relay is all there is of ``dbg``: it listens where the node does, for as long as its
tracer lives, and tells whoever connects, some times in a second, how long each process
has run since. Nothing is measured while nobody is connected, and a node with TLS does
not listen.

Unlike the node such a port asks for no cookie, as on a BEAM. It tells pids and times.
"""

from __future__ import annotations

import logging
import struct
import time
from typing import TYPE_CHECKING, Any, final

import trio

import etf
from etf import Atom, Fun, Pid

from ...errors import Exit
from ...node.questions import Room
from ...process.atoms import BADARG
from ...process.messages import ExitMessage
from ...process.runner import Life
from ..facts import links

if TYPE_CHECKING:
    from ...process.process import Process
    from ...process.runtime import Runtime

ROOM = Room("dbg")

NAME = "dbg_relay"
"""The name of the relay: there is one at a time."""

INTERVAL = 0.25
"""Seconds between two reports."""

PATIENCE = 5.0
"""Seconds that who has connected may take to read a report."""

MAX_VIEWERS = 8
"""Connections of one relay; of more, each is closed at once."""

_QUEUE_LENGTH = 5000
_FIRST_PORT = 1024
_LAST_PORT = 65_535
_HEAD = struct.Struct(">BI")
_STARTED = Atom("started")
_TRACE = Atom("trace_ts")
_IN, _OUT = Atom("in"), Atom("out")

logger = logging.getLogger("ergopy.services")


@ROOM.reads
def erlang_trace(node: Any, whom: Any, how: Any, flags: Any, more: Any = None) -> int:
    """Trace when processes run, as etop does; nothing else can be traced."""
    if more is not None:
        # From OTP 27 on a trace session comes first.
        whom, how, flags = how, flags, more
    known = {"running", "timestamp"}
    names = {flag for flag in flags if isinstance(flag, Atom)}
    if whom is not Atom("all") or (how is True and not names <= known):
        raise ValueError(flags)
    return len(node.processes())


async def do_relay(
    process: Process, parent: Any, relayed: Any, more: Any = None
) -> None:
    """Be the relay of a tracer on another node; ``dbg:do_relay/2``.

    From OTP 27 on the name of a trace session comes first, and a session is told back.
    There is nothing to tell sessions apart for, so that the relay stands for its own.
    """
    session = []
    if more is not None:
        parent, relayed, session = relayed, more, [process.pid]
    if not isinstance(parent, Pid):
        raise Exit(BADARG)
    process.trap_exit = True
    process.label = NAME
    port = _port(relayed)
    alone = process.whereis(NAME) is None
    if port is not None and alone:
        process.register(NAME)
        listeners = await _listen(process.node, port)
        if listeners:
            process.start_soon(trio.serve_listeners, _served_by(process), listeners)
    await process.send(parent, (_STARTED, process.pid, *session))
    while not isinstance(await process.receive(), ExitMessage):
        pass


def _port(relayed: Any) -> int | None:
    """Return which port is to be opened: a fun that would do so has it with it.

    It has the length of a queue too, in whatever order; etop's is always the same.
    """
    match relayed:
        case (Atom(), Fun(free=(int(one), int(other)))):
            port = other if one == _QUEUE_LENGTH else one
            return port if _FIRST_PORT <= port <= _LAST_PORT else None
    return None


async def _listen(node: Any, port: int) -> list[trio.SocketListener]:
    hosts = {socket.getsockname()[0] for socket in links.listening(node)}
    listeners: list[trio.SocketListener] = []
    try:
        for host in sorted(hosts):
            listeners += await trio.open_tcp_listeners(port, host=host)
    except OSError as error:
        logger.warning("cannot listen on port %d for etop: %s", port, error)
        for listener in listeners:
            await listener.aclose()
        return []
    return listeners


def _served_by(process: Process) -> Any:
    meters: list[RunningTimes] = []

    async def serve(stream: trio.SocketStream) -> None:
        if len(meters) >= MAX_VIEWERS:
            await trio.aclose_forcefully(stream)
            return
        meter = RunningTimes(process.runtime)
        meters.append(meter)
        trio.lowlevel.add_instrument(meter)
        try:
            while True:
                await trio.sleep(INTERVAL)
                data = b"".join(map(_packed, meter.take().items()))
                if data:
                    with trio.fail_after(PATIENCE):
                        await stream.send_all(data)
        except (trio.BrokenResourceError, trio.TooSlowError):
            # It has seen enough.
            pass
        finally:
            meters.remove(meter)
            trio.lowlevel.remove_instrument(meter)
            await trio.aclose_forcefully(stream)

    return serve


@final
class RunningTimes(trio.abc.Instrument):
    """Adds up, by process of one node, how long it runs."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._times: dict[Pid, int] = {}
        self._began = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._began = time.perf_counter_ns()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        life: Any = task.coro
        if life.__class__ is Life and life.process.runtime is self._runtime:
            pid = life.process.pid
            spent = time.perf_counter_ns() - self._began
            self._times[pid] = self._times.get(pid, 0) + spent

    def take(self) -> dict[Pid, int]:
        """Return the nanoseconds by pid since this was called last."""
        times, self._times = self._times, {}
        return times


def _packed(spent: tuple[Pid, int]) -> bytes:
    """Write that a process has run: as a BEAM tells when it went in and out."""
    pid, nanoseconds = spent
    now = time.time_ns()
    return _message(pid, _IN, now - nanoseconds) + _message(pid, _OUT, now)


def _message(pid: Pid, what: Atom, nanoseconds: int) -> bytes:
    seconds, rest = divmod(nanoseconds, 10**9)
    at = (*divmod(seconds, 10**6), rest // 1000)
    data = etf.encode((_TRACE, pid, what, 0, at))
    return _HEAD.pack(0, len(data)) + data
