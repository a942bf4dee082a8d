"""Handshake messages against bytes that real nodes sent, and against nonsense."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ergopy.dist import handshake_messages as messages
from ergopy.dist.handshake_messages import Challenge, Malformed, SendName, Status

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = b"127.0.0.1"

# Captured between two OTP 25 nodes, and from OTP 28 where the name says so.
SEND_NAME = bytes.fromhex("4e0000000d07df7fbd6b016b56000d") + b"a25@" + HOST
CHALLENGE = bytes.fromhex("4e0000000d07df7fbd67bd48476b016b56000d") + b"b25@" + HOST
CHALLENGE_28 = bytes.fromhex("4e0000002d07df7fbdde393b786b016b56000d") + b"c28@" + HOST
REPLY = bytes.fromhex("720fba2c88b8094dc14c0a546f51852cfe20229391")
ACK = bytes.fromhex("61cfd6a88ecb0fcafce40e62fe2f70f34f")
DYNAMIC = bytes.fromhex("4e0000000f07df7fbc000000000009") + HOST

NAMES = [
    (SendName(0xD07DF7FBD, 0x6B016B56, "a25@127.0.0.1"), SEND_NAME),
    (SendName(0xF07DF7FBC, 0, "127.0.0.1"), DYNAMIC),
]
CHALLENGES = [
    (Challenge(0xD07DF7FBD, 0x67BD4847, 0x6B016B56, "b25@127.0.0.1"), CHALLENGE),
    (Challenge(0x2D07DF7FBD, 0xDE393B78, 0x6B016B56, "c28@127.0.0.1"), CHALLENGE_28),
]
STATUSES = [
    (Status("ok"), b"sok"),
    (Status("ok_simultaneous"), b"sok_simultaneous"),
    (Status("not_allowed"), b"snot_allowed"),
    (Status("named:", "X@h", 7), b"snamed:\0\3X@h\0\0\0\7"),
]
READERS: list[Callable[[bytes], Any]] = [
    messages.read_name,
    messages.read_challenge,
    messages.read_status,
    messages.read_reply,
    messages.read_ack,
]


@pytest.mark.parametrize(("message", "body"), NAMES)
def test_send_name_both_ways(message: SendName, body: bytes) -> None:
    assert messages.pack_name(message) == body
    assert messages.read_name(body) == message


@pytest.mark.parametrize(("message", "body"), CHALLENGES)
def test_challenge_both_ways(message: Challenge, body: bytes) -> None:
    assert messages.pack_challenge(message) == body
    assert messages.read_challenge(body) == message


@pytest.mark.parametrize(("message", "body"), STATUSES)
def test_status_both_ways(message: Status, body: bytes) -> None:
    assert messages.pack_status(message) == body
    assert messages.read_status(body) == message


def test_digests_are_those_of_a_beam() -> None:
    proof = messages.digest(b"ergocookie", 0x67BD4847)
    assert messages.pack_reply(0x0FBA2C88, proof) == REPLY
    assert messages.read_reply(REPLY) == (0x0FBA2C88, proof)
    answer = messages.digest(b"ergocookie", 0x0FBA2C88)
    assert messages.pack_ack(answer) == ACK
    assert messages.read_ack(ACK) == answer


def test_a_digest_takes_the_challenge_as_unsigned() -> None:
    assert messages.proves(messages.digest(b"c", 2**32 - 1), b"c", 2**32 - 1)
    assert not messages.proves(messages.digest(b"c", 2**32 - 1), b"c", 1)
    assert not messages.proves(b"", b"c", 1)


@pytest.mark.parametrize("prefix", [2, 4])
def test_a_frame_has_its_length_in_front(prefix: int) -> None:
    assert messages.frame(b"sok", prefix) == b"\0" * (prefix - 1) + b"\3sok"


@pytest.mark.parametrize("body", [SEND_NAME, CHALLENGE])
def test_later_additions_behind_a_name_are_ignored(body: bytes) -> None:
    read = messages.read_name if body is SEND_NAME else messages.read_challenge
    assert read(body + b"more") == read(body)
    assert messages.read_status(b"snamed:\0\3X@h\0\0\0\7more").creation == 7


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (messages.read_name, SEND_NAME),
        (messages.read_challenge, CHALLENGE),
        (messages.read_reply, REPLY),
        (messages.read_ack, ACK),
        (messages.read_status, b"snamed:\0\3X@h\0\0\0\7"),
    ],
)
def test_a_message_cut_short_anywhere_is_malformed(
    read: Callable[[bytes], Any], body: bytes
) -> None:
    shortest = len(b"snamed:") if read is messages.read_status else 0
    for end in range(shortest, len(body)):
        with pytest.raises(Malformed):
            read(body[:end])


@pytest.mark.parametrize("body", [REPLY, ACK])
def test_a_proof_with_something_behind_it_is_malformed(body: bytes) -> None:
    for read in (messages.read_reply, messages.read_ack):
        with pytest.raises(Malformed):
            read(body + b"\0")


@pytest.mark.parametrize("read", [messages.read_name, messages.read_challenge])
def test_the_handshake_of_old_nodes_is_called_by_its_name(
    read: Callable[[bytes], Any],
) -> None:
    with pytest.raises(Malformed, match=r"OTP 2\d and older"):
        read(b"n\0\5\0\0\0\0old@host")


def test_a_cookie_is_latin_1() -> None:
    assert messages.secret("sécret") == b"s\xe9cret"
    assert messages.secret(b"\xff") == b"\xff"


def test_a_cookie_that_cannot_be_one_is_not_quoted() -> None:
    with pytest.raises(ValueError, match="Latin-1") as caught:
        messages.secret("geheim€")
    assert "geheim" not in repr(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize(
    "name",
    ["", "a", "@", "a@", "@h", "a@b@c", "é@h", "a b@h", "a\n@h", "a@h\0", "a" * 256],
)
def test_a_bad_node_name_is_refused(name: str) -> None:
    with pytest.raises(Malformed):
        messages.check_name(name)


@pytest.mark.parametrize("name", ["a@h", "py_1@127.0.0.1", "a-b.c@host.example.org"])
def test_a_good_node_name_passes(name: str) -> None:
    messages.check_name(name)


def test_who_asks_for_a_name_gives_a_host() -> None:
    messages.check_name("127.0.0.1", dynamic=True)
    for name in ("", "a@h", "@h"):
        with pytest.raises(Malformed):
            messages.check_name(name, dynamic=True)


@given(st.sampled_from(READERS), st.binary(max_size=80))
def test_any_body_is_read_or_malformed(
    read: Callable[[bytes], Any], body: bytes
) -> None:
    for first in (b"", b"N", b"s", b"snamed:", b"r", b"a"):
        with contextlib.suppress(Malformed):
            read(first + body)


def test_digests_are_compared_in_constant_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A comparison that stops at the first difference tells how far a guess is right.

    What is left out of this comparison, the length, is no secret.
    """
    compared: list[tuple[bytes, bytes]] = []

    def compare(given: bytes, right: bytes) -> bool:
        compared.append((given, right))
        return given == right

    monkeypatch.setattr("hmac.compare_digest", compare)
    right = messages.digest(b"cookie", 5)
    for guess in (right, b"\0" * 16, right[:15] + b"\0"):
        assert messages.proves(guess, b"cookie", 5) is (guess == right)
    assert [given for given, _ in compared] == [right, b"\0" * 16, right[:15] + b"\0"]
    assert {whole for _, whole in compared} == {right}
