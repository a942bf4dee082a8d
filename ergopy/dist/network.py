"""What connections run on: sockets that never block, and where they come from.

A :class:`Socket` carries one handshake, and then one connection. A :class:`Network`
makes them: :class:`TcpNetwork` over TCP, :mod:`ergopy.dist.tls` over TLS, and
:mod:`ergopy.testing` in memory. Nothing above this module knows which one it has.
"""

from __future__ import annotations

import contextlib
import socket as sockets
import threading
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol, final

import trio

from ..errors import ConnectError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

BACKLOG = 128
READ_SIZE = 256 * 1024
_READ = 4096


@final
class ReadBuffer(threading.local):
    """The buffer that all connections of this thread read into, one by one."""

    @cached_property
    def view(self) -> memoryview:
        """All of it; made when it is first asked for."""
        return memoryview(bytearray(READ_SIZE))


class Socket(Protocol):
    """One byte stream, both ways. Only the ``wait`` methods and ``start`` wait.

    It may have ``sendmsg`` as well: ``send`` for bytes that are in several places.
    """

    @property
    def send(self) -> Callable[[Any], int]:
        """Take bytes, or some of them; return how many.

        Raises:
            BlockingIOError: None can be taken now. Offer them again, and no others.
            OSError: The stream is broken.
        """

    @property
    def recv_into(self) -> Callable[[memoryview], int]:
        """Fill the buffer with what is there; return how much, 0 at the end.

        Less than the whole buffer means that nothing more is there now.

        Raises:
            BlockingIOError: Nothing is there now.
            OSError: The stream is broken.
        """

    @property
    def wait_readable(self) -> Callable[[], Awaitable[None]]:
        """Wait until ``recv_into`` is worth a try.

        One task at a time; cancel it freely.
        """

    @property
    def wait_writable(self) -> Callable[[], Awaitable[None]]:
        """Wait until ``send`` is worth a try. One task at a time; cancel it freely."""

    async def start(self) -> None:
        """Do what precedes the first byte on a socket that was accepted.

        Raises:
            ConnectError: The peer does not play along; or a subclass.
        """

    def check_name(self, node: str) -> None:
        """Compare the name that the node gives with what its socket proves of it.

        Raises:
            CertificateError: It shows who it is, and is somebody else.
        """

    def close(self) -> None:
        """End it; whoever waits gets an error. Never waits or raises."""


class Listener(Protocol):
    """Where other nodes connect to."""

    port: int

    async def accept(self) -> Socket:
        """Wait for the next one that connects. ``start`` it before use.

        Raises:
            OSError: As ``socket.accept``; ``EBADF`` once it is closed.
        """

    def close(self) -> None:
        """Accept no more."""


class Network(Protocol):
    """Makes sockets."""

    prefix: int
    """The bytes of the length of a handshake message: 2, over TLS 4."""

    async def connect(self, node: str, host: str, port: int) -> Socket:
        """Connect to where *node* is; the socket is started.

        Raises:
            OSError: Nobody is there, or the host cannot be looked up.
            ConnectError: Somebody is there, but not as it should be; or a subclass.
        """

    def listen(
        self, node: str, hosts: Sequence[str], ports: tuple[int, int]
    ) -> list[Listener]:
        """Listen on every one of *hosts*, on the first port that is free on all.

        Raises:
            ConnectError: There is none, or an address is none of ours.
        """


async def receive_some(socket: Socket) -> bytes:
    """Wait for some bytes; ``b""`` at the end."""
    buffer = bytearray(_READ)
    view = memoryview(buffer)
    await trio.lowlevel.checkpoint()
    while True:
        try:
            return bytes(view[: socket.recv_into(view)])
        except BlockingIOError:
            await socket.wait_readable()


async def send_all(socket: Socket, data: bytes) -> None:
    """Send *data*, waiting as often as need be."""
    await trio.lowlevel.checkpoint()
    left = memoryview(data)
    while left:
        try:
            left = left[socket.send(left) :]
        except BlockingIOError:
            await socket.wait_writable()


