"""The authority of a cluster: it signs the certificates of the nodes."""

from __future__ import annotations

import contextlib
import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn, Self, TypeAlias, final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..errors import NodeNameError, TlsFileError
from . import files

if TYPE_CHECKING:
    from collections.abc import Sequence

Key: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Kind: TypeAlias = Literal["ec", "rsa"]

_BACKDATED = timedelta(hours=1)
"""A certificate is good at once on a machine whose clock is behind."""

_LONGEST_NAME = 64
"""What fits into the name field of a certificate."""


@final
class Authority:
    """A key that signs, and the certificate by which its signatures are known."""

    def __init__(self, certificate: x509.Certificate, key: Key) -> None:
        self.certificate = certificate
        self._key = key

    def __repr__(self) -> str:
        return f"<Authority {self.certificate.subject.rfc4514_string()}>"

    @classmethod
    def create(
        cls,
        name: str = "Erlang cluster",
        *,
        days: float = 3650,
        kind: Kind = "ec",
        now: datetime | None = None,
    ) -> Self:
        """Make a new authority, whose key is nowhere but in memory yet."""
        key = _new_key(kind)
        subject = _name(name)
        builder = _builder(subject, subject, key, days, now)
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        ).add_extension(_usage(signs_certificates=True), critical=True)
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Load what :meth:`save` wrote.

        Raises:
            TlsFileError: It is not there, or no authority.
        """
        folder = Path(folder)
        hint = "make an authority first, with 'ergopy certs init'"
        paths = folder / files.AUTHORITY, folder / files.AUTHORITY_KEY
        texts = [files.read(path, hint) for path in paths]
        try:
            certificate = x509.load_pem_x509_certificate(texts[0])
        except ValueError as error:
            _refuse(paths[0], "it is no certificate in PEM", error)
        try:
            key = serialization.load_pem_private_key(texts[1], None)
        except (ValueError, TypeError) as error:
            _refuse(paths[1], "it is no key in PEM without a password", error)
        if not isinstance(key, Key):
            raise TlsFileError(paths[1], "it is neither an elliptic nor an RSA key")
        if key.public_key() != certificate.public_key():
            raise TlsFileError(paths[1], f"it is not the key of {paths[0]}")
        return cls(certificate, key)

    def save(self, folder: str | Path, *, force: bool = False) -> None:
        """Write ``ca.pem`` and ``ca.key``.

        Raises:
            TlsFileError: One exists, unless *force*; or cannot be written.
        """
        folder = Path(folder)
        paths = folder / files.AUTHORITY, folder / files.AUTHORITY_KEY
        files.refuse_existing(paths, force=force)
        files.write(paths[1], _key_pem(self._key), secret=True)
        files.write(paths[0], _pem(self.certificate))

    def issue(
        self,
        node: str,
        *,
        hosts: Sequence[str] = (),
        days: float = 365,
        kind: Kind = "ec",
        now: datetime | None = None,
    ) -> tuple[bytes, bytes]:
        """Make a key and a certificate for a node; return both, the latter first.

        It is good for the host part of *node* and for *hosts*, names or addresses,
        and for both ends of a connection. A certificate never outlives its authority.

        Raises:
            NodeNameError: *node* is no node name.
        """
        key = _new_key(kind)
        names = [_host_of(node), *hosts]
        builder = _builder(
            _name(node), self.certificate.subject, key, days, now, self.certificate
        )
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(
            self._key.public_key()
        )
        builder = (
            builder.add_extension(
                x509.BasicConstraints(ca=False, path_length=None), critical=True
            )
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage(
                    [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
                ),
                critical=False,
            )
            .add_extension(
                x509.SubjectAlternativeName(
                    [form for name in dict.fromkeys(names) for form in _forms(name)]
                ),
                critical=False,
            )
            .add_extension(issuer, critical=False)
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        return _pem(certificate), _key_pem(key)

    def equip(
        self,
        node: str,
        folder: str | Path,
        *,
        hosts: Sequence[str] = (),
        days: float = 365,
        kind: Kind = "ec",
        now: datetime | None = None,
        force: bool = False,
    ) -> Path:
        """Issue for *node*, and write the folder of that name in *folder*.

        Raises:
            NodeNameError: *node* is no node name.
            TlsFileError: A file exists, unless *force*; or cannot be written.
        """
        own = Path(folder) / _checked(node)
        paths = [own / n for n in (files.KEY, files.CERTIFICATE, files.AUTHORITY)]
        files.refuse_existing(paths, force=force)
        certificate, key = self.issue(node, hosts=hosts, days=days, kind=kind, now=now)
        files.write(paths[0], key, secret=True)
        files.write(paths[1], certificate)
        files.write(paths[2], _pem(self.certificate))
        return own


def _new_key(kind: Kind) -> Key:
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=3072)
    return ec.generate_private_key(ec.SECP256R1())


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: Key,
    days: float,
    now: datetime | None,
    within: x509.Certificate | None = None,
) -> x509.CertificateBuilder:
    begin = (now or datetime.now(UTC)) - _BACKDATED
    end = begin + _BACKDATED + timedelta(days=days)
    if within is not None:
        begin = max(begin, within.not_valid_before_utc)
        end = min(end, within.not_valid_after_utc)
    if end <= begin:
        raise ValueError(f"a certificate has to last: {days:g} days is too short")
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:_LONGEST_NAME])])


def _forms(host: str) -> list[x509.GeneralName]:
    """Return *host* as alternative names.

    A BEAM that dials ``a@10.0.0.5`` looks for a host *name* of that text, and never for
    an address; everybody else looks for an address.
    """
    try:
        forms: list[x509.GeneralName] = [x509.DNSName(host)]
    except ValueError:
        raise NodeNameError(f"{host!r}: a host in a certificate is ASCII") from None
    with contextlib.suppress(ValueError):
        forms.append(x509.IPAddress(ipaddress.ip_address(host)))
    return forms


def _checked(node: str) -> str:
    _host_of(node)
    return node


def _host_of(node: str) -> str:
    local, _, host = node.partition("@")
    if not local or not host or "@" in host or "/" in node or not node.isascii():
        raise NodeNameError(
            f"{node!r}: a certificate is for a node, by its full name: py@10.0.0.5"
        )
    return host


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _refuse(path: Path, problem: str, error: Exception) -> NoReturn:
    raise TlsFileError(path, problem) from error
