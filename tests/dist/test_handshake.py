"""The handshake without a network: both roles, whole, in pieces, and refused."""

from __future__ import annotations

from typing import Any

import pytest

from ergopy.dist import handshake_messages as messages
from ergopy.dist.flags import MANDATORY, OFFERED_HIDDEN, OFFERED_VISIBLE, Flag
from ergopy.dist.handshake import (
    AliveAnswered,
    AliveAsked,
    Connected,
    Identity,
    NameReceived,
    Verified,
)
from ergopy.dist.handshake_messages import Challenge, SendName, Status, frame
from ergopy.errors import (
    AlreadyConnected,
    CookieMismatch,
    HandshakeError,
    LocalProtocolError,
    MissingFlags,
    NotAllowed,
    WrongNode,
)
from tests.dist.handshakes import (
    A25,
    A_NAME,
    A_REPLY,
    B25,
    B_ACK,
    B_CHALLENGE,
    B_STATUS,
    COOKIE,
    CREATION,
    OTP_25,
    STEPS,
    acceptor,
    at_confirmation,
    connector,
    feed,
)

PY = Identity("py@h", 5, OFFERED_VISIBLE)


@STEPS
def test_the_dialling_side_repeats_what_a_beam_did(step: int) -> None:
    machine = connector()
    assert machine.data_to_send() == A_NAME
    assert feed(machine, B_STATUS + B_CHALLENGE, step) == []
    assert machine.data_to_send() == A_REPLY
    events = feed(machine, B_ACK, step)
    peer, name = "b25@127.0.0.1", "a25@127.0.0.1"
    assert events == [Connected(peer, CREATION, OTP_25, name, CREATION, b"")]
    assert machine.data_to_send() == b""
    assert machine.done


@STEPS
def test_the_answering_side_repeats_what_a_beam_did(step: int) -> None:
    machine = acceptor()
    assert feed(machine, A_NAME, step) == [
        NameReceived("a25@127.0.0.1", CREATION, OTP_25, False)
    ]
    assert machine.data_to_send() == b""
    assert machine.accept(cookie=COOKIE) == []
    assert machine.data_to_send() == B_STATUS + B_CHALLENGE
    assert feed(machine, A_REPLY, step) == [Verified()]
    assert machine.data_to_send() == b""
    peer, name = "a25@127.0.0.1", "b25@127.0.0.1"
    assert machine.confirm() == [Connected(peer, CREATION, OTP_25, name, CREATION, b"")]
    assert machine.data_to_send() == B_ACK
    assert machine.done


@pytest.mark.parametrize("surplus", [b"\0", b"\0\0\0\0", b"\0\0\0\3\x83D\0" * 9000])
def test_bytes_behind_the_last_message_are_handed_on_untouched(surplus: bytes) -> None:
    machine = connector()
    machine.receive_data(B_STATUS + B_CHALLENGE)
    (event,) = machine.receive_data(B_ACK + surplus)
    assert isinstance(event, Connected)
    assert event.surplus == surplus


def test_bytes_behind_the_reply_are_handed_on_by_the_answering_side() -> None:
    machine = acceptor()
    machine.receive_data(A_NAME)
    machine.accept(cookie=COOKIE)
    machine.receive_data(A_REPLY + b"ab")
    machine.receive_data(b"cd")
    (event,) = machine.confirm()
    assert isinstance(event, Connected)
    assert event.surplus == b"abcd"


@pytest.mark.parametrize("prefix", [2, 4])
@pytest.mark.parametrize("status", ["ok", "ok_simultaneous", "alive"])
def test_two_of_ours_connect(status: Any, prefix: int) -> None:
    a = connector(PY, prefix=prefix)
    b = acceptor(prefix=prefix)
    (asked,) = b.receive_data(a.data_to_send())
    assert asked == NameReceived("py@h", 5, OFFERED_VISIBLE, False)
    b.accept(status, cookie=COOKIE)
    events = a.receive_data(b.data_to_send())
    if status == "alive":
        assert events == [AliveAsked()]
        a.answer_alive(True)
        assert b.receive_data(a.data_to_send()) == [AliveAnswered(True)]
        a.receive_data(b.data_to_send())
    assert b.receive_data(a.data_to_send()) == [Verified()]
    (theirs,) = b.confirm()
    (ours,) = a.receive_data(b.data_to_send())
    assert ours == Connected(B25.name, CREATION, OTP_25, "py@h", 5, b"")
    assert theirs == Connected("py@h", 5, OTP_25, B25.name, CREATION, b"")


