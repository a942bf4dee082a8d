"""Ports: the sockets of a node, as ``erlang:ports`` and ``port_info`` show them."""

from __future__ import annotations

import socket as sockets
from typing import TYPE_CHECKING, Any

from etf import Atom, Charlist, Port

from ...process.atoms import UNDEFINED
from . import links

if TYPE_CHECKING:
    from collections.abc import Callable

    from .links import Link

Items = list[tuple[Atom, Any]]

TCP_INET = "tcp_inet"

LIMIT = 65_536
"""``port_limit``; the number of sockets is limited by the system."""


def ports(node: Any) -> list[Port]:
    """Return the ports of a node; ``erlang:ports/0``."""
    return [links.port_of(node, link) for link in links.links(node)]


def port_info(node: Any, port: Any) -> Items | None:
    """Return what ``erlang:port_info/1`` shows; None if the port is closed.

    Raises:
        ValueError: It is no port of this node.
    """
    link = links.link_of(node, port)
    if link is None:
        return None
    return [_item(node, link, name) for name in _SHOWN]


def port_info_item(node: Any, port: Any, item: Any) -> Any:
    """Return ``(item, value)`` as ``erlang:port_info/2``; None if the port is closed.

    Raises:
        ValueError: It is no port of this node, or there is no such item.
    """
    link = links.link_of(node, port)
    if not isinstance(item, str) or item not in (*_ITEMS, "registered_name"):
        raise ValueError(f"port_info has no item {item!r}")
    if item == "registered_name":
        return None if link is None else []
    return None if link is None else _item(node, link, item)


def port_list(node: Any) -> list[Items]:
    """Return what ``observer_backend:get_port_list/0`` does.

    Where a registered port would have its name, a connection has that of the peer.
    """
    return [_for_observer(node, link) for link in links.links(node)]


def _for_observer(node: Any, link: Link) -> Items:
    told: Items = [(Atom("port_id"), links.port_of(node, link))]
    told += [_item(node, link, name) for name in (*_SHOWN, *_MORE)]
    told.append((Atom("registered_name"), Atom(link.about)))
    if link.socket is not None:
        told.append((Atom("inet"), inet(link)))
    return told


def inet(link: Link) -> Items:
    """Return the numbers, addresses and options of a socket, as ``inet`` tells them."""
    told: Items = [(Atom("statistics"), statistics(link))]
    for side, at in (("remote", link.remote), ("local", link.local)):
        if at is not None:
            told.append((Atom(f"{side}_address"), at[0]))
            told.append((Atom(f"{side}_port"), at[1]))
    told.append((Atom("options"), _options(link)))
    return told


def statistics(link: Link) -> Items:
    """Return what ``inet:getstat`` tells of a socket."""
    numbers = {
        "recv_oct": link.bytes_in,
        "recv_cnt": link.packets_in,
        "recv_max": 0,
        "recv_avg": link.bytes_in // (link.packets_in or 1),
        "recv_dvi": 0,
        "send_oct": link.bytes_out,
        "send_cnt": link.packets_out,
        "send_max": 0,
        "send_avg": link.bytes_out // (link.packets_out or 1),
        "send_pend": link.queued,
    }
    return [(Atom(name), number) for name, number in numbers.items()]


def _options(link: Link) -> Items:
    told = [(Atom("active"), True), (Atom("mode"), Atom("binary"))]
    for name, (level, option, is_flag) in OPTIONS.items():
        value = link.option(level, option)
        if value is not None:
            told.append((Atom(name), bool(value) if is_flag else value))
    return told


def _item(node: Any, link: Link, name: str) -> tuple[Atom, Any]:
    return Atom(name), _ITEMS[name](node, link)


def _name(_: Any, link: Link) -> Charlist:
    return Charlist("memory" if link.socket is None else TCP_INET)


OPTIONS: dict[str, tuple[int, int, bool]] = {
    "keepalive": (sockets.SOL_SOCKET, sockets.SO_KEEPALIVE, True),
    "nodelay": (sockets.IPPROTO_TCP, sockets.TCP_NODELAY, True),
    "recbuf": (sockets.SOL_SOCKET, sockets.SO_RCVBUF, False),
    "reuseaddr": (sockets.SOL_SOCKET, sockets.SO_REUSEADDR, True),
    "sndbuf": (sockets.SOL_SOCKET, sockets.SO_SNDBUF, False),
}
"""By the names that ``inet`` has for them: level, option, whether it is on or off."""

_ITEMS: dict[str, Callable[[Any, Link], Any]] = {
    "name": _name,
    "links": lambda *_: [],
    "id": lambda _, link: link.number,
    "connected": lambda node, _: links.owner(node),
    "input": lambda _, link: link.bytes_in,
    "output": lambda _, link: link.bytes_out,
    "os_pid": lambda *_: UNDEFINED,
    "monitors": lambda *_: [],
    "monitored_by": lambda *_: [],
    "parallelism": lambda *_: False,
    "locking": lambda *_: Atom("port_level"),
    "queue_size": lambda _, link: link.queued,
    "memory": lambda _, link: link.queued,
}

_SHOWN = ("name", "links", "id", "connected", "input", "output", "os_pid")
_MORE = (
    "monitors",
    "monitored_by",
    "parallelism",
    "locking",
    "queue_size",
    "memory",
)
