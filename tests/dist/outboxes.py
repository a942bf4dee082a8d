"""An outbox on a socket that takes what the test allows."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import trio
import trio.testing

from ergopy.dist import outbox
from ergopy.dist.fragmenting import FRAGMENT_SIZE
from ergopy.dist.link import LinkDecoder, LinkEncoder
from ergopy.dist.outbox import Outbox
from etf import Atom, Pid
from tests.dist.transports import Hub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

settle = trio.testing.wait_all_tasks_blocked

SENDERS = [Pid(Atom("here@h"), number, 0, 1) for number in range(6)]
A, B, C = SENDERS[:3]
TO = Pid(Atom("there@h"), 9, 0, 1)
LARGE = 10 * FRAGMENT_SIZE


class Sock:
    """Takes what it is allowed to, and notes it."""

    def __init__(self, allowed: int = 0) -> None:
        self.allowed = allowed
        self.taken = bytearray()
        self.sends: list[int] = []
        self.broken = False
        self._more = trio.Event()

    def send(self, data: Any) -> int:
        if self.broken:
            raise BrokenPipeError("gone")
        self.sends.append(len(data))
        size = min(len(data), self.allowed)
        if size == 0:
            raise BlockingIOError
        self.taken += data[:size]
        self.allowed -= size
        return size

    def sendmsg(self, parts: list[Any]) -> int:
        return self.send(b"".join(parts))

    def allow(self, size: int) -> None:
        self.allowed += size
        self._more.set()
        self._more = trio.Event()

    async def wait_writable(self) -> None:
        while not self.allowed:
            await self._more.wait()

    def close(self) -> None: ...


class Way:
    """An outbox with encoders, as a peer has them, and what has arrived."""

    def __init__(
        self,
        allowed: int = 0,
        high_water: int = outbox.HIGH_WATER,
        gathers: bool = True,
    ) -> None:
        self.sock = Sock(allowed)
        if not gathers:
            # As that of TLS, which takes only bytes in one place.
            self.sock.sendmsg = None  # type: ignore[assignment, method-assign]
        self.hub = Hub()
        self.outbox = Outbox(self.sock, self.hub, high_water)  # type: ignore[arg-type]
        self.cached = LinkEncoder(header=True, cache=True, fragments=True)
        self.plain = LinkEncoder(header=True, fragments=True)
        self.decoder = LinkDecoder(header=True)
        self.decoded = 0

    def send(self, sender: Pid, message: Any) -> None:
        behind = sender in self.outbox.unfinished
        encoder = self.plain if behind else self.cached
        self.outbox.post(encoder.frame((22, sender, TO), message), sender)

    def arrived(self) -> list[tuple[Pid, Any]]:
        """What has come over since the last time, by sender."""
        data = bytes(self.sock.taken[self.decoded :])
        self.decoded += len(data)
        operations = self.decoder.receive_data(data)
        assert self.decoder.error is None, self.decoder.error
        return [(control[1], message) for control, message in operations]

    async def drained(self, step: int = 1 << 30) -> list[tuple[Pid, Any]]:
        """Let everything leave, *step* bytes at a time."""
        while self.outbox.pending():
            self.sock.allow(step)
            await settle()
        return self.arrived()


@asynccontextmanager
async def running(allowed: int = 0, **options: Any) -> AsyncIterator[Way]:
    way = Way(allowed, **options)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(way.outbox._write_blocked)
        await settle()
        yield way
        nursery.cancel_scope.cancel()
