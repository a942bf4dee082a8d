"""The codec of an established link, pure and compiled: packets and operations."""

from __future__ import annotations

from typing import Any

import pytest

import etf
from tests.dist.link_packets import PID, REF, US, A, feed, headed, packet, term, through

COMPRESSED = etf.EncodeOptions(compressed=9)


CASES: list[tuple[Any, Any]] = [
    ((1, PID, US), None),
    ((35, 1, PID, US), None),
    ((36, 2**64 - 1, PID, US), None),
    ((19, PID, A("somename"), REF), None),
    ((28, A("nm1"), US, REF), A("foo")),
    ((24, PID, US), A("oops")),
    ((31, REF, US, 3, PID), None),
    ((33, PID, REF), (A("hello"), A("alias"))),
    ((37, 4, PID, REF), (A("hello"), A("alias"))),
    ((2, A(""), US), A("hi")),
    ((21, A("nonono"), US, REF, A("noproc")), None),
    ((6, PID, A(""), A("rex")), [None, True, False, 2.5, b"x" * 500]),
    ((3, PID, US, {"reason": [1, (2,)]}), None),
    ((22, PID, US), None),
]

# Captured in pass-through, as the protocol shows them.
P = (
    bytes.fromhex("58770d")
    + b"a25@127.0.0.1"
    + bytes.fromhex("000000d1000000006b016b56")
)
Q = bytes.fromhex("587704") + b"py@h" + bytes.fromhex("000000070000000000000005")
R = bytes.fromhex("5a0003770d") + b"a25@127.0.0.1"
R += bytes.fromhex("6b016b560000db1bfb540001c3ca9672")
WIRE = [
    ((1, PID, US), None, bytes.fromhex("708368036101") + P + Q),
    ((35, 1, PID, US), None, bytes.fromhex("7083680461236101") + P + Q),
    (
        (36, 2**64 - 1, PID, US),
        None,
        bytes.fromhex("7083680461246e0800ffffffffffffffff") + P + Q,
    ),
    (
        (19, PID, A("somename"), REF),
        None,
        bytes.fromhex("708368046113") + P + b"w\x08somename" + R,
    ),
    (
        (28, A("nm1"), US, REF),
        A("foo"),
        bytes.fromhex("70836804611c") + b"w\3nm1" + Q + R + b"\x83w\3foo",
    ),
    ((24, PID, US), A("oops"), bytes.fromhex("708368036118") + P + Q + b"\x83w\4oops"),
    ((2, A(""), US), A("hi"), bytes.fromhex("7083680361027700") + Q + b"\x83w\2hi"),
]


@pytest.mark.parametrize(("control", "message", "wire"), WIRE)
def test_captured_packets_both_ways(
    link: Any, control: Any, message: Any, wire: bytes
) -> None:
    assert feed(link.LinkDecoder(header=False), packet(wire)) == [(control, message)]
    encoder = link.LinkEncoder(header=False)
    if message is None:
        assert encoder.control(control) == packet(wire)
    else:
        assert encoder.frame(control, message) == packet(wire)


@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize(("control", "message"), CASES)
def test_what_is_encoded_is_decoded(
    link: Any, header: bool, control: Any, message: Any
) -> None:
    encoder = link.LinkEncoder(header=header)
    if control[0] in (2, 6, 22, 24, 28, 33, 37):
        frame = encoder.frame(control, message)
        assert frame == encoder.frame_payload(control, encoder.payload(message))
    else:
        frame = encoder.control(control)
    assert type(frame) is bytes
    decoder = link.LinkDecoder(header=header)
    ((got, body),) = feed(decoder, frame)
    assert etf.same(got, control)
    assert etf.same(body, message)
    assert decoder.packets == 1


