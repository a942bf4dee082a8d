from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

import ergopy
from ergopy.certs import Authority, load, looks

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def issued(
    node: str, authority: Authority | None = None, **options
) -> x509.Certificate:
    pem, _ = (authority or Authority.create(now=NOW)).issue(node, now=NOW, **options)
    return x509.load_pem_x509_certificate(pem)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_saved_authority_is_loaded_again(tmp_path: Path) -> None:
    authority = Authority.create("shop")
    authority.save(tmp_path)
    again = Authority.load(tmp_path)
    assert again.certificate == authority.certificate
    assert mode(tmp_path / "ca.key") == 0o600
    node = issued("a@b", again)
    node.verify_directly_issued_by(authority.certificate)


def test_an_authority_may_sign_nodes_and_no_other_authority() -> None:
    extensions = Authority.create().certificate.extensions
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_cert_sign
    assert not usage.digital_signature


def test_the_key_of_an_authority_is_in_no_repr() -> None:
    assert repr(Authority.create("shop")) == "<Authority CN=shop>"


@pytest.mark.parametrize(
    ("hosts", "names", "addresses"),
    [
        (("10.0.0.5",), ["10.0.0.5"], ["10.0.0.5"]),
        (("fe80::1",), ["fe80::1"], ["fe80::1"]),
        (("shop.example",), ["shop.example"], []),
        (
            ("host", "host.lan", "10.0.0.5"),
            ["host", "host.lan", "10.0.0.5"],
            ["10.0.0.5"],
        ),
        (("host", "host"), ["host"], []),
    ],
)
def test_a_node_gets_its_host_as_a_name_and_if_it_is_one_as_an_address(
    hosts: tuple[str, ...], names: list[str], addresses: list[str]
) -> None:
    first, *others = hosts
    certificate = issued(f"a@{first}", hosts=others)
    found = certificate.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    ).value
    assert found.get_values_for_type(x509.DNSName) == names
    expected = [ip_address(text) for text in addresses]
    assert found.get_values_for_type(x509.IPAddress) == expected
    assert looks(certificate).hosts == tuple(dict.fromkeys(hosts))


def test_a_node_may_be_at_both_ends_and_sign_nothing() -> None:
    extensions = issued("a@b").extensions
    purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(purposes) == {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    }
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_a_certificate_begins_an_hour_ago_and_ends_when_it_was_asked_to() -> None:
    authority = Authority.create(now=NOW - timedelta(days=1))
    certificate = issued("a@b", authority, days=2)
    assert certificate.not_valid_before_utc == NOW - timedelta(hours=1)
    assert certificate.not_valid_after_utc == NOW + timedelta(days=2)


def test_a_certificate_does_not_outlive_its_authority() -> None:
    authority = Authority.create(days=3, now=NOW)
    certificate = issued("a@b", authority, days=365)
    end = authority.certificate.not_valid_after_utc
    assert certificate.not_valid_after_utc == end
    with pytest.raises(ValueError, match="has to last"):
        authority.issue("a@b", now=NOW + timedelta(days=4))


def test_rsa_keys_on_request() -> None:
    certificate = issued("a@b", Authority.create(kind="rsa", now=NOW), kind="rsa")
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size >= 3072


def test_every_certificate_has_a_number_of_its_own() -> None:
    authority = Authority.create(now=NOW)
    numbers = {issued("a@b", authority).serial_number for _ in range(20)}
    assert len(numbers) == 20


@pytest.mark.parametrize(
    "name", ["a", "@b", "a@", "a@b@c", "a@b/c", "../a@b", "a@bé", "é@b"]
)
def test_only_a_full_node_name_gets_a_certificate(name: str, tmp_path: Path) -> None:
    with pytest.raises(ergopy.NodeNameError):
        Authority.create().equip(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_too_long_for_the_subject_is_cut_there_only() -> None:
    host = ".".join(["x" * 50] * 3)
    certificate = issued(f"a@{host}")
    assert looks(certificate).hosts == (host,)
    assert len(looks(certificate).name) == 64


def test_the_folder_of_a_node_has_all_that_it_needs(tmp_path: Path) -> None:
    authority = Authority.create()
    own = authority.equip("a@10.0.0.5", tmp_path)
    assert own == tmp_path / "a@10.0.0.5"
    assert {path.name for path in own.iterdir()} == {"cert.pem", "key.pem", "ca.pem"}
    assert mode(own / "key.pem") == 0o600
    assert load(own / "ca.pem") == [authority.certificate]


def test_nothing_is_overwritten_unless_that_is_asked_for(tmp_path: Path) -> None:
    authority = Authority.create()
    authority.save(tmp_path)
    own = authority.equip("a@b", tmp_path)
    before = {
        path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()
    }
    with pytest.raises(ergopy.TlsFileError, match="--force") as caught:
        Authority.create().save(tmp_path)
    assert caught.value.path == tmp_path / "ca.pem"
    (own / "key.pem").unlink()
    with pytest.raises(ergopy.TlsFileError, match=r"cert\.pem"):
        authority.equip("a@b", tmp_path)
    assert not (own / "key.pem").exists()
    authority.equip("a@b", tmp_path, force=True)
    assert (own / "cert.pem").read_bytes() != before[own / "cert.pem"]
    assert (tmp_path / "ca.pem").read_bytes() == before[tmp_path / "ca.pem"]


def test_a_key_that_replaces_a_readable_one_is_not_readable(tmp_path: Path) -> None:
    (tmp_path / "ca.key").write_text("old")
    (tmp_path / "ca.key").chmod(0o644)
    Authority.create().save(tmp_path, force=True)
    assert mode(tmp_path / "ca.key") == 0o600


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("ca.pem", None, "ergopy certs init"),
        ("ca.key", None, "ergopy certs init"),
        ("ca.pem", "no", "no certificate"),
        ("ca.key", "no", "no key"),
        ("ca.key", "other", "not the key of"),
    ],
)
def test_what_is_wrong_with_the_files_of_an_authority_is_said(
    tmp_path: Path, file: str, text: str | None, words: str
) -> None:
    Authority.create().save(tmp_path)
    if text is None:
        (tmp_path / file).unlink()
    elif text == "other":
        Authority.create().save(tmp_path / "other")
        (tmp_path / file).write_bytes((tmp_path / "other" / file).read_bytes())
    else:
        (tmp_path / file).write_text(text)
    with pytest.raises(ergopy.TlsFileError, match=words) as caught:
        Authority.load(tmp_path)
    assert caught.value.path == tmp_path / file


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "certs").write_text("a file")
    with pytest.raises(ergopy.TlsFileError, match="cannot be written"):
        Authority.create().save(tmp_path / "certs")