def test_an_unwanted_attempt_is_given_up_on_alive() -> None:
    a, b = connector(), acceptor()
    b.receive_data(a.data_to_send())
    b.accept("alive", cookie=COOKIE)
    a.receive_data(b.data_to_send())
    a.answer_alive(False)
    assert b.receive_data(a.data_to_send()) == [AliveAnswered(False)]
    assert a.done
    assert b.done
    assert a.error is b.error is None
    assert b.data_to_send() == b""


@pytest.mark.parametrize("text", ["", "maybe", "ok", "TRUE"])
def test_any_other_answer_to_alive_fails(text: str) -> None:
    machine = acceptor()
    machine.receive_data(A_NAME)
    machine.accept("alive", cookie=COOKIE)
    with pytest.raises(HandshakeError, match="answer to alive"):
        machine.receive_data(frame(b"s" + text.encode(), 2))


@pytest.mark.parametrize(
    ("status", "error"), [("nok", AlreadyConnected), ("not_allowed", NotAllowed)]
)
def test_a_refusal_reaches_the_other_side(
    status: Any, error: type[HandshakeError]
) -> None:
    a, b = connector(), acceptor()
    b.receive_data(a.data_to_send())
    assert b.accept(status) == []
    assert b.done
    with pytest.raises(error) as caught:
        a.receive_data(b.data_to_send())
    assert caught.value.peer == B25.name
    assert a.error is caught.value


@pytest.mark.parametrize(
    "text", ["", "OK", "ok ", "okay", "alive!", "no\xff", "x" * 500]
)
def test_an_unknown_status_fails_with_its_text_escaped(text: str) -> None:
    machine = connector()
    with pytest.raises(HandshakeError, match="status"):
        machine.receive_data(frame(b"s" + text.encode("latin-1"), 2))


def test_a_node_that_asks_for_a_name_gets_one_and_is_hidden() -> None:
    me = Identity("127.0.0.1", 0, OFFERED_VISIBLE | Flag.NAME_ME)
    a, b = connector(me), acceptor()
    hello = a.data_to_send()
    assert messages.read_name(hello[2:]).flags == (0x2F07DF7FBC)
    (event,) = b.receive_data(hello)
    assert isinstance(event, NameReceived)
    assert event.dynamic
    assert event.name == "127.0.0.1"
    b.give_name("2AE8@127.0.0.1", 9, cookie=COOKIE)
    a.receive_data(b.data_to_send())
    b.receive_data(a.data_to_send())
    (theirs,) = b.confirm()
    (ours,) = a.receive_data(b.data_to_send())
    assert isinstance(ours, Connected)
    assert isinstance(theirs, Connected)
    assert (ours.name, ours.own_creation) == ("2AE8@127.0.0.1", 9)
    assert (theirs.peer, theirs.creation) == ("2AE8@127.0.0.1", 9)
    assert ours.flags == theirs.flags
    assert not ours.flags & (Flag.PUBLISHED | Flag.NAME_ME)


def test_the_challenge_for_a_nameless_node_echoes_its_request() -> None:
    machine = acceptor(PY)
    request = SendName(0xF07DF7FBC, 0, "127.0.0.1")
    machine.receive_data(frame(messages.pack_name(request), 2))
    machine.give_name("X@127.0.0.1", 1, cookie=COOKIE)
    status, challenge = split(machine.data_to_send())
    assert messages.read_status(status) == Status("named:", "X@127.0.0.1", 1)
    flags = Flag(messages.read_challenge(challenge).flags)
    assert Flag.NAME_ME in flags
    assert Flag.PUBLISHED not in flags


def split(data: bytes) -> list[bytes]:
    bodies = []
    while data:
        size = 2 + int.from_bytes(data[:2], "big")
        bodies.append(data[2:size])
        data = data[size:]
    return bodies


def test_a_hidden_peer_makes_the_link_hidden() -> None:
    hidden = Identity("a@h", 1, OFFERED_HIDDEN)
    a, b = connector(hidden), acceptor(PY)
    b.receive_data(a.data_to_send())
    b.accept(cookie=COOKIE)
    _, challenge = split(b.data_to_send())
    assert messages.read_challenge(challenge).flags == OFFERED_HIDDEN


