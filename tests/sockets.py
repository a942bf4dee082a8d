"""Sockets for tests below the node: pairs, and plain ones out of ours."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from ergopy.dist import connect, network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ergopy.dist.handshake import Connected, Connector


class End:
    """One end of a socket pair: what the handshake runs on, with a stream's verbs."""

    def __init__(self, sock: socket.socket) -> None:
        tcp = network.TcpSocket(sock, "the other end")
        self.send, self.recv_into = tcp.send, tcp.recv_into
        self.wait_readable, self.wait_writable = tcp.wait_readable, tcp.wait_writable
        self.start, self.close = tcp.start, tcp.close
        self.check_name = tcp.check_name
        self.check_name = tcp.check_name

    async def send_all(self, data: bytes) -> None:
        await network.send_all(self, data)

    async def receive_some(self) -> bytes:
        return await network.receive_some(self)

    async def aclose(self) -> None:
        self.close()


@pytest.fixture
def socket_pair() -> Iterator[Callable[[], tuple[End, End]]]:
    """Return a function that makes the two ends; they are closed after the test."""
    with ExitStack() as stack:

        def make() -> tuple[End, End]:
            pair = socket.socketpair()
            left, right = (End(stack.enter_context(sock)) for sock in pair)
            return left, right

        yield make


async def dial(
    host: str, port: int, connector: Connector, *, setup_time: float
) -> tuple[socket.socket, Connected]:
    """Dial over TCP; return the plain socket of the system."""
    tcp: Any
    tcp, link = await connect.dial(
        network.TcpNetwork(), host, port, connector, setup_time=setup_time
    )
    return tcp.sock, link


def plain(sock: Any) -> socket.socket:
    """Take the system's socket out of one of ours."""
    assert isinstance(sock.sock, socket.socket)
    return sock.sock
