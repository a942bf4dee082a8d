"""The sockets of a node: its connections, where it listens, and its place at EPMD.

On a BEAM they are ports of the driver ``tcp_inet``, owned by a process; here the
service ``net_kernel`` stands for that one. Numbers of ports are those of the
connections, which are never used twice while the node is up.
"""

from __future__ import annotations

import socket as sockets
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple

from etf import Pid, Port

if TYPE_CHECKING:
    from collections.abc import Iterator

_EPMD = 1
_LISTENERS = 2
_CONNECTIONS = 1000
"""From here on they are connections; nobody listens at so many places."""

Address = tuple[Any, int]


class Link(NamedTuple):
    """One socket as it is now."""

    number: int
    about: str
    """The peer, or ``epmd``, or ``listener``."""
    socket: Any
    """That of the system; None if there is none, as in memory."""
    secure: bool = False
    listens: bool = False
    bytes_in: int = 0
    bytes_out: int = 0
    packets_in: int = 0
    packets_out: int = 0
    queued: int = 0

    @property
    def local(self) -> Address | None:
        """Address and port of this side."""
        return _address(self.socket, "getsockname")

    @property
    def remote(self) -> Address | None:
        """Address and port of the other side."""
        return None if self.listens else _address(self.socket, "getpeername")

    @property
    def is_ip6(self) -> bool:
        """Whether it is of IPv6."""
        return self.socket is not None and self.socket.family == sockets.AF_INET6

    def option(self, level: int, name: int) -> int | None:
        """Return a socket option, if there is a socket that has it."""
        if self.socket is None:
            return None
        with suppress(OSError):
            return int(self.socket.getsockopt(level, name))
        return None


def links(node: Any) -> list[Link]:
    """Return the sockets of a node."""
    return [*_epmd(node), *_listeners(node), *_connections(node)]


def port_of(node: Any, link: Link) -> Port:
    """Return the port that stands for a socket."""
    return Port(node.name, link.number, node.creation)


def link_of(node: Any, port: Any) -> Link | None:
    """Return the socket that a port stands for; None if it is gone.

    Raises:
        ValueError: It is no port of this node.
    """
    if not isinstance(port, Port) or port.node != node.name:
        raise ValueError(f"no port of this node: {port!r}")
    if port.creation != node.creation:
        return None
    return next((link for link in links(node) if link.number == port.id), None)


def owner(node: Any) -> Pid:
    """Return the process that stands for the owner of all sockets."""
    pid: Pid = node.whereis("net_kernel") or node.runtime.root.pid
    return pid


def listening(node: Any) -> list[Any]:
    """Return the plain sockets that the node listens on; none of them is of TLS."""
    here = _listeners(node)
    return [link.socket for link in here if link.socket is not None and not link.secure]


def totals(node: Any) -> tuple[int, int]:
    """Return the bytes received and sent by all connections since the node came up."""
    connections = node.connections
    received, sent = connections.bytes_before
    for peer in connections.peers.values():
        if peer.transport is not None:
            received += peer.transport.bytes_in
            sent += peer.transport.bytes_out
    return received, sent


def _epmd(node: Any) -> Iterator[Link]:
    for registration in node.registrations:
        if registration.registered:
            yield Link(_EPMD, "epmd", registration.socket)


def _listeners(node: Any) -> Iterator[Link]:
    for number, listener in enumerate(node.listeners, _LISTENERS):
        plain = getattr(listener, "tcp", listener)
        yield Link(
            number,
            "listener",
            getattr(plain, "sock", None),
            secure=plain is not listener,
            listens=True,
        )


def _connections(node: Any) -> Iterator[Link]:
    numbers = node.statistics().connections
    for peer in list(node.connections.peers.values()):
        if peer.transport is None or peer.name not in numbers:
            continue
        told, sock = numbers[peer.name], peer.transport.socket
        plain = getattr(sock, "tcp", sock)
        yield Link(
            _CONNECTIONS + peer.connection_id,
            str(peer.name),
            getattr(plain, "sock", None),
            secure=plain is not sock,
            bytes_in=told.bytes_in,
            bytes_out=told.bytes_out,
            packets_in=told.packets_in,
            packets_out=told.packets_out,
            queued=told.queued + told.queued_large,
        )


def _address(socket: Any, which: str) -> Address | None:
    """Return ``({127, 0, 0, 1}, Port)``."""
    if socket is None:
        return None
    try:
        host, port = getattr(socket, which)()[:2]
        # What is behind the percent sign is the interface.
        address = ip_address(host.partition("%")[0])
    except (OSError, ValueError):
        return None
    packed = address.packed
    if address.version == 4:
        return tuple(packed), port
    words = (packed[at : at + 2] for at in range(0, 16, 2))
    return tuple(int.from_bytes(word, "big") for word in words), port
