"""Node names: which are possible, and who can talk to whom."""

from __future__ import annotations

import pytest

from ergopy.errors import ErgopyError, NodeNameError
from ergopy.node import naming


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("py@127.0.0.1", ("py", "127.0.0.1")),
        ("py@host", ("py", "host")),
        ("a-b_c.1@host.example.org", ("a-b_c.1", "host.example.org")),
        ("py@::1", ("py", "::1")),
        ("x" * 250 + "@host", ("x" * 250, "host")),
    ],
)
def test_a_name_has_two_parts(name: str, parts: tuple[str, str]) -> None:
    assert naming.split(name) == parts


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "has no host"),
        ("py", "write py@127.0.0.1"),
        ("py@", "has no host"),
        ("@host", "one @"),
        ("a@b@c", "one @"),
        ("pü@host", "ASCII"),
        ("py@höst", "ASCII"),
        ("p y@host", "ASCII"),
        ("py@ho\nst", "ASCII"),
        ("py\0@host", "ASCII"),
        ("x" * 251 + "@host", "255"),
    ],
)
def test_an_impossible_name_says_what_to_write(name: str, words: str) -> None:
    with pytest.raises(NodeNameError, match=words) as caught:
        naming.split(name)
    assert isinstance(caught.value, ErgopyError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("host", "long"),
    [
        ("host", False),
        ("localhost", False),
        ("127.0.0.1", True),
        ("host.org", True),
        ("::1", True),
    ],
)
def test_a_host_with_a_dot_or_a_colon_is_long(host: str, long: bool) -> None:
    assert naming.is_long(host) is long


@pytest.mark.parametrize(
    ("own", "peer"), [("a@h", "b@h"), ("a@h.org", "b@10.0.0.1"), ("a@::1", "b@h.org")]
)
def test_names_of_one_kind_fit(own: str, peer: str) -> None:
    naming.check_peer(own, peer)


@pytest.mark.parametrize(
    ("own", "peer", "words"),
    [
        ("a@h", "b@h.org", r"b@h.org has a long .*a@h a short"),
        ("a@h.org", "b@h", r"b@h has a short .*a@h.org a long"),
        ("a@h.org", "b", "has no host"),
    ],
)
def test_names_of_two_kinds_do_not(own: str, peer: str, words: str) -> None:
    with pytest.raises(NodeNameError, match=words):
        naming.check_peer(own, peer)
