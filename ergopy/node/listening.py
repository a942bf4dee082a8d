"""Where a node listens, over what, and how others find it: addresses, ports, EPMD."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import epmd

from ..dist.network import TcpNetwork
from ..dist.tls import Tls, TlsNetwork
from ..errors import ConnectError, NameTaken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..dist.network import Network

EVERYWHERE = ("0.0.0.0", "::")


def is_loopback(host: str) -> bool:
    """Tell whether nobody but this machine can reach *host*."""
    return host in ("localhost", "::1") or host.startswith("127.")


def addresses(given: str | Iterable[str] | None, host: str) -> list[str]:
    """Return where a node on *host* listens, if *given* does not say it.

    That is the loopback address of its name, or else everywhere.

    Raises:
        ValueError: No address is given.
    """
    if given is not None:
        hosts = [given] if isinstance(given, str) else list(dict.fromkeys(given))
        if not hosts or not all(isinstance(one, str) and one for one in hosts):
            raise ValueError(f"listen_host= is one address or several, not {given!r}")
        return hosts
    if is_loopback(host):
        return [host]
    return [one for one in EVERYWHERE if ":" not in one or _has_ipv6()]


def ports(given: int | range | tuple[int, int]) -> tuple[int, int]:
    """Return the first and the last port that may be listened on.

    Raises:
        ValueError: *given* is no port and no range; it says what to write.
    """
    match given:
        case int(first):
            last = first
        case range(start=first, stop=stop, step=1):
            last = stop - 1
        case (int(first), int(last)):
            pass
        case _:
            first, last = 1, 0
    if not 0 <= first <= last <= 65535:
        raise ValueError(
            f"listen= is a port, range(first, last + 1) or (first, last), not {given!r}"
        )
    return first, last


def _has_ipv6() -> bool:
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def network(tls: Tls | None, given: Network | None) -> Network:
    """Return what connections are made over: TCP, TLS, or what was given.

    Raises:
        TypeError: *tls* is something else.
        ValueError: There are both.
    """
    if tls is None:
        return given or TcpNetwork()
    if not isinstance(tls, Tls):
        raise TypeError(f"tls= is an ergopy.Tls, not {tls!r}")
    if given is not None:
        raise ValueError("tls= makes connections over TCP: leave network= out")
    return TlsNetwork(tls)


async def register(mapper: epmd.PortMapper, name: str, port: int, hidden: bool) -> int:
    """Make a node known to EPMD; return its creation.

    Raises:
        NameTaken: A node of that name runs.
        ConnectError: There is no EPMD.
    """
    try:
        return await mapper.register(name.partition("@")[0], port, hidden)
    except epmd.NameTaken as taken:
        problem = "a running node, says EPMD: stop it, or choose another name"
        raise NameTaken(name, problem) from taken
    except epmd.EpmdUnreachable as error:
        raise ConnectError(
            name,
            f"{error}: start it with 'epmd -daemon' (any Erlang node does), or let "
            "this node be one with epmd='auto'",
        ) from error
