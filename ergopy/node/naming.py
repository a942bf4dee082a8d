"""Node names: what is possible, and which nodes can talk to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import NodeNameError

if TYPE_CHECKING:
    from collections.abc import Iterable

UNNAMED = "undefined"
"""The local part of the name of a node that is to be given one."""

NONODE = "nonode@nohost"
"""What such a node is called until then."""


def split(name: str) -> tuple[str, str]:
    """Cut ``local@host`` in two.

    Raises:
        NodeNameError: It is no node name; the message says what to write.
    """
    if not isinstance(name, str):
        raise NodeNameError(f"a node name is a str, 'py@127.0.0.1'; not {name!r}")
    local, at, host = name.partition("@")
    if not at or not host:
        raise NodeNameError(
            f"{name!r} has no host: write {local or 'py'}@127.0.0.1, or @ the host "
            "name under which other machines reach this one"
        )
    if not local or "@" in host:
        raise NodeNameError(f"{name!r}: a node name is local@host, with one @")
    if not name.isascii() or not name.isprintable() or " " in name:
        raise NodeNameError(
            f"{name!r}: use ASCII letters, digits, - and _ in a node name; the "
            "handshake and EPMD write other characters in two different ways"
        )
    if len(name) > 255:
        raise NodeNameError("a node name has at most 255 characters")
    return local, host


def namers(name: str, named_by: str | Iterable[str] | None) -> list[str]:
    """Return whom a node of that name gets its real one from; nobody, if it has one.

    Raises:
        NodeNameError: One of the two does not fit the other.
    """
    unnamed = split(name)[0] == UNNAMED
    if named_by is None:
        if unnamed:
            raise NodeNameError(
                f"{name!r} is a node without a name: say who gives it one with "
                "named_by=, the name of a running node"
            )
        return []
    if not unnamed:
        raise NodeNameError(
            f"{name!r} is a name already: write {UNNAMED}@{split(name)[1]}, or leave "
            "named_by= out"
        )
    peers = [named_by] if isinstance(named_by, str) else list(named_by)
    if not peers:
        raise NodeNameError("named_by= has no node that could give a name")
    for peer in peers:
        check_peer(name, peer)
    return peers


def is_long(host: str) -> bool:
    """Tell whether *host* is of the kind that ``erl -name`` uses, not ``-sname``."""
    return "." in host or ":" in host


def check_peer(own: str, peer: str) -> None:
    """Refuse a peer whose kind of name does not fit ours: a BEAM would not answer.

    Raises:
        NodeNameError: *peer* is malformed, or one name is short and the other long.
    """
    host, peer_host = split(own)[1], split(peer)[1]
    if is_long(host) == is_long(peer_host):
        return
    kinds = "short (erl -sname)", "long (erl -name)"
    raise NodeNameError(
        f"{peer} has a {kinds[is_long(peer_host)]} name and {own} a "
        f"{kinds[is_long(host)]} one; nodes with short names and nodes with long "
        "names cannot connect: give both a host with a dot, or both one without"
    )
