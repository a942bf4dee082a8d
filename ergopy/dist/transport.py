"""One established connection: the only code that touches its socket.

Three tasks: a reader, a writer (see :mod:`ergopy.dist.outbox`, the way out) that sleeps
unless the kernel refused bytes, and a ticker.

Ticks follow ``net_ticktime`` (protocol 3.1): one goes out after a quarter of it
without a write, each one received is answered if nothing was written since the last,
and silence for the whole of it ends the connection. While bytes are queued no tick is
needed, they are the sign of life.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, final

import trio

from etf import Atom

from .network import READ_SIZE, ReadBuffer
from .outbox import HIGH_WATER as HIGH_WATER
from .outbox import TURN_SIZE, Outbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..errors import RemoteProtocolError
    from .link import LinkDecoder
    from .network import Socket
    from .outbox import Hub

logger = logging.getLogger("ergopy.dist")

TICK = b"\0\0\0\0"
TICK_INTENSITY = 4

# Why a connection ended, as a BEAM says it to those who monitor nodes.
CONNECTION_CLOSED = Atom("connection_closed")
NET_TICK_TIMEOUT = Atom("net_tick_timeout")
KILLED = Atom("killed")

_buffer = ReadBuffer()


@final
class Transport(Outbox):
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
        super().__init__(sock, hub, high_water)
        self._decoder = decoder
        self._deliver = deliver
        self.net_ticktime = net_ticktime
        """May be changed; the next tick follows it."""
        self.cause: Any = CONNECTION_CLOSED
        """Why the connection ended, as a term: the ``nodedown_reason`` of a BEAM."""
        self.error: RemoteProtocolError | None = None
        """How the peer broke the rules, if that is why it ended."""
        self.bytes_in = 0
        self.signals_in = 0
        """Messages and other signals that were delivered."""
        self.ticks_out = 0
        self._scope = trio.CancelScope()

    @property
    def socket(self) -> Socket:
        """What it runs on, to be looked at."""
        return self._sock

    @property
    def packets_in(self) -> int:
        """Packets received, ticks not counted."""
        return self._decoder.packets

    @property
    def ticks_in(self) -> int:
        """Ticks received."""
        return self._decoder.ticks

    def close(self, reason: str, cause: Any = CONNECTION_CLOSED) -> None:
        """End the connection; the first reason given is the one reported.

        *cause* is the reason as a term, for those who monitor nodes.
        """
        if self.closed is None:
            self.cause = cause
            super().close(reason)
            self._scope.cancel()

    def fail(self, error: RemoteProtocolError) -> None:
        """End the connection because the peer broke the rules."""
        if self.closed is None:
            self.error = error
            self.close(str(error), (KILLED, str(error).encode("utf-8", "replace")))

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
            self._decoder.forget()
            self._sock.close()
        return self.closed or ""

    async def _read(self, surplus: bytes) -> None:
        if surplus and self.closed is None:
            self._take(surplus)
        receive_into = self._sock.recv_into
        wait_readable = self._sock.wait_readable
        buffer = _buffer.view
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
        self._allowance = TURN_SIZE
        decoder, hub = self._decoder, self._hub
        ticks = decoder.ticks
        packets = decoder.receive_data(data)
        hub.current = self
        hub.starting = False
        try:
            if packets:
                self.signals_in += len(packets)
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
        if not self.pending():
            self.ticks_out += 1
            self.write(TICK)
            self.flush()

    async def _tick(self) -> None:
        silent = 0
        received, written = self.bytes_in, self.bytes_out
        while True:
            interval = self.net_ticktime / TICK_INTENSITY
            await trio.sleep(interval)
            silent = silent + 1 if received == self.bytes_in else 0
            if silent >= TICK_INTENSITY:
                reason = f"silent for {self.net_ticktime:g} s (net_ticktime)"
                self.close(reason, NET_TICK_TIMEOUT)
                return
            if written == self.bytes_out:
                self._send_tick()
                self._wrote = True
            received, written = self.bytes_in, self.bytes_out
            if (error := self._decoder.grow_older(interval)) is not None:
                self.fail(error)
                return
