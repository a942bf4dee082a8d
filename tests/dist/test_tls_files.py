"""The files and options of TLS: those that do not work, and those that change."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import pytest

import ergopy
from ergopy import CertificateError, TlsFileError
from ergopy.dist.network import send_all
from ergopy.dist.tls import names
from tests.certificates import Desk, certificates
from tests.dist.tls_pairs import A, B, both, receive_exactly, refusal, started, tls_pair

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["certificates"]


def test_files_that_do_not_work_are_named(certificates: Desk) -> None:
    own, other = certificates.files(A), certificates.files(B)
    cert, key, ca = own / "cert.pem", own / "key.pem", own / "ca.pem"
    broken = own / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
    cases: list[tuple[tuple[Path, ...], Path, str]] = [
        ((own / "no", key, ca), own / "no", "no such file"),
        ((cert, own / "no", ca), own / "no", "ergopy certs"),
        ((cert, key, own / "no"), own / "no", "no such file"),
        ((key, key, ca), key, "no certificate in it"),
        ((cert, cert, ca), cert, "no private key in it"),
        ((cert, key, key), key, "no certificate in it"),
        ((cert, other / "key.pem", ca), other / "key.pem", f"not the key of {cert}"),
        ((broken, key, ca), broken, "broken"),
        ((cert, key, broken), broken, "broken"),
        ((own, key, ca), own, "cannot be read"),
    ]
    for arguments, path, words in cases:
        with pytest.raises(TlsFileError) as caught:
            ergopy.Tls(*arguments)
        assert caught.value.path == path
        assert words in caught.value.problem
    with pytest.raises(TlsFileError, match="certs node"):
        ergopy.Tls.from_folder(own / "nowhere")


def test_options_that_cannot_be_are_refused(certificates: Desk) -> None:
    own = certificates.files(A)
    with pytest.raises(ValueError, match="authorities="):
        ergopy.Tls(own / "cert.pem", own / "key.pem")
    with pytest.raises(ValueError, match="versions="):
        ergopy.Tls.from_folder(own, versions=("1.1",))
    with pytest.raises(ValueError, match="versions="):
        ergopy.Tls.from_folder(own, versions=())
    with pytest.raises(ValueError, match="ciphers="):
        ergopy.Tls.from_folder(own, ciphers="NONSENSE")
    with pytest.raises(ValueError, match="client_key="):
        ergopy.Tls.from_folder(own, client_key=own / "key.pem")


def test_a_key_with_a_password_is_opened_and_the_password_kept_secret(
    certificates: Desk,
) -> None:
    from cryptography.hazmat.primitives import serialization

    own = certificates.files(A)
    key = serialization.load_pem_private_key((own / "key.pem").read_bytes(), None)
    (own / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"sesame"),
        )
    )
    tls = ergopy.Tls.from_folder(own, key_password="sesame")
    assert "sesame" not in repr(tls) + repr(vars(tls))
    for wrong in (None, "simsim"):
        with pytest.raises(TlsFileError, match="key_password=") as caught:
            ergopy.Tls.from_folder(own, key_password=wrong)
        assert caught.value.path == own / "key.pem"


async def test_another_certificate_may_be_shown_when_dialling(
    certificates: Desk,
) -> None:
    own, other = certificates.files(B), certificates.files(A)
    tls = ergopy.Tls(
        own / "cert.pem",
        own / "key.pem",
        own / "ca.pem",
        client_certificate=other / "cert.pem",
        client_key=other / "key.pem",
    )
    _, two = await started(tls_pair(tls, tls))
    two.check_name(A)
    with pytest.raises(CertificateError):
        two.check_name(B)


async def test_one_file_may_hold_certificate_and_key(certificates: Desk) -> None:
    own = certificates.files(A)
    one = own / "one.pem"
    one.write_bytes((own / "cert.pem").read_bytes() + (own / "key.pem").read_bytes())
    await started(
        tls_pair(ergopy.Tls(one, authorities=[own / "ca.pem"]), certificates.good(B))
    )


def test_a_key_that_others_can_read_is_warned_of(
    certificates: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    own = certificates.files(A)
    (own / "key.pem").chmod(0o644)
    ergopy.Tls.from_folder(own)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "key.pem" in record.getMessage()


async def name_shown(tls: ergopy.Tls, certificates: Desk) -> tuple[str, ...]:
    """What a peer sees when the owner of *tls* dials."""
    _, two = await started(tls_pair(tls, certificates.good(B)))
    certificate = two.tls.getpeercert()
    assert certificate is not None
    return names.hosts(certificate)


async def test_changed_files_are_used_for_the_next_connection(
    certificates: Desk,
) -> None:
    tls = certificates.good(A)
    assert "new.example" not in await name_shown(tls, certificates)
    certificates.files(A, hosts=["new.example"])
    assert "new.example" in await name_shown(tls, certificates)


async def test_a_connection_that_is_up_stays_when_files_change(
    certificates: Desk,
) -> None:
    mine, theirs = certificates.good(A), certificates.good(B)
    one, two = await started(tls_pair(mine, theirs))
    certificates.files(A)
    mine.reload()
    (certificates.folder / B / "cert.pem").write_text("none")
    await send_all(one, b"still here")
    assert await receive_exactly(two, 10) == b"still here"


async def test_files_that_do_not_work_leave_the_old_ones_and_are_logged_once(
    certificates: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    tls = certificates.good(A)
    (certificates.folder / A / "cert.pem").write_text("none")
    for _ in range(3):
        assert await name_shown(tls, certificates) == ("10.0.0.1", "10.0.0.1")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "cert.pem: there is no certificate in it" in record.getMessage()
    with pytest.raises(TlsFileError):
        tls.reload()
    (certificates.folder / A / "cert.pem").unlink()
    await name_shown(tls, certificates)
    assert "no such file" in caplog.records[-1].getMessage()
    certificates.files(A, hosts=["new.example"])
    assert "new.example" in await name_shown(tls, certificates)


async def test_a_changed_authority_counts_for_the_next_connection(
    certificates: Desk,
) -> None:
    tls = certificates.good(A)
    strangers = Desk(certificates.folder / "strangers")
    one, two = tls_pair(tls, strangers.good(B))
    mine, _ = await both(partial(refusal, one), partial(refusal, two))
    assert mine.reason == "unknown_authority"
    ca = certificates.folder / A / "ca.pem"
    new = (strangers.folder / B / "ca.pem").read_bytes()
    ca.write_bytes(ca.read_bytes() + new)
    their_ca = strangers.folder / B / "ca.pem"
    their_ca.write_bytes(ca.read_bytes())
    one, two = tls_pair(tls, ergopy.Tls.from_folder(strangers.folder / B))
    await started((one, two))
