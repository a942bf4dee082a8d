"""Where a node listens: which address, and which ports."""

from __future__ import annotations


def is_loopback(host: str) -> bool:
    """Tell whether nobody but this machine can reach *host*."""
    return host in ("localhost", "::1") or host.startswith("127.")


def address(host: str) -> str:
    """Return where a node on *host* listens; ``""`` is everywhere."""
    return host if is_loopback(host) else ""


def check_ports(ports: tuple[int, int]) -> None:
    """Refuse what is no range of ports.

    Raises:
        ValueError: It says what to write.
    """
    first, last = ports
    if not 0 <= first <= last <= 65535:
        raise ValueError(f"listen= is the first and last port, not {ports!r}")
