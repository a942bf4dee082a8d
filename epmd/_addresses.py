"""Where EPMD is: the environment variables, and which peers are local."""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING

from ._errors import EpmdValueError

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_PORT = 4369
LOOPBACK = "127.0.0.1"
LOOPBACK6 = "::1"
_ANYWHERE = ("0.0.0.0", "::")
_MAX_PORT = 0xFFFF


def default_port() -> int:
    """Give the port of EPMD: ``ERL_EPMD_PORT``, or 4369 as every BEAM does.

    Raises:
        EpmdValueError: The variable is set to something that is no port number.
    """
    text = os.environ.get("ERL_EPMD_PORT", "")
    if not text:
        return DEFAULT_PORT
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) <= _MAX_PORT):
        raise EpmdValueError("ERL_EPMD_PORT", text, "must be a port number")
    return int(text)


def listen_addresses(given: str | Iterable[str] | None) -> list[str]:
    """Give the addresses that a server binds.

    As with OTP's EPMD: those of ``ERL_EPMD_ADDRESS`` when none are *given*, every
    address when that is not set either, and loopback always.

    Args:
        given: Addresses, also as one text with commas between them.
    """
    if given is None:
        given = os.environ.get("ERL_EPMD_ADDRESS", "")
    if isinstance(given, str):
        given = given.split(",")
    addresses = [text for address in given if (text := address.strip())]
    if not addresses:
        return list(_ANYWHERE)
    if "0.0.0.0" not in addresses:
        addresses.append(LOOPBACK)
    if any(":" in address for address in addresses) and "::" not in addresses:
        addresses.append(LOOPBACK6)
    return list(dict.fromkeys(addresses))


def is_local(peer: str, own: str) -> bool:
    """Say whether the peer of a connection is on this machine.

    It is when its address is a loopback one, or the one that it connected to.
    """
    address = _plain(peer)
    return address.is_loopback or address == _plain(own)


def _plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
