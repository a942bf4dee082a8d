"""The sockets of a node as the LiveDashboard lists and shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom

from ..facts import links
from ..facts.ports import port_info
from .dashboard_processes import details
from .socket_list import host

if TYPE_CHECKING:
    from ..facts.links import Address, Link

Row = list[tuple[Atom, Any]]

_LOOPBACK = ("127.0.0.1", "::1")
_ANY = ("0.0.0.0", "::")


def sockets(node: Any, sought: str | None) -> list[Row]:
    """Return a row for each socket that was searched for."""
    rows = [_row(node, link) for link in links.links(node) if link.socket is not None]
    return [row for row in rows if sought is None or _is_sought(row, sought)]


def socket(node: Any, port: Any) -> Row | None:
    """Return the row of one socket."""
    link = links.link_of(node, port)
    return None if link is None or link.socket is None else _row(node, link)


def ports(node: Any, sought: str | None) -> list[Row]:
    """Return a row for each port that is no socket: links in memory."""
    found = [link for link in links.links(node) if link.socket is None]
    rows = []
    for link in found:
        port = links.port_of(node, link)
        rows.append([(Atom("port"), port), *(port_info(node, port) or [])])
    return [row for row in rows if sought is None or sought in dict(row)[Atom("name")]]


def port(node: Any, which: Any) -> Row | None:
    """Return what is shown of one port."""
    told = port_info(node, which)
    if told is None:
        return None
    return [
        (name, details(node, value) if name == "connected" else value)
        for name, value in told
    ]


def _row(node: Any, link: Link) -> Row:
    module = "inet_tls_dist" if link.secure else "inet_tcp"
    told: dict[str, Any] = {
        "module": Atom(module),
        "port": links.port_of(node, link),
        "local_address": _shown(link.local),
        "foreign_address": _shown(link.remote),
        "state": b"LISTENING" if link.listens else b"CONNECTED",
        "type": Atom("stream"),
        "connected": links.owner(node),
        "send_oct": link.bytes_out,
        "recv_oct": link.bytes_in,
    }
    return [(Atom(name), value) for name, value in told.items()]


def _is_sought(row: Row, sought: str) -> bool:
    told = dict(row)
    addresses = (told[Atom(f"{which}_address")] for which in ("local", "foreign"))
    return any(sought in address.decode() for address in addresses)


def _shown(at: Address | None) -> bytes:
    """Write an address as ``inet:i/0`` does."""
    if at is None:
        return b"*:*"
    name = host(at)
    name = "localhost" if name in _LOOPBACK else "*" if name in _ANY else name
    return f"{name}:{at[1]}".encode()
