"""``BeamLogHandler``: what Python logs goes to the logger of a BEAM as well."""

from __future__ import annotations

import logging
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, final

import trio

from etf import Atom, EncodeError

from ...errors import ConnectError, ErgopyError, NodeNameError
from ...node.naming import split
from .outgoing import LOG, PROXY, event
from .proxy import INCOMING

if TYPE_CHECKING:
    from ...process.process import Process

CAPACITY: Final = 1000
"""Records that wait for a BEAM which is slow, or away."""

RETRY: Final = 5.0
"""Seconds between two attempts to reach one that is away."""

_OWN = ("ergopy", "epmd", "etf")


@final
class BeamLogHandler(logging.Handler):
    """Sends records to the ``logger`` of a BEAM node, which formats them as its own.

    ::

        handler = ergopy.BeamLogHandler(node, "shop@10.0.0.5", level=logging.WARNING)
        logging.getLogger().addHandler(handler)

    Crash, supervisor and progress reports arrive as the reports of OTP, everything else
    as text: what the formatter of the handler makes of it, with a traceback if there
    is one. The metadata has ``pid``, ``time``, ``node``, ``logger``, ``mfa``, ``file``
    and ``line``, and the domain ``[otp]``; reports of supervisors ``[otp, sasl]``.

    To log never waits, in any thread. A process of the node sends what is logged, and
    stays below the high-water mark of the connection. While the BEAM is away at most
    *capacity* records are kept; those that come later are dropped and counted, and when
    it is back it is told how many. What is under way when a connection is lost is lost,
    as any message is.

    What would go in a circle is not sent: records of ergopy itself at level DEBUG,
    those about the connection to this BEAM, and those that came from another node's
    logger (``ergopy.beam``).

    Args:
        node: The node that sends; while it is down nothing is sent.
        peer: The BEAM, by its name.
        level: As for any handler.
        capacity: How many records may wait.

    Raises:
        NodeNameError: *peer* is no name of a node.
    """

    def __init__(
        self,
        node: Any,
        peer: str,
        *,
        level: int | str = logging.NOTSET,
        capacity: int = CAPACITY,
    ) -> None:
        super().__init__(level)
        if capacity < 1:
            raise ValueError(f"capacity= is a number above 0, not {capacity!r}")
        self.node = node
        split(peer)
        self.peer = Atom(peer)
        self.capacity = capacity
        self.dropped = 0
        """Records that were not sent: too many waited, or the node was down."""
        self._untold = 0
        self._queue: deque[tuple[Any, ...]] = deque()
        self._process: Process | None = None
        self._awake = trio.Event()
        self._closed = False
        self._token = _token(node)

    def __repr__(self) -> str:
        return f"<BeamLogHandler to {self.peer}>"

    @property
    def waiting(self) -> int:
        """How many records have not left yet."""
        return len(self._queue)

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record; ``logging`` calls this, one thread at a time."""
        if self._closed or self._goes_in_a_circle(record):
            return
        if len(self._queue) >= self.capacity:
            self._drop(1)
            return
        try:
            self._queue.append(event(record, self.format, self.node.pid))
        except ErgopyError:
            # The node is not up.
            self._drop(1)
        except Exception:
            self.handleError(record)
        else:
            self._call(self._wake)

    def close(self) -> None:
        """Send nothing any more; what waits is dropped."""
        super().close()
        self._closed = True
        self._call(self._wake)

    def _goes_in_a_circle(self, record: logging.LogRecord) -> bool:
        if record.name == INCOMING or getattr(record, "peer", None) == self.peer:
            return True
        ours = record.name.partition(".")[0] in _OWN
        return ours and record.levelno < logging.INFO

    def _drop(self, count: int) -> None:
        self.dropped += count
        self._untold += count

    def _call(self, function: Any) -> None:
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(function, idempotent=True)

    def _wake(self) -> None:
        """Let the process go on, or start one: in the thread of the node."""
        self._awake.set()
        process = self._process
        if self._closed or (process is not None and process.alive):
            return
        try:
            label = f"log for {self.peer}"
            self._process = self.node.runtime.spawn(self._run, (), label=label)
        except ErgopyError:
            self._drop(len(self._queue))
            self._queue.clear()

    async def _run(self, process: Process) -> None:
        """Send what is queued, until the handler is closed."""
        while not self._closed:
            self._awake = trio.Event()
            while self._queue and not self._closed:
                if not await self._reachable():
                    await self._pause(process)
                    continue
                await self._tell_what_was_dropped(process)
                await self._send(process, self._queue.popleft())
            if not self._closed:
                await self._awake.wait()

    async def _pause(self, process: Process) -> None:
        """Wait before the next try, or until the peer comes by itself."""
        process.monitor_nodes(node_type="all")
        with trio.move_on_after(RETRY):
            while self.peer not in self.node.nodes("connected"):
                await process.receive()
        # Nobody takes messages out of the mailbox between two pauses.
        process.monitor_nodes(False, node_type="all")

    async def _reachable(self) -> bool:
        try:
            await self.node.connect(self.peer)
        except (ConnectError, NodeNameError):
            return False
        return True

    async def _send(self, process: Process, event: tuple[Any, ...]) -> None:
        try:
            await process.send((PROXY, self.peer), event)
        except EncodeError:
            self._drop(1)

    async def _tell_what_was_dropped(self, process: Process) -> None:
        count, self._untold = self._untold, 0
        if count:
            text = f"{count} log records of {self.node.name} were dropped".encode()
            meta = {Atom("pid"): process.pid, Atom("domain"): [Atom("otp")]}
            await self._send(process, (LOG, Atom("warning"), text, meta))


def _token(node: Any) -> trio.lowlevel.TrioToken:
    """Return the token of the event loop of the node, from whatever thread it is."""
    try:
        return trio.lowlevel.current_trio_token()
    except RuntimeError:
        token: trio.lowlevel.TrioToken
        token = node.from_thread.run_sync(trio.lowlevel.current_trio_token)
        return token
