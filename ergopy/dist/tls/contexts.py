"""Contexts of OpenSSL, made of files, and made anew when the files change."""

from __future__ import annotations

import logging
import os
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ...errors import TlsFileError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

logger = logging.getLogger("ergopy.dist")

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_PRIVATE_KEY = b"PRIVATE KEY-----"
_OTHERS = 0o077
# Python has no name for it, and before OpenSSL 3 it needs none. A BEAM starts a new
# handshake by itself after 2**28 records of TLS 1.2, and closes the connection if that
# is refused.
_ALLOW_CLIENT_RENEGOTIATION = 1 << 8

Stamp: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Role:
    """What one end of a connection shows: its certificate and key."""

    certificate: Path
    key: Path
    password: str | None

    def __repr__(self) -> str:
        return f"Role({str(self.certificate)!r}, {str(self.key)!r})"


@dataclass(frozen=True, slots=True)
class Rules:
    """What both ends demand."""

    authorities: tuple[Path, ...]
    verify_peer: bool
    check_names: bool
    require_client_certificate: bool
    versions: Sequence[str]
    ciphers: str | None


@dataclass(frozen=True, slots=True)
class Pair:
    """The contexts of both roles, and the files that they were made of."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    stamps: tuple[Stamp, ...]


def make(server: Role, client: Role, rules: Rules) -> Pair:
    """Read the files and make both contexts.

    Raises:
        TlsFileError: It says which file, and what is wrong with it.
        ValueError: The ciphers or versions are none.
    """
    seen = stamps(server, client, rules)
    return Pair(_server(server, rules), _client(client, rules), seen)


def stamps(server: Role, client: Role, rules: Rules) -> tuple[Stamp, ...]:
    """Return what tells a changed file from the one that was read."""
    return tuple(_stamp(path) for path in files(server, client, rules))


def files(server: Role, client: Role, rules: Rules) -> list[Path]:
    """Return the files of both roles, each once."""
    roles = server.certificate, server.key, client.certificate, client.key
    return list(dict.fromkeys([*roles, *rules.authorities]))


def warn_of_readable_keys(*roles: Role) -> None:
    """Log which keys others on this machine can read."""
    for path in dict.fromkeys(role.key for role in roles):
        if path.stat().st_mode & _OTHERS:
            logger.warning("others on this machine can read %s: chmod 600 it", path)


def _stamp(path: Path) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _server(role: Role, rules: Rules) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _follow(context, rules)
    _show(context, role)
    # Nobody resumes a session here, and one message less is on its way.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    if ssl.OPENSSL_VERSION_INFO >= (3,):
        context.options |= _ALLOW_CLIENT_RENEGOTIATION
    if not rules.verify_peer:
        context.verify_mode = ssl.CERT_NONE
    elif rules.require_client_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
    else:
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _client(role: Role, rules: Rules) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _follow(context, rules)
    _show(context, role)
    # The socket compares names itself: for OTP an address may be a host name.
    context.check_hostname = False
    if not rules.verify_peer:
        context.verify_mode = ssl.CERT_NONE
    return context


def _follow(context: ssl.SSLContext, rules: Rules) -> None:
    versions = sorted(_VERSIONS[version] for version in rules.versions)
    context.minimum_version, context.maximum_version = versions[0], versions[-1]
    if rules.ciphers is not None:
        try:
            context.set_ciphers(rules.ciphers)
        except ssl.SSLError:
            raise ValueError(f"ciphers= names none: {rules.ciphers!r}") from None
    for path in rules.authorities:
        _need(path, _CERTIFICATE, "certificate")
        try:
            context.load_verify_locations(path)
        except (ssl.SSLError, OSError) as error:
            raise TlsFileError(path, f"it has a broken certificate: {error}") from error


def _show(context: ssl.SSLContext, role: Role) -> None:
    _need(role.certificate, _CERTIFICATE, "certificate")
    key = _need(role.key, _PRIVATE_KEY, "private key")
    try:
        # Without a function OpenSSL would ask for the password at the terminal.
        context.load_cert_chain(role.certificate, role.key, lambda: role.password or "")
    except (ssl.SSLError, OSError, ValueError) as error:
        raise _explained(role, key, error) from error


def _explained(role: Role, key: bytes, error: Exception) -> TlsFileError:
    reason = getattr(error, "reason", None) or str(error)
    if "KEY_VALUES_MISMATCH" in reason or "KEY_TYPE_MISMATCH" in reason:
        return TlsFileError(role.key, f"it is not the key of {role.certificate}")
    if b"ENCRYPTED" in key:
        return TlsFileError(role.key, "key_password= is missing or wrong")
    if "TOO_SMALL" in reason or "TOO_WEAK" in reason:
        return TlsFileError(role.certificate, f"OpenSSL refuses it: {reason}")
    return TlsFileError(
        role.certificate, f"it or {role.key} is broken: OpenSSL says {reason}"
    )


def _need(path: Path, mark: bytes, what: str) -> bytes:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        hint = "'ergopy certs' makes certificates"
        raise TlsFileError(path, f"there is no such file; {hint}") from None
    except OSError as error:
        raise TlsFileError(path, f"cannot be read: {error.strerror}") from error
    if mark not in text:
        raise TlsFileError(path, f"there is no {what} in it, in PEM")
    return text
