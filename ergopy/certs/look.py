"""Looking at certificates: what one says, and whether the files of a node fit."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from ..errors import TlsFileError
from . import files

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON = timedelta(days=30)
"""A certificate that ends within this time is worth a warning."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What a certificate says."""

    name: str
    """For whom it is; the common name of its subject."""
    issuer: str
    """Who signed it."""
    hosts: tuple[str, ...]
    """Its alternative names, for which it is good: host names and addresses."""
    begins: datetime
    ends: datetime
    authority: bool
    """It may sign others."""
    key: str
    """The kind of its key, as ``EC secp256r1``."""
    fingerprint: str
    """SHA-256 of it, in hexadecimal digits."""

    def days_left(self, now: datetime | None = None) -> int:
        """Return the days until it ends, rounded; below 0 when it has."""
        return round((self.ends - (now or datetime.now(UTC))) / timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    fine: bool
    text: str


def load(path: str | Path) -> list[x509.Certificate]:
    """Load the certificates of a PEM file.

    Raises:
        TlsFileError: There are none, or the file cannot be read.
    """
    path = Path(path)
    text = files.read(path)
    try:
        return x509.load_pem_x509_certificates(text)
    except ValueError as error:
        raise TlsFileError(path, "it is no certificate in PEM") from error


def looks(certificate: x509.Certificate | bytes) -> Looks:
    """Return what a certificate says; bytes are DER, as a connection has it.

    Raises:
        ValueError: It cannot be understood.
    """
    if isinstance(certificate, bytes):
        certificate = x509.load_der_x509_certificate(certificate)
    return Looks(
        _common_name(certificate.subject),
        _common_name(certificate.issuer),
        tuple(dict.fromkeys(_alternative_names(certificate))),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        _is_authority(certificate),
        _key_kind(certificate),
        certificate.fingerprint(hashes.SHA256()).hex(),
    )


def examine(folder: str | Path, now: datetime | None = None) -> Iterator[Finding]:
    """Look at the folder of a node: the files that it needs, and whether they fit."""
    folder = Path(folder)
    now = now or datetime.now(UTC)
    try:
        own = load(folder / files.CERTIFICATE)[0]
        yield from _life("certificate", own, now)
        yield from _key(folder / files.KEY, own)
        authorities = load(folder / files.AUTHORITY)
    except TlsFileError as error:
        yield Finding("file", False, str(error))
        return
    for authority in authorities:
        yield from _life("authority", authority, now)
    if any(_signed(own, authority) for authority in authorities):
        yield Finding("signature", True, f"{files.AUTHORITY} has who signed it")
    else:
        issuer = _common_name(own.issuer)
        yield Finding(
            "signature", False, f"{files.AUTHORITY} lacks {issuer!r}, who signed it"
        )


def _life(what: str, certificate: x509.Certificate, now: datetime) -> Iterator[Finding]:
    shown = looks(certificate)
    about = f"{shown.name}, {shown.key}"
    if shown.hosts:
        about += f", good for {', '.join(shown.hosts)}"
    yield Finding(what, True, about)
    if now < shown.begins:
        yield Finding("dates", False, f"{what} begins only at {shown.begins:%Y-%m-%d}")
    elif now > shown.ends:
        yield Finding("dates", False, f"{what} ended at {shown.ends:%Y-%m-%d}")
    else:
        days = shown.days_left(now)
        text = f"{what} ends at {shown.ends:%Y-%m-%d}, in {days} days"
        yield Finding("dates", shown.ends - now > SOON, text)


def _key(path: Path, certificate: x509.Certificate) -> Iterator[Finding]:
    text = files.read(path)
    try:
        key = serialization.load_pem_private_key(text, None)
    except TypeError:
        yield Finding("key", True, "it has a password, so nobody looked inside")
        return
    except ValueError:
        yield Finding("key", False, f"{path}: it is no key in PEM")
        return
    if key.public_key() != certificate.public_key():
        yield Finding("key", False, f"{path}: it is the key of another certificate")
    elif stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding("key", False, f"{path}: others can read it; chmod 600")
    else:
        yield Finding("key", True, "it fits, and only its owner can read it")


def _signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()


def _alternative_names(certificate: x509.Certificate) -> Iterator[str]:
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        return
    yield from names.get_values_for_type(x509.DNSName)
    for address in names.get_values_for_type(x509.IPAddress):
        yield str(address)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(
            x509.BasicConstraints
        ).value.ca
    except x509.ExtensionNotFound:
        return False


def _key_kind(certificate: x509.Certificate) -> str:
    match certificate.public_key():
        case ec.EllipticCurvePublicKey() as key:
            return f"EC {key.curve.name}"
        case rsa.RSAPublicKey() as key:
            return f"RSA {key.key_size}"
        case ed25519.Ed25519PublicKey():
            return "Ed25519"
        case key:
            return type(key).__name__
