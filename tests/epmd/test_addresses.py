"""Where EPMD is, and who is local."""

from __future__ import annotations

import pytest

from epmd import EpmdValueError, default_port
from epmd._addresses import is_local, listen_addresses


def test_port_is_4369_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ERL_EPMD_PORT", raising=False)
    assert default_port() == 4369
    monkeypatch.setenv("ERL_EPMD_PORT", "")
    assert default_port() == 4369
    monkeypatch.setenv("ERL_EPMD_PORT", "5001")
    assert default_port() == 5001


@pytest.mark.parametrize("text", ["0", "65536", "-1", "x", "1e3", "٣", "9" * 5000])
def test_nonsense_as_port_in_the_environment_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERL_EPMD_PORT", text)
    with pytest.raises(EpmdValueError, match="ERL_EPMD_PORT"):
        default_port()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", ["0.0.0.0", "::"]),
        ([], ["0.0.0.0", "::"]),
        ("127.0.0.1", ["127.0.0.1"]),
        ("10.0.0.1, 10.0.0.2", ["10.0.0.1", "10.0.0.2", "127.0.0.1"]),
        (["::1"], ["::1", "127.0.0.1"]),
        ("fe80::1", ["fe80::1", "127.0.0.1", "::1"]),
        ("0.0.0.0", ["0.0.0.0"]),
        (["0.0.0.0", "::"], ["0.0.0.0", "::"]),
    ],
)
def test_server_listens_on_what_is_given_and_on_loopback(
    given: str | list[str], expected: list[str]
) -> None:
    assert listen_addresses(given) == expected


def test_server_listens_where_the_environment_says_or_everywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ERL_EPMD_ADDRESS", "10.0.0.1")
    assert listen_addresses(None) == ["10.0.0.1", "127.0.0.1"]
    monkeypatch.delenv("ERL_EPMD_ADDRESS")
    assert listen_addresses(None) == ["0.0.0.0", "::"]


@pytest.mark.parametrize(
    ("peer", "own", "expected"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.9.9.9", "127.0.0.1", True),
        ("::1", "::1", True),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1", True),
        ("10.0.0.7", "10.0.0.7", True),
        ("::ffff:10.0.0.7", "10.0.0.7", True),
        ("10.0.0.8", "10.0.0.7", False),
        ("2001:db8::1", "2001:db8::2", False),
    ],
)
def test_peer_is_local_on_loopback_or_with_our_own_address(
    peer: str, own: str, expected: bool
) -> None:
    assert is_local(peer, own) is expected