@final
class TcpSocket:
    """A connected stream socket of the system; takes it over."""

    def __init__(self, sock: sockets.socket, peer: object = None) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._peer = peer
        self.send = sock.send
        self.sendmsg = getattr(sock, "sendmsg", None)
        self.recv_into = sock.recv_into
        self.wait_readable = partial(trio.lowlevel.wait_readable, sock)
        self.wait_writable = partial(trio.lowlevel.wait_writable, sock)

    def __str__(self) -> str:
        """Say where the peer is, for logs."""
        return f"{self._peer}"

    async def start(self) -> None:
        pass

    def check_name(self, node: str) -> None:
        pass

    def close(self) -> None:
        _close(self.sock)


@final
class TcpListener:
    """A listening socket of the system; takes it over."""

    def __init__(self, sock: sockets.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._accept = trio.socket.from_stdlib_socket(sock).accept
        self.port: int = sock.getsockname()[1]

    async def accept(self) -> TcpSocket:
        accepted, address = await self._accept()
        return tcp_socket(accepted, address)

    def close(self) -> None:
        _close(self.sock)


@final
class TcpNetwork:
    """Connections over plain TCP."""

    prefix = 2

    async def connect(self, node: str, host: str, port: int) -> TcpSocket:
        stream = await trio.open_tcp_stream(host, port)
        return tcp_socket(stream.socket, (host, port))

    def listen(
        self, node: str, hosts: Sequence[str], ports: tuple[int, int]
    ) -> list[Listener]:
        return [TcpListener(sock) for sock in bind_all(node, hosts, ports)]


def tcp_socket(trio_socket: trio.socket.SocketType, peer: object) -> TcpSocket:
    """Take the plain socket out of Trio's, ready for a connection.

    Raises:
        OSError: It is broken already; it is closed then.
    """
    sock = sockets.socket(fileno=trio_socket.detach())
    try:
        sock.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
    except OSError:
        sock.close()
        raise
    # Trio lets the kernel hold little that is unsent, which slows bulk traffic that
    # has a high-water mark of its own. 0 is the system's default.
    if (option := getattr(sockets, "TCP_NOTSENT_LOWAT", None)) is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(sockets.IPPROTO_TCP, option, 0)
    return TcpSocket(sock, peer)


def _close(sock: sockets.socket) -> None:
    if sock.fileno() != -1:
        trio.lowlevel.notify_closing(sock)
        sock.close()


def bind_all(
    node: str, hosts: Sequence[str], ports: tuple[int, int]
) -> list[sockets.socket]:
    """Listen on the first port of a range that is free on every host.

    ``(0, 0)`` is any port.

    Raises:
        ConnectError: There is none, or an address is none of ours.
    """
    first, last = ports
    problem: OSError | None = None
    # Any port of the first host may be taken on another one; the next is not.
    candidates = range(first, last + 1) if last else [0] * len(hosts) * 5
    for port in candidates:
        try:
            return _bind_each(hosts, port)
        except OSError as error:
            problem = error
    where = ", ".join(host or "*" for host in hosts)
    where += f":{first}" + (f"..{last}" if last != first else "")
    raise ConnectError(
        node,
        f"cannot listen on {where} ({problem}): choose other ports with listen=, "
        "or another address with listen_host=",
    )


def _bind_each(hosts: Sequence[str], port: int) -> list[sockets.socket]:
    bound: list[sockets.socket] = []
    try:
        for host in hosts:
            sock = sockets.socket(_family(host), sockets.SOCK_STREAM)
            bound.append(sock)
            sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
            if sock.family == sockets.AF_INET6:
                sock.setsockopt(sockets.IPPROTO_IPV6, sockets.IPV6_V6ONLY, 1)
            sock.bind((host, port))
            sock.listen(BACKLOG)
            # With any port, the first host chooses for the others.
            port = sock.getsockname()[1]
    except OSError:
        for sock in bound:
            sock.close()
        raise
    return bound


def _family(host: str) -> sockets.AddressFamily:
    return sockets.AF_INET6 if ":" in host else sockets.AF_INET