@pytest.mark.parametrize("header", [False, True])
def test_frames_have_the_negotiated_form(link: Any, header: bool) -> None:
    control, message = (22, PID, US), A("hi")
    frame = link.LinkEncoder(header=header).frame(control, message)
    expected = headed if header else through
    assert frame == expected(control, message)
    payload = link.LinkEncoder(header=header).payload(message)
    assert payload == term(message) if header else b"\x83" + term(message)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 4096])
@pytest.mark.parametrize("header", [False, True])
def test_any_chunking_gives_the_same_operations(
    link: Any, header: bool, step: int
) -> None:
    make = headed if header else through
    tick = b"\0\0\0\0"
    wire = tick + make((1, PID, US)) + tick * 3
    wire += b"".join(make((22, PID, US), [n] * n) for n in range(40))
    wire += tick + make((19, US, PID, REF))
    decoder = link.LinkDecoder(header=header)
    got = feed(decoder, wire, step)
    assert got[0] == ((1, PID, US), None)
    assert [message for _, message in got[1:-1]] == [[n] * n for n in range(40)]
    assert got[-1] == ((19, US, PID, REF), None)
    assert decoder.ticks == 5
    assert decoder.packets == 42
    assert decoder.error is None


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_the_buffer_given_may_be_used_again(link: Any, kind: Any) -> None:
    decoder = link.LinkDecoder(header=False)
    wire = through((22, PID, US), b"payload" * 20)
    buffer = bytearray(wire[:50])
    assert decoder.receive_data(kind(buffer)) == []
    buffer[:] = bytes(len(buffer))
    assert decoder.receive_data(wire[50:]) == [((22, PID, US), b"payload" * 20)]


def test_bytes_behind_the_last_term_are_ignored(link: Any) -> None:
    decoder = link.LinkDecoder(header=False)
    extra = through((22, PID, US), 1)[4:] + b"more"
    alone = through((1, PID, US))[4:] + b"more"
    assert feed(decoder, packet(extra) + packet(alone)) == [
        ((22, PID, US), 1),
        ((1, PID, US), None),
    ]


def test_an_unknown_operation_is_returned_for_its_owner_to_refuse(link: Any) -> None:
    assert feed(link.LinkDecoder(header=False), through((99, 1))) == [((99, 1), None)]


def test_the_options_apply_to_messages(link: Any) -> None:
    options = etf.DecodeOptions(strings="str")
    decoder = link.LinkDecoder(header=False, options=options)
    assert feed(decoder, through((22, PID, US), b"text")) == [((22, PID, US), "text")]
    none = etf.EncodeOptions(none="undefined")
    frame = link.LinkEncoder(header=False, options=none).frame((22, PID, US), None)
    assert frame.endswith(b"undefined")


@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("bad", [object(), float("nan"), etf.LocalTerm(b"x"), [{1j}]])
def test_what_has_no_form_is_refused_before_anything_is_made(
    link: Any, header: bool, bad: object
) -> None:
    encoder = link.LinkEncoder(header=header)
    with pytest.raises(etf.EncodeError):
        encoder.frame((22, PID, US), bad)
    with pytest.raises(etf.EncodeError):
        encoder.payload(bad)
    with pytest.raises(etf.EncodeError):
        encoder.control((3, PID, US, bad))
    with pytest.raises(etf.EncodeError):
        encoder.frame_payload((3, PID, US, bad), b"")
    make = headed if header else through
    assert encoder.frame((22, PID, US), 1) == make((22, PID, US), 1)


def test_the_path_of_an_error_begins_at_the_message(link: Any) -> None:
    with pytest.raises(etf.EncodeError) as caught:
        link.LinkEncoder(header=True).frame((22, PID, US), (1, [2, object()]))
    assert caught.value.path == "[1][1]"


def test_a_frame_is_never_compressed(link: Any) -> None:
    options = etf.EncodeOptions(compressed=9)
    encoder = link.LinkEncoder(header=False, options=options)
    assert encoder.frame((22, PID, US), [0] * 999) == through((22, PID, US), [0] * 999)
