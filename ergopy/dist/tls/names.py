"""Which hosts a certificate is good for."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def hosts(certificate: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the alternative names of a certificate, as ``getpeercert`` gives it."""
    return tuple(_hosts(certificate))


def good_for(certificate: Mapping[str, Any], host: str) -> bool:
    """Tell whether a certificate names *host*; ``*`` stands for one first label.

    The common name of the subject does not count, as in OTP and in browsers.
    """
    address = _address(host)
    if address is not None:
        # A BEAM wants an address written down as a host name: either form will do.
        return any(_address(name) == address for name in _hosts(certificate))
    return any(_matches(name.lower(), host.lower()) for name in _hosts(certificate))


def _hosts(certificate: Mapping[str, Any]) -> Iterator[str]:
    for kind, name in certificate.get("subjectAltName", ()):
        if kind in ("DNS", "IP Address"):
            yield name


def _matches(pattern: str, host: str) -> bool:
    if pattern.startswith("*."):
        _, _, rest = host.partition(".")
        return rest == pattern[2:]
    return pattern == host


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
