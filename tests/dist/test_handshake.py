"""The handshake without a network: both roles, whole, in pieces, and abused."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ergopy.dist import handshake_messages as messages
from ergopy.dist.flags import MANDATORY, OFFERED_HIDDEN, OFFERED_VISIBLE, Flag
from ergopy.dist.handshake import (
    ACCEPTOR_STEPS,
    CONNECTOR_STEPS,
    Acceptor,
    AliveAnswered,
    AliveAsked,
    Connected,
    Connector,
    Event,
    Handshake,
    Identity,
    NameReceived,
    Step,
    Verified,
)
from ergopy.dist.handshake_messages import Challenge, SendName, Status, frame
from ergopy.errors import (
    AlreadyConnected,
    CookieMismatch,
    HandshakeError,
    LocalProtocolError,
    MissingFlags,
    NodeNameError,
    NotAllowed,
    NotDistribution,
    WrongNode,
)

if TYPE_CHECKING:
    from collections.abc import Callable

COOKIE = "ergocookie"
OTP_25 = Flag(0xD07DF7FBD)
CREATION = 0x6B016B56

# One handshake between two OTP 25 nodes, as captured.
A_NAME = bytes.fromhex("001c4e0000000d07df7fbd6b016b56000d613235403132372e302e302e31")
B_STATUS = b"\0\3sok"
B_CHALLENGE = bytes.fromhex(
    "00204e0000000d07df7fbd67bd48476b016b56000d623235403132372e302e302e31"
)
A_REPLY = bytes.fromhex("0015720fba2c88b8094dc14c0a546f51852cfe20229391")
B_ACK = bytes.fromhex("001161cfd6a88ecb0fcafce40e62fe2f70f34f")

A25 = Identity("a25@127.0.0.1", CREATION, OTP_25)
B25 = Identity("b25@127.0.0.1", CREATION, OTP_25)
CHALLENGE_A, CHALLENGE_B = 0x0FBA2C88, 0x67BD4847
PY = Identity("py@h", 5, OFFERED_VISIBLE)


def connector(me: Identity = A25, **options: Any) -> Connector:
    options = {"cookie": COOKIE, "challenge": CHALLENGE_A, **options}
    return Connector(me, B25.name, **options)


def acceptor(me: Identity = B25, **options: Any) -> Acceptor:
    return Acceptor(me, **({"challenge": CHALLENGE_B} | options))


def feed(machine: Handshake, data: bytes, step: int) -> list[Event]:
    """Feed *data* in pieces; the last piece of the last message included."""
    return [
        event
        for start in range(0, len(data), step)
        for event in machine.receive_data(data[start : start + step])
    ]


def at_confirmation(**options: Any) -> Acceptor:
    machine = acceptor(**options)
    machine.receive_data(A_NAME)
    machine.accept(cookie=COOKIE)
    machine.receive_data(A_REPLY)
    return machine


STEPS = pytest.mark.parametrize("step", [1, 2, 3, 7, 4096])


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


FOREIGN = [
    b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    bytes.fromhex("160301020001") + b"\0" * 200,  # a TLS hello
    bytes.fromhex("1503010002022f"),  # a TLS alert
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"\0\0",  # no message at all
    b"\0\0\0\0",
    b"\x08\x01" + b"N" * 3000,  # one byte over the limit
    b"\xff\xff\xff\xff",
    b"\0\5hello",
    b"\0\1\0",
]


@pytest.mark.parametrize("make", [connector, acceptor])
@pytest.mark.parametrize("data", FOREIGN, ids=lambda data: repr(data[:12]))
@STEPS
def test_what_is_no_erlang_node_is_called_so(
    make: Callable[[], Handshake], data: bytes, step: int
) -> None:
    machine = make()
    machine.data_to_send()
    with pytest.raises(NotDistribution):
        feed(machine, data, step)
    assert machine.done
    assert machine.data_to_send() == b""


def test_tls_is_recognised() -> None:
    with pytest.raises(NotDistribution, match="TLS"):
        connector().receive_data(bytes.fromhex("1503010002022f"))


def test_the_largest_message_allowed_is_2_kib() -> None:
    body = messages.pack_name(SendName(int(OTP_25), 1, "a@h"))
    padded = body + b"\0" * (messages.MAX_MESSAGE - len(body))
    assert len(acceptor().receive_data(frame(padded, 2))) == 1
    with pytest.raises(NotDistribution):
        acceptor().receive_data(frame(padded + b"\0", 2))


def test_an_old_node_is_told_apart_from_a_stranger() -> None:
    with pytest.raises(HandshakeError, match="OTP 24 and older"):
        acceptor().receive_data(frame(b"n\0\5\0\0\0\0old@h", 2))


def test_garbage_later_on_is_an_error_of_that_node() -> None:
    machine = connector()
    machine.receive_data(B_STATUS)
    with pytest.raises(HandshakeError) as caught:
        machine.receive_data(b"GET / HTTP/1.1")
    assert type(caught.value) is HandshakeError


@pytest.mark.parametrize(
    "name", [b"nohost", b"a@b@c", b"@h", b"a@", b"\xe9@h", b"a\x1b@h"]
)
def test_a_bad_name_is_refused_with_control_characters_escaped(name: bytes) -> None:
    head = bytes.fromhex("4e0000000d07df7fbd6b016b56") + len(name).to_bytes(2, "big")
    with pytest.raises(HandshakeError) as caught:
        acceptor().receive_data(frame(head + name, 2))
    assert "\x1b" not in str(caught.value)


def test_a_peer_cannot_fill_the_buffer_while_the_owner_decides() -> None:
    machine = acceptor()
    machine.receive_data(A_NAME + b"\0" * messages.MAX_MESSAGE)
    with pytest.raises(HandshakeError, match="out of turn"):
        machine.receive_data(b"\0")


def test_the_owner_can_only_do_what_is_due() -> None:
    a, b = connector(), acceptor()
    with pytest.raises(LocalProtocolError):
        a.answer_alive(True)
    with pytest.raises(LocalProtocolError):
        b.accept(cookie=COOKIE)
    with pytest.raises(LocalProtocolError):
        b.give_name("x@h", 1, cookie=COOKIE)
    with pytest.raises(LocalProtocolError):
        b.confirm()
    b.receive_data(A_NAME)
    with pytest.raises(LocalProtocolError, match="has a name"):
        b.give_name("x@h", 1, cookie=COOKIE)
    with pytest.raises(LocalProtocolError, match="cookie"):
        b.accept()
    assert b.step is Step.DECISION
    b.accept(cookie=COOKIE)


def test_a_nameless_node_must_be_named_or_refused() -> None:
    request = frame(messages.pack_name(SendName(0xF07DF7FBC, 0, "h")), 2)
    machine = acceptor()
    machine.receive_data(request)
    with pytest.raises(LocalProtocolError, match="give_name"):
        machine.accept(cookie=COOKIE)
    with pytest.raises(NodeNameError):
        machine.give_name("noat", 1, cookie=COOKIE)
    machine.accept("not_allowed")
    assert machine.data_to_send() == frame(b"snot_allowed", 2)


def test_after_the_end_nothing_more_is_taken() -> None:
    for machine in (at_confirmation(), acceptor()):
        if machine.step is Step.CONFIRMATION:
            machine.confirm()
        else:
            with pytest.raises(NotDistribution):
                machine.receive_data(b"GET ")
        with pytest.raises(LocalProtocolError):
            machine.receive_data(b"x")


def test_no_cookie_shows_anywhere() -> None:
    machine = connector(cookie="geheim")
    assert "geheim" not in repr(machine)
    machine.receive_data(B_STATUS + B_CHALLENGE)
    with pytest.raises(CookieMismatch) as caught:
        machine.receive_data(B_ACK)
    assert "geheim" not in repr(caught.value) + str(caught.value)


@pytest.mark.parametrize("name", ["py", "", "py@", "@h", "a@b@c", "pü@h", "p y@h"])
def test_an_identity_needs_a_proper_name(name: str) -> None:
    with pytest.raises(NodeNameError):
        Identity(name, 1, OTP_25)


def test_numbers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="creation"):
        Identity("a@h", 2**32, OTP_25)
    with pytest.raises(ValueError, match="challenge"):
        acceptor(challenge=2**32)
    with pytest.raises(ValueError, match="length"):
        acceptor(prefix=3)


@pytest.mark.parametrize("table", [CONNECTOR_STEPS, ACCEPTOR_STEPS])
def test_every_step_leads_somewhere_known_and_comes_to_an_end(table: Any) -> None:
    start = next(iter(table))
    reached, edge = {start}, [start]
    while edge:
        for step in table[edge.pop()] - reached:
            reached.add(step)
            edge.append(step)
    assert reached | {Step.FAILED} == set(table)
    assert Step.CONNECTED in reached


SCRIPTS = [
    (connector, B_STATUS + B_CHALLENGE + B_ACK),
    (acceptor, A_NAME + A_REPLY),
]


@given(
    st.sampled_from(SCRIPTS),
    st.integers(0, 120),
    st.binary(max_size=60),
    st.integers(1, 40),
)
def test_garbage_anywhere_only_raises_handshake_errors(
    script: tuple[Callable[[], Handshake], bytes], cut: int, tail: bytes, step: int
) -> None:
    make, data = script
    machine = make()
    with contextlib.suppress(HandshakeError):
        play(machine, data[:cut] + tail, step)
    assert machine.done


def play(machine: Handshake, data: bytes, step: int) -> None:
    for start in range(0, len(data), step):
        events = machine.receive_data(data[start : start + step])
        for event in events:
            if isinstance(event, NameReceived) and isinstance(machine, Acceptor):
                status: Any = "not_allowed" if event.dynamic else "ok"
                events += machine.accept(status, cookie=COOKIE)
            if isinstance(event, Verified) and isinstance(machine, Acceptor):
                events += machine.confirm()
        if machine.done:
            return
    machine.receive_eof()


def test_a_step_that_the_table_does_not_have_is_our_own_mistake() -> None:
    machine = acceptor()
    with pytest.raises(LocalProtocolError, match="cannot go"):
        machine._enter(Step.CONNECTED)
