from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import ergopy
import etf
from ergopy.certs import Authority, flags, write_options

if TYPE_CHECKING:
    from pathlib import Path


def options_of(path: Path) -> dict[str, dict[str, Any]]:
    """The options file as ``file:consult`` reads it."""
    terms = etf.parse(path.read_text().rstrip().removesuffix("."), "erlang")
    return {role: dict(options) for role, options in terms}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return Authority.create().equip("a@b", tmp_path)


def test_both_roles_verify_and_the_dialled_one_wants_a_certificate(own: Path) -> None:
    roles = options_of(write_options(own))
    assert roles.keys() == {"server", "client"}
    for options in roles.values():
        assert options["verify"] == "verify_peer"
        assert options["versions"] == ["tlsv1.3", "tlsv1.2"]
    assert roles["server"]["fail_if_no_peer_cert"] is True
    assert "fail_if_no_peer_cert" not in roles["client"]


def test_the_files_are_where_the_folder_is_or_will_be(own: Path) -> None:
    def file(path: Path) -> str:
        value = options_of(path)["client"]["keyfile"]
        return value if isinstance(value, str) else bytes(value).decode()

    assert file(write_options(own)) == f"{own.resolve()}/key.pem"
    there = write_options(own, r'/opt/"tls"\x/', force=True)
    assert file(there) == r'/opt/"tls"\x/key.pem'


def test_options_are_not_overwritten_unless_that_is_asked_for(own: Path) -> None:
    write_options(own)
    with pytest.raises(ergopy.TlsFileError, match="--force"):
        write_options(own)
    write_options(own, force=True)


def test_a_node_without_a_certificate_is_told_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ergopy.TlsFileError, match="ergopy certs node a@b"):
        write_options(tmp_path / "a@b")


def test_the_flags_name_the_file() -> None:
    assert flags("/opt/a@b") == (
        "-proto_dist inet_tls -ssl_dist_optfile /opt/a@b/ssl_dist.conf"
    )
