"""The socket that a node listens on: which address, and which port."""

from __future__ import annotations

import socket

from ..errors import ConnectError

BACKLOG = 128


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


def listen(node: str, host: str, ports: tuple[int, int]) -> socket.socket:
    """Listen on the first free port of a range; ``(0, 0)`` is any port.

    Raises:
        ConnectError: All are taken, or the address is none of ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    first, last = ports
    problem: OSError | None = None
    for port in range(first, last + 1):
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(BACKLOG)
        except OSError as error:
            listener.close()
            problem = error
            continue
        listener.setblocking(False)
        return listener
    where = f"{host or '*'}:{first}" + (f"..{last}" if last != first else "")
    raise ConnectError(
        node,
        f"cannot listen on {where} ({problem}): choose other ports with listen=, "
        "or another address with listen_host=",
    )
