"""Certificates for tests: good ones, and every kind of bad one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import ergopy
from ergopy.certs import Authority

if TYPE_CHECKING:
    from pathlib import Path

LONG_AGO = datetime.now(UTC) - timedelta(days=500)
SOME_DAY = datetime.now(UTC) + timedelta(days=500)
KINDS = {
    "expired": {"now": LONG_AGO},
    "not_yet_valid": {"now": SOME_DAY},
    "wrong_name": {},
    "unknown_authority": {},
    "self_signed": {},
}


class Desk:
    """Hands out certificates, in a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority.create(now=LONG_AGO)

    def good(self, node: str, **rules: Any) -> ergopy.Tls:
        """Certificates as they should be."""
        return ergopy.Tls.from_folder(self.files(node), **rules)

    def files(self, node: str, **options: Any) -> Path:
        return self.authority.equip(node, self.folder, force=True, **options)

    def bad(self, node: str, kind: str, **rules: Any) -> ergopy.Tls:
        """Certificates with which *node* is to be refused."""
        own = self.files(node, **KINDS[kind])
        if kind == "wrong_name":
            certificate, key = self.authority.issue("a@elsewhere.example")
        elif kind == "unknown_authority":
            certificate, key = Authority.create().issue(node)
        elif kind == "self_signed":
            certificate, key = _self_signed(node)
        if kind in ("wrong_name", "unknown_authority", "self_signed"):
            (own / "cert.pem").write_bytes(certificate)
            (own / "key.pem").write_bytes(key)
        return ergopy.Tls.from_folder(own, **rules)


def _self_signed(node: str) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node)])
    host = x509.DNSName(node.partition("@")[2])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=100))
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    pkcs8, bare = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return certificate.public_bytes(pem), key.private_bytes(pem, pkcs8, bare)


@pytest.fixture
def certificates(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "certs")
