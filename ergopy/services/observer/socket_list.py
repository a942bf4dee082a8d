"""Sockets as OTP's module ``socket`` shows them, for the observer's page of them."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from etf import Atom, Charlist, Reference

from ..facts import links
from ..facts.ports import OPTIONS

if TYPE_CHECKING:
    from ..facts.links import Address, Link

_IOV_MAX = 1024

_NOT_SUPPORTED = Charlist("Not Supported")


def socket_info(node: Any) -> list[tuple[Atom, int]]:
    """Return how many sockets there are, by kind; ``socket_info/0``."""
    here = [link for link in links.links(node) if link.socket is not None]
    families = Counter(link.is_ip6 for link in here)
    numbers = {
        "iov_max": _IOV_MAX,
        "num_monitors": 0,
        "num_cnt_bits": 64,
        "num_dinet": families[False],
        "num_dinet6": families[True],
        "num_dlocal": 0,
        "num_pip": 0,
        "num_psctp": 0,
        "num_ptcp": len(here),
        "num_pudp": 0,
        "num_sockets": len(here),
        "num_tdgrams": 0,
        "num_tseqpkgs": 0,
        "num_tstreams": len(here),
    }
    return [(Atom(name), number) for name, number in numbers.items()]


def socket_list(node: Any) -> list[dict[Atom, Any]]:
    """Return what ``observer_backend:get_socket_list/0`` does."""
    return [
        _socket(node, link) for link in links.links(node) if link.socket is not None
    ]


def _socket(node: Any, link: Link) -> dict[Atom, Any]:
    states = ["bound", "listening"] if link.listens else ["bound", "connected"]
    told: dict[str, Any] = {
        "id": (Atom("$socket"), Reference(node.name, node.creation, (link.number,))),
        "id_str": Charlist(f"#Socket<0.{link.number}> {link.about}"),
        "kind": Atom("plain"),
        "fd": link.socket.fileno(),
        "owner": links.owner(node),
        "domain": Atom("inet6" if link.is_ip6 else "inet"),
        "type": Atom("stream"),
        "protocol": Atom("tcp"),
        "rstates": [Atom(state) for state in states],
        "wstates": [Atom("busy")] if link.queued else [],
        "monitored_by": [],
        "statistics": _statistics(link),
        "options": _options(link),
    }
    for name, at in (("laddress", link.local), ("raddress", link.remote)):
        if at is not None:
            told[name] = Charlist(shown(at))
    return {Atom(name): value for name, value in told.items()}


def shown(at: Address) -> str:
    """Write an address as the observer does."""
    return f"{host(at)} : {at[1]}"


def host(at: Address) -> str:
    """Write the address alone."""
    parts = at[0]
    size = 1 if len(parts) == 4 else 2
    return str(ip_address(b"".join(part.to_bytes(size, "big") for part in parts)))


def _statistics(link: Link) -> list[tuple[Atom, int]]:
    counted = {
        "read_byte": link.bytes_in,
        "read_pkg": link.packets_in,
        "write_byte": link.bytes_out,
        "write_pkg": link.packets_out,
    }
    # The module counts more than we do.
    names = (
        f"{what}_{how}"
        for what, ways in {
            "acc": ("fails", "success", "tries", "waits"),
            "read": ("byte", "fails", "pkg", "pkg_max", "tries", "waits"),
            "write": ("byte", "fails", "pkg", "pkg_max", "tries", "waits"),
        }.items()
        for how in ways
    )
    return [(Atom(name), counted.get(name, 0)) for name in names]


def _options(link: Link) -> list[tuple[Any, Any]]:
    told: list[tuple[Any, Any]] = []
    for name, (level, option, is_flag) in OPTIONS.items():
        value = link.option(level, option)
        kind, called = _CALLED[name]
        if value is None:
            told.append(((Atom(kind), Atom(called)), _NOT_SUPPORTED))
        else:
            flag_or_size = bool(value) if is_flag else value
            told.append(((Atom(kind), Atom(called)), flag_or_size))
    return told


_CALLED = {
    "keepalive": ("socket", "keepalive"),
    "nodelay": ("tcp", "nodelay"),
    "recbuf": ("socket", "rcvbuf"),
    "reuseaddr": ("socket", "reuseaddr"),
    "sndbuf": ("socket", "sndbuf"),
}
"""The same options by the names of the module ``socket``."""
