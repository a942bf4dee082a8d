"""Where a node listens: which addresses, and which ports."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

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