def test_a_name_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(HandshakeError, match="gives us a name"):
        connector().receive_data(frame(b"snamed:\0\3X@h\0\0\0\1", 2))


def test_a_bad_gift_of_a_name_is_refused() -> None:
    me = Identity("127.0.0.1", 0, OFFERED_VISIBLE | Flag.NAME_ME)
    with pytest.raises(HandshakeError, match="no node name"):
        connector(me).receive_data(frame(b"snamed:\0\3Xxh\0\0\0\1", 2))


@pytest.mark.parametrize("status", [b"ok", b"ok_simultaneous", b"alive"])
def test_who_wants_a_name_is_content_with_nothing_else(status: bytes) -> None:
    me = Identity("127.0.0.1", 0, OFFERED_VISIBLE | Flag.NAME_ME)
    with pytest.raises(HandshakeError, match="gives us no name"):
        connector(me).receive_data(frame(b"s" + status, 2))


def test_a_peer_without_mandatory_flags_is_told_and_they_are_named() -> None:
    machine = acceptor()
    request = SendName(MANDATORY[25], 1, "old@h")
    with pytest.raises(MissingFlags) as caught:
        machine.receive_data(frame(messages.pack_name(request), 2))
    assert caught.value.flags == ("UNLINK_ID", "V4_NC")
    assert caught.value.peer == "old@h"
    assert machine.data_to_send() == frame(b"snot_allowed", 2)
    assert machine.done


def test_a_dialled_peer_without_mandatory_flags_gets_no_proof() -> None:
    machine = connector()
    machine.data_to_send()
    machine.receive_data(B_STATUS)
    challenge = Challenge(int(OTP_25 & ~Flag.V4_NC), 1, 1, B25.name)
    with pytest.raises(MissingFlags) as caught:
        machine.receive_data(frame(messages.pack_challenge(challenge), 2))
    assert caught.value.flags == ("V4_NC",)
    assert machine.data_to_send() == b""


def test_what_is_required_can_be_chosen() -> None:
    machine = acceptor(required=MANDATORY[25])
    request = SendName(MANDATORY[25], 1, "old@h")
    (event,) = machine.receive_data(frame(messages.pack_name(request), 2))
    assert isinstance(event, NameReceived)


def test_the_answering_side_says_nothing_to_a_wrong_cookie() -> None:
    machine = acceptor()
    machine.receive_data(A_NAME)
    machine.accept(cookie="another")
    machine.data_to_send()
    with pytest.raises(CookieMismatch) as caught:
        machine.receive_data(A_REPLY)
    assert caught.value.peer == A25.name
    assert machine.data_to_send() == b""
    with pytest.raises(LocalProtocolError):
        machine.confirm()


def test_the_dialling_side_checks_the_cookie_of_the_other() -> None:
    machine = connector(cookie="another")
    machine.receive_data(B_STATUS + B_CHALLENGE)
    with pytest.raises(CookieMismatch):
        machine.receive_data(B_ACK)


def test_a_peer_that_closes_on_our_proof_has_another_cookie() -> None:
    machine = connector()
    machine.receive_data(B_STATUS + B_CHALLENGE)
    with pytest.raises(CookieMismatch):
        machine.receive_eof()
    assert machine.done


def test_closing_early_says_what_was_missing() -> None:
    a, b = connector(), acceptor(peer="127.0.0.1:4711")
    with pytest.raises(HandshakeError, match="its status"):
        a.receive_eof()
    with pytest.raises(HandshakeError, match=r"127\.0\.0\.1:4711: .* its name"):
        b.receive_eof()


def test_closing_after_the_end_is_nothing() -> None:
    machine = at_confirmation()
    machine.confirm()
    machine.receive_eof()


def test_another_node_than_the_dialled_one_is_refused() -> None:
    machine = connector()
    machine.data_to_send()
    machine.receive_data(B_STATUS)
    challenge = Challenge(int(OTP_25), 1, 1, "c25@127.0.0.1")
    with pytest.raises(WrongNode, match=r"called c25@.*: use that name"):
        machine.receive_data(frame(messages.pack_challenge(challenge), 2))
    assert machine.data_to_send() == b""
