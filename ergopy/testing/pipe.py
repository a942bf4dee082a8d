"""Sockets in memory: two byte streams with a window, delays and faults.

They behave as TCP does, seen from a node: bytes arrive in order and once, or the
connection is gone; what was accepted and not read yet is bounded by a window; an end
that is closed is read after all that was sent before it. The only time is Trio's.

Where bytes are on their way is a :class:`Way`, one for each direction between two
nodes. It outlives connections: its delay, stall and so on hold for the next one too.
"""

from __future__ import annotations

import errno
import math
import os
from collections import deque
from typing import TYPE_CHECKING, final

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = 64 * 1024
"""Bytes that a direction holds, by default, until a writer has to wait."""


@final
class Way:
    """One direction between two nodes: its faults, and the streams that run there."""

    def __init__(self, window: int = WINDOW, chunk: int | None = None) -> None:
        self.window = window
        self.chunk = chunk
        """Bytes that one read gives at most."""
        self.delay = 0.0
        self.stalled = False
        self.cut = False
        self.allowed = 0
        """Bytes that may pass although it is stalled."""
        self.streams: set[Stream] = set()

    def wake(self) -> None:
        """Let everybody look again; something is different now."""
        for stream in self.streams:
            stream.wake()


@final
class Stream:
    """What one end writes and the other reads."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.ended = False
        """The writer has closed it: nothing follows what is there."""
        self.unread = False
        """The reader has closed it."""
        self.broken = False
        self._held: deque[tuple[float, memoryview]] = deque()
        self.size = 0
        """Bytes that were accepted and not read yet."""
        self._end_due = 0.0
        self.reader = Waiting()
        self.writer = Waiting()
        way.streams.add(self)

    def write(self, data: bytes | memoryview) -> int:
        """Accept *data*, or as much of it as the window takes."""
        way = self.way
        if self.broken:
            raise _os_error(errno.ECONNRESET)
        if self.unread and not way.cut:
            raise _os_error(errno.EPIPE)
        room = way.window - self.size
        if room <= 0:
            raise BlockingIOError
        taken = memoryview(bytes(data[:room]))
        self._held.append((trio.current_time() + way.delay, taken))
        self.size += len(taken)
        self.reader.wake()
        return len(taken)

    def read_into(self, buffer: memoryview) -> int:
        """Fill *buffer* with what has arrived; 0 is the end."""
        if self.broken:
            raise _os_error(errno.ECONNRESET)
        limit = min(len(buffer), self.way.chunk or len(buffer))
        done = 0
        while done < limit and self._passes():
            due, data = self._held.popleft()
            size = min(len(data), limit - done)
            if self.way.stalled:
                size = min(size, self.way.allowed)
                self.way.allowed -= size
            buffer[done : done + size] = data[:size]
            done += size
            if size < len(data):
                self._held.appendleft((due, data[size:]))
        if not done and not self._at_end():
            raise BlockingIOError
        self.size -= done
        if done:
            self.writer.wake()
        return done

    def _passes(self) -> bool:
        """Tell whether the first byte has arrived."""
        way = self.way
        return (
            bool(self._held)
            and not way.cut
            and (not way.stalled or way.allowed > 0)
            and self._held[0][0] <= trio.current_time()
        )

    def _at_end(self) -> bool:
        way = self.way
        return (
            self.ended
            and not self._held
            and not (way.cut or way.stalled)
            and self._end_due <= trio.current_time()
        )

    def is_readable(self) -> bool:
        """Tell whether a read does something else than to say that it has to wait."""
        return self.broken or self._passes() or self._at_end()

    def is_writable(self) -> bool:
        """Tell the same of a write."""
        gone = self.broken or (self.unread and not self.way.cut)
        return gone or self.size < self.way.window

    def next_arrival(self) -> float:
        """Return when the first of what is under way arrives; ``inf`` if nothing does.

        What is held up does not: whoever lets it go wakes the reader.
        """
        if self.way.cut or (self.way.stalled and not self.way.allowed):
            return math.inf
        if self._held:
            return self._held[0][0]
        return self._end_due if self.ended and not self.way.stalled else math.inf

    def end(self) -> None:
        """Close the writing side."""
        self.ended = True
        self._end_due = trio.current_time() + self.way.delay
        self._retire()
        self.reader.wake()

    def abandon(self) -> None:
        """Close the reading side: what is there is lost, and nobody will take more."""
        self.unread = True
        self._held.clear()
        self.size = 0
        self._retire()
        self.writer.wake()

    def break_off(self) -> None:
        """Lose the connection, with all that is under way."""
        self.broken = True
        self._retire()
        self.wake()

    def _retire(self) -> None:
        if self.broken or (self.ended and self.unread):
            self.way.streams.discard(self)

    def wake(self) -> None:
        self.reader.wake()
        self.writer.wake()


@final
class Waiting:
    """The one task that waits for a side of a stream."""

    def __init__(self) -> None:
        self._task: trio.lowlevel.Task | None = None

    def wake(self) -> None:
        """Let it look again."""
        task, self._task = self._task, None
        if task is not None:
            trio.lowlevel.reschedule(task)

    async def park(self) -> None:
        """Wait for :meth:`wake`. Cancel it freely."""
        if self._task is not None:
            raise trio.BusyResourceError("another task waits for this socket")
        self._task = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            self._task = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)


@final
class MemorySocket:
    """One end of a connection in memory; see ``ergopy.dist.network.Socket``."""

    def __init__(self, peer: str, incoming: Stream, outgoing: Stream) -> None:
        self._peer = peer
        self._in = incoming
        self._out = outgoing
        self._closed = False

    def __str__(self) -> str:
        """Say who is at the other end, for logs."""
        return self._peer

    async def start(self) -> None:
        pass

    def check_name(self, node: str) -> None:
        pass

    def send(self, data: bytes | memoryview) -> int:
        self._check_open()
        return self._out.write(data)

    def recv_into(self, buffer: memoryview) -> int:
        self._check_open()
        return self._in.read_into(buffer)

    async def wait_readable(self) -> None:
        await trio.lowlevel.checkpoint()
        while not self._ready(self._in.is_readable):
            with trio.CancelScope(deadline=self._in.next_arrival()):
                await self._in.reader.park()

    async def wait_writable(self) -> None:
        await trio.lowlevel.checkpoint()
        while not self._ready(self._out.is_writable):
            await self._out.writer.park()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._out.end()
            self._in.abandon()
            self._in.reader.wake()
            self._out.writer.wake()

    def _check_open(self) -> None:
        if self._closed:
            raise _os_error(errno.EBADF)

    def _ready(self, condition: Callable[[], bool]) -> bool:
        if self._closed:
            raise trio.ClosedResourceError("this end was closed")
        return condition()


def connect(
    one: tuple[str, Way], two: tuple[str, Way]
) -> tuple[MemorySocket, MemorySocket]:
    """Return both ends: that of *one*, who writes on its way, and that of *two*."""
    (first, there), (second, back) = one, two
    forth, answer = Stream(there), Stream(back)
    return MemorySocket(second, answer, forth), MemorySocket(first, forth, answer)


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
