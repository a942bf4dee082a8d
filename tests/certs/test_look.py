from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization

import ergopy
from ergopy.certs import Authority, examine, load, looks
from tests.certificates import Desk, certificates

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["certificates"]


def problems(folder: Path, now: datetime | None = None) -> list[str]:
    return [f"{f.what}: {f.text}" for f in examine(folder, now) if not f.fine]


def test_a_certificate_says_for_whom_it_is_until_when_and_who_says_so() -> None:
    authority = Authority.create("shop")
    (shown,) = [looks(cert) for cert in [authority.certificate]]
    assert (shown.name, shown.issuer, shown.authority) == ("shop", "shop", True)
    assert shown.hosts == ()
    assert shown.key == "EC secp256r1"
    assert shown.days_left() == 3650
    assert len(shown.fingerprint) == 64


def test_the_bytes_that_a_connection_has_say_the_same(certificates: Desk) -> None:
    own = certificates.files("a@10.0.0.5")
    (certificate,) = load(own / "cert.pem")
    der = certificate.public_bytes(serialization.Encoding.DER)
    assert looks(der) == looks(certificate)
    assert looks(der).name == "a@10.0.0.5"
    with pytest.raises(ValueError, match="parsing"):
        looks(b"no certificate")


def test_a_good_folder_has_no_problems(certificates: Desk) -> None:
    own = certificates.files("a@b")
    assert problems(own) == []
    assert len(list(examine(own))) == 6


def test_dates_are_looked_at(certificates: Desk) -> None:
    own = certificates.files("a@b", days=100)
    now = datetime.now(UTC)
    (soon,) = problems(own, now + timedelta(days=80))
    assert "in 20 days" in soon
    (late,) = problems(own, now + timedelta(days=101))
    assert "certificate ended at" in late
    early = problems(own, now - timedelta(days=600))
    assert all("begins only at" in text for text in early)
    assert len(early) == 2


@pytest.mark.parametrize(
    ("kind", "words"),
    [("unknown_authority", "ca.pem lacks 'Erlang cluster'"), ("self_signed", "lacks")],
)
def test_a_stranger_in_the_folder_is_found(
    certificates: Desk, kind: str, words: str
) -> None:
    certificates.bad("a@b", kind)
    (problem,) = problems(certificates.folder / "a@b")
    assert words in problem


def test_keys_are_looked_at(certificates: Desk) -> None:
    own = certificates.files("a@b")
    (own / "key.pem").chmod(0o640)
    assert "chmod 600" in problems(own)[0]
    other = certificates.files("c@d")
    (own / "key.pem").write_bytes((other / "key.pem").read_bytes())
    assert "another certificate" in problems(own)[0]
    (own / "key.pem").write_text("none")
    assert "no key" in problems(own)[0]


def test_missing_files_are_named(certificates: Desk, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path / "nowhere")
    assert "cert.pem" in problem
    own = certificates.files("a@b")
    (own / "ca.pem").unlink()
    assert "ca.pem" in problems(own)[-1]
    with pytest.raises(ergopy.TlsFileError, match="no certificate"):
        load(own / "key.pem")
