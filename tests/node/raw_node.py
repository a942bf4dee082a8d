"""A node made of the handshake alone: it answers and dials as the test says."""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy.dist.connect import Decision, answer
from ergopy.dist.flags import Flag, offered
from ergopy.dist.handshake import Acceptor, Connector, Identity
from ergopy.dist.network import tcp_socket
from ergopy.errors import ConnectError
from tests.nodes import COOKIE
from tests.sockets import dial, plain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import ergopy
    from ergopy.dist.handshake import Connected, NameReceived

    MakeRaw = Callable[..., Awaitable["RawNode"]]


class RawNode:
    """Listens; ``status`` is what it says to who dials.

    None is that it says nothing until ``go_on`` is set.
    """

    def __init__(
        self, name: str, status: str | None = "ok", cookie: str = COOKIE
    ) -> None:
        self.name = name
        self.status = status
        self.cookie = cookie
        self.go_on = trio.Event()
        self.asked = 0
        """How often somebody dialled."""
        self.links: list[Connected] = []
        self.socks: list[socket.socket] = []
        self.replaced = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = ("127.0.0.1", self.listener.getsockname()[1])

    @property
    def identity(self) -> Identity:
        return Identity(self.name, 7, offered())

    async def serve(self) -> None:
        """Answer those who dial, one after the other, for ever."""
        self.listener.setblocking(False)
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(self.listener))
        await trio.serve_listeners(self._handshake, [listener])

    async def _handshake(self, stream: trio.SocketStream) -> None:
        self.asked += 1
        sock = tcp_socket(stream.socket, "whoever dials")
        link = None
        try:
            if self.status is None:
                await self.go_on.wait()
            acceptor = Acceptor(self.identity, challenge=secrets.randbits(32))
            link = await answer(sock, acceptor, self, setup_time=5)
        except ConnectError:
            pass
        finally:
            if link is None:
                sock.close()
        if link is not None:
            self.established(sock, link)

    def decide(self, who: NameReceived) -> Decision:
        status: Any = self.status
        return Decision(status, self.cookie)

    def replace(self, name: str) -> None:
        self.replaced += 1

    def established(self, sock: Any, link: Connected) -> None:
        self.socks.append(plain(sock))
        self.links.append(link)

    async def dial(self, node: ergopy.Node, *, nameless: bool = False) -> socket.socket:
        """Connect to a node of ours; return the socket of the link."""
        flags = offered() | Flag.NAME_ME if nameless else offered()
        me = Identity(self.name, 7, flags)
        connector = Connector(
            me, node.name, self.cookie, challenge=secrets.randbits(32)
        )
        sock, link = await dial("127.0.0.1", node.port, connector, setup_time=5)
        self.socks.append(sock)
        self.links.append(link)
        return sock

    async def begin_to_dial(self, node: ergopy.Node) -> trio.SocketStream:
        """Say who we are, and wait for the status that comes back."""
        connector = Connector(self.identity, node.name, self.cookie, challenge=1)
        stream = await trio.open_tcp_stream("127.0.0.1", node.port)
        await stream.send_all(connector.data_to_send())
        await stream.receive_some(1)
        return stream

    def close(self) -> None:
        self.listener.close()
        for sock in self.socks:
            sock.close()


@pytest.fixture
async def make_raw() -> AsyncIterator[MakeRaw]:
    """Return a function that makes such a node, which serves until the test ends."""
    made: list[RawNode] = []
    async with trio.open_nursery() as nursery:

        async def make(name: str, **options: Any) -> RawNode:
            raw = RawNode(name, **options)
            made.append(raw)
            nursery.start_soon(raw.serve)
            await trio.lowlevel.checkpoint()
            return raw

        yield make
        nursery.cancel_scope.cancel()
    for raw in made:
        raw.close()


async def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* holds; the timeout of the test bounds it."""
    while not condition():
        await trio.lowlevel.checkpoint()


async def is_closed(sock: socket.socket) -> bool:
    """Read and forget what comes; return whether the other side closes."""
    with trio.move_on_after(30):
        while True:
            await trio.lowlevel.wait_readable(sock)
            try:
                if not sock.recv(65536):
                    return True
            except ConnectionError:
                return True
    return False
