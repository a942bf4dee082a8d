"""A connection on a socket pair whose far end is the test."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import trio
import trio.testing

from ergopy.dist.link import LinkDecoder, LinkEncoder
from ergopy.dist.network import TcpSocket
from ergopy.dist.transport import Transport
from etf import Atom, Pid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy.dist.limits import LinkLimits

settle = trio.testing.wait_all_tasks_blocked

ENCODER = LinkEncoder(header=True)
A, B = Pid(Atom("a@h"), 1, 0, 1), Pid(Atom("b@h"), 2, 0, 1)
T = 60.0
QUARTER = T / 4


def frame(message: Any) -> bytes:
    return ENCODER.frame((22, A, B), message)


class Hub:
    def __init__(self) -> None:
        self.current: object = None
        self.dirty: list[Any] = []
        self.starting = False


class Sock:
    """A socket that notes what each ``send`` was given."""

    def __init__(self, sock: socket.socket) -> None:
        self.sends: list[int] = []
        self.sock = sock
        tcp = TcpSocket(sock)
        self.fileno, self.close, self.start = sock.fileno, tcp.close, tcp.start
        self.recv_into = tcp.recv_into
        self.wait_readable, self.wait_writable = tcp.wait_readable, tcp.wait_writable

    def send(self, data: bytes) -> int:
        self.sends.append(len(data))
        return self.sock.send(data)


class Link:
    """A transport that runs, and the raw other end of its socket."""

    def __init__(
        self,
        buffer: int | None = None,
        limits: LinkLimits | None = None,
        **options: Any,
    ) -> None:
        ours, self.far = socket.socketpair()
        for sock in (ours, self.far):
            sock.setblocking(False)
            if buffer is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.sock: Any = Sock(ours)
        self.hub = Hub()
        self.got: list[Any] = []
        self.batches: list[int] = []
        self.ended: str | None = None
        self.over = trio.Event()
        self.transport = Transport(
            self.sock,
            LinkDecoder(header=True, limits=limits),
            self.deliver,
            self.hub,
            **({"net_ticktime": T} | options),
        )

    def deliver(self, packets: list[Any]) -> None:
        assert self.hub.current is self.transport
        self.batches.append(len(packets))
        self.got += [message for _, message in packets]

    async def run(self, surplus: bytes = b"") -> None:
        self.ended = await self.transport.run(surplus)
        self.over.set()

    async def read(self, size: int) -> bytes:
        """Read exactly *size* bytes at the far end."""
        data = bytearray()
        while len(data) < size:
            try:
                more = self.far.recv(min(65536, size - len(data)))
            except BlockingIOError:
                await trio.lowlevel.wait_readable(self.far)
                continue
            assert more, "closed"
            data += more
        return bytes(data)

    def waiting(self) -> bytes:
        """What has arrived at the far end, without waiting."""
        data = b""
        while True:
            try:
                more = self.far.recv(65536)
            except BlockingIOError:
                return data
            if not more:
                return data
            data += more


@asynccontextmanager
async def running(surplus: bytes = b"", **options: Any) -> AsyncIterator[Link]:
    link = Link(**options)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.run, surplus)
        await settle()
        yield link
        link.transport.close("the test is over")
    link.far.close()
