"""The handshake, abused: strangers, garbage, and mistakes of its owner."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ergopy.dist import handshake_messages as messages
from ergopy.dist.handshake import (
    ACCEPTOR_STEPS,
    CONNECTOR_STEPS,
    Acceptor,
    Handshake,
    Identity,
    NameReceived,
    Step,
    Verified,
)
from ergopy.dist.handshake_messages import SendName, frame
from ergopy.errors import (
    CookieMismatch,
    HandshakeError,
    LocalProtocolError,
    NodeNameError,
    NotDistribution,
)
from tests.dist.handshakes import (
    A_NAME,
    A_REPLY,
    B_ACK,
    B_CHALLENGE,
    B_STATUS,
    COOKIE,
    OTP_25,
    STEPS,
    acceptor,
    at_confirmation,
    connector,
    feed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

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
