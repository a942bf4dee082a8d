"""One established connection: the only code that touches its socket.

Three tasks: a reader, a writer that sleeps unless the kernel refused bytes, and a
ticker. Frames are collected by :meth:`Transport.write` and leave with the next
:meth:`Transport.flush`, joined into one ``send``. Who runs a step in which frames
are written flushes after it (``hub.current`` says that somebody will); otherwise the
writer is woken to do it.

Ticks follow ``net_ticktime`` (protocol 3.1): one goes out after a quarter of it
without a write, each one received is answered if nothing was written since the last,
and silence for the whole of it ends the connection.

All frames leave in the order in which they were written, exit signals too: that is
the order in which a BEAM takes them. A full queue makes senders of messages wait, and
nobody else; while bytes are queued no tick is needed, they are the sign of life.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, Protocol, final

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..errors import RemoteProtocolError
    from .link import LinkDecoder
    from .network import Socket

logger = logging.getLogger("ergopy.dist")

READ_SIZE = 256 * 1024
FLUSH_SIZE = 64 * 1024
JOIN_SIZE = 1024 * 1024
HIGH_WATER = 1024 * 1024
TICK = b"\0\0\0\0"
TICK_INTENSITY = 4

_buffers = threading.local()


class Hub(Protocol):
    """What the connections of one node share."""

    current: object
    dirty: list[Any]
    starting: bool


@final
class Transport:
    """A socket, its decoder, and the frames that wait to leave.

    Args:
        sock: Connected and started. The transport closes it.
        decoder: Cuts what arrives into operations.
        deliver: Called with each batch of ``(control, message)``. Must not wait or
            raise; runs in the reader's task.
        hub: Where to announce that there is something to flush.
        net_ticktime: Seconds of silence after which the peer is given up.
        high_water: Bytes queued above which :meth:`has_room` says no.
    """

    def __init__(
        self,
        sock: Socket,
        decoder: LinkDecoder,
        deliver: Callable[[list[tuple[tuple[Any, ...], Any]]], None],
        hub: Hub,
        *,
        net_ticktime: float = 60.0,
        high_water: int = HIGH_WATER,
    ) -> None:
        self._sock = sock
        self._send = sock.send
        self._decoder = decoder
        self._deliver = deliver
        self._hub = hub
        self._net_ticktime = net_ticktime
        self.high_water = high_water
        self.queued = 0
        self.closed: str | None = None
        """Why the connection ended; None while it is up."""
        self.error: RemoteProtocolError | None = None
        """How the peer broke the rules, if that is why it ended."""
        self.bytes_in = 0
        self.bytes_out = 0
        self._out: list[bytes | memoryview] = []
        self._dirty = False
        self._blocked = False
        self._writer: trio.lowlevel.Task | None = None
        self._room: trio.Event | None = None
        self._wrote = True
        self._scope = trio.CancelScope()

    def write(self, frame: bytes) -> None:
        """Queue *frame*; it leaves at the next flush. Never waits or raises."""
        if self.closed is not None:
            return
        self._out.append(frame)
        self.queued = queued = self.queued + len(frame)
        if not self._dirty:
            self._dirty = True
            if self._hub.current is not None:
                self._hub.dirty.append(self)
            else:
                self._wake_writer()
        if queued > FLUSH_SIZE and not self._blocked:
            self._push()

    def flush(self) -> None:
        """Hand what is queued to the kernel; the writer sees to what it refuses."""
        self._dirty = False
        if not self._blocked:
            self._push()

    def has_room(self) -> bool:
        """Tell whether less than the high-water mark is queued."""
        return self.queued < self.high_water

    async def room(self) -> None:
        """Wait until there is room, or the connection is gone. Cancel it freely."""
        while not self.has_room() and self.closed is None:
            if self._room is None:
                self._room = trio.Event()
            await self._room.wait()

    def close(self, reason: str) -> None:
        """End the connection; the first reason given is the one reported."""
        if self.closed is None:
            self.closed = reason
            self._out.clear()
            self.queued = 0
            self._let_in()
            self._scope.cancel()

    def fail(self, error: RemoteProtocolError) -> None:
        """End the connection because the peer broke the rules."""
        if self.closed is None:
            self.error = error
            self.close(str(error))

    async def run(self, surplus: bytes = b"") -> str:
        """Be the connection until it ends; return why it did.

        *surplus* is what followed the handshake. The socket is closed on return and
        when cancelled.
        """
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write_blocked)
                    nursery.start_soon(self._tick)
                    await self._read(surplus)
        finally:
            self.close("this node closed it")
            self._sock.close()
        return self.closed or ""

    def _push(self) -> None:
        out = self._out
        while out:
            if len(out) > 1:
                if self.queued > JOIN_SIZE:
                    data, self._out = _join_some(out)
                    out = self._out
                else:
                    data = b"".join(out)
                    out.clear()
            else:
                data = out.pop()
            try:
                sent = self._send(data)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                self.close(f"cannot send: {error}")
                return
            self._wrote = True
            self.bytes_out += sent
            self.queued -= sent
            if sent < len(data):
                out.insert(0, memoryview(data)[sent:])
                self._blocked = True
                self._wake_writer()
                break
        if self._room is not None and self.queued * 2 <= self.high_water:
            self._let_in()

    def _let_in(self) -> None:
        room, self._room = self._room, None
        if room is not None:
            room.set()

    def _wake_writer(self) -> None:
        task = self._writer
        if task is not None:
            self._writer = None
            trio.lowlevel.reschedule(task)

    async def _write_blocked(self) -> None:
        while True:
            if self._blocked:
                await self._sock.wait_writable()
                self._blocked = False
            if self._out:
                self.flush()
            self._dirty = False
            if not self._blocked:
                await self._sleep()

    async def _sleep(self) -> None:
        self._writer = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            self._writer = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    async def _read(self, surplus: bytes) -> None:
        if surplus and self.closed is None:
            self._take(surplus)
        receive_into = self._sock.recv_into
        wait_readable = self._sock.wait_readable
        buffer = _read_buffer()
        while self.closed is None:
            try:
                size = receive_into(buffer)
            except BlockingIOError:
                await wait_readable()
                continue
            except OSError as error:
                self.close(f"cannot receive: {error}")
                return
            if size == 0:
                self.close("the peer closed it")
                return
            self._take(buffer[:size])
            if size < READ_SIZE:
                await wait_readable()
            else:
                await trio.lowlevel.checkpoint()

    def _take(self, data: bytes | memoryview) -> None:
        self.bytes_in += len(data)
        decoder, hub = self._decoder, self._hub
        ticks = decoder.ticks
        packets = decoder.receive_data(data)
        hub.current = self
        hub.starting = False
        try:
            if packets:
                self._deliver(packets)
            if decoder.ticks != ticks:
                self._answer_tick()
        finally:
            hub.current = None
            # A new process has its first step on the next turn, and its flush after
            # it; the answer to who spawned it leaves with what that step has to say.
            if not hub.starting:
                while hub.dirty:
                    hub.dirty.pop().flush()
        if decoder.error is not None:
            self.fail(decoder.error)

    def _answer_tick(self) -> None:
        if self._wrote:
            self._wrote = False
        else:
            self._send_tick()
            self._wrote = False

    def _send_tick(self) -> None:
        # While bytes are queued they are the sign of life.
        if not self._out:
            self.write(TICK)
            self.flush()

    async def _tick(self) -> None:
        interval = self._net_ticktime / TICK_INTENSITY
        silent = 0
        received, written = self.bytes_in, self.bytes_out
        while True:
            await trio.sleep(interval)
            silent = silent + 1 if received == self.bytes_in else 0
            if silent >= TICK_INTENSITY:
                self.close(f"silent for {self._net_ticktime:g} s (net_ticktime)")
                return
            if written == self.bytes_out:
                self._send_tick()
                self._wrote = True
            received, written = self.bytes_in, self.bytes_out


def _read_buffer() -> memoryview:
    """Return the buffer that all connections of this thread read into, one by one."""
    view: memoryview | None = getattr(_buffers, "view", None)
    if view is None:
        view = _buffers.view = memoryview(bytearray(READ_SIZE))
    return view


def _join_some(
    out: list[bytes | memoryview],
) -> tuple[bytes | memoryview, list[bytes | memoryview]]:
    """Take about a megabyte from the front, copying no frame that is large itself."""
    size = count = 0
    for frame in out:
        size += len(frame)
        if size > JOIN_SIZE:
            break
        count += 1
    if count == 0:
        return out[0], out[1:]
    return b"".join(out[:count]), out[count:]
