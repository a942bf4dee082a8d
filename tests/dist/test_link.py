"""The codec of an established link, pure and compiled: packets, operations, abuse."""

from __future__ import annotations

import contextlib
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import etf
from ergopy.dist.limits import LinkLimits
from ergopy.errors import RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable

A = etf.Atom
PID = etf.Pid(A("a25@127.0.0.1"), 0xD1, 0, 0x6B016B56)
US = etf.Pid(A("py@h"), 7, 0, 5)
REF = etf.Reference(A("a25@127.0.0.1"), 0x6B016B56, (0xDB1B, 0xFB540001, 0xC3CA9672))
COMPRESSED = etf.EncodeOptions(compressed=9)
Operation = tuple[tuple[Any, ...], Any]
same_for_both = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def term(value: object) -> bytes:
    return etf.encode(value)[1:]


def packet(*parts: bytes) -> bytes:
    body = b"".join(parts)
    return len(body).to_bytes(4, "big") + body


def through(control: object, *message: object) -> bytes:
    terms = (b"\x83" + term(value) for value in (control, *message))
    return packet(b"p", *terms)


def headed(control: object, *message: object) -> bytes:
    return packet(b"\x83D\0", term(control), *map(term, message))


def feed(decoder: Any, data: bytes, step: int = 10**9) -> list[Operation]:
    return [
        operation
        for start in range(0, len(data), step)
        for operation in decoder.receive_data(data[start : start + step])
    ]


def refused(decoder: Any, data: bytes) -> str:
    """Feed something bad; return what was wrong with it."""
    assert decoder.receive_data(data) == []
    assert isinstance(decoder.error, RemoteProtocolError)
    assert decoder.receive_data(through((1, US, PID))) == []
    return str(decoder.error)


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


def test_what_came_before_a_bad_packet_is_returned(link: Any) -> None:
    decoder = link.LinkDecoder(header=False)
    data = through((1, PID, US)) + packet(b"x") + through((1, PID, US))
    assert decoder.receive_data(data) == [((1, PID, US), None)]
    assert isinstance(decoder.error, RemoteProtocolError)
    assert decoder.receive_data(b"") == []


BAD_THROUGH = {
    "no marker": packet(b"\x83" + term((1, PID, US))),
    "a header where none was negotiated": headed((1, PID, US)),
    "nothing behind the marker": packet(b"p"),
    "no version byte": packet(b"p" + term((1, PID, US))),
    "no control term": packet(b"p\x83"),
    "a control that is a number": packet(b"p\x83" + term(1)),
    "a control that is a list": packet(b"p\x83" + term([1, 2, 3000])),
    "an empty control": packet(b"p\x83" + term(())),
    "a control that begins with an atom": packet(b"p\x83" + term((A("x"), 1))),
    "a control that begins with true": packet(b"p\x83" + term((True, 1))),
    "a control that begins with a float": packet(b"p\x83" + term((1.0, PID))),
    "a message that is missing": through((22, PID, US)),
    "a message without version byte": packet(
        b"p\x83", term((22, PID, US)), term(A("hi"))
    ),
    "a message that is cut short": packet(b"p\x83", term((22, PID, US)), b"\x83h\2a\1"),
    "a compressed message": packet(
        b"p\x83",
        term((22, PID, US)),
        etf.encode([0] * 99, etf.EncodeOptions(compressed=9)),
    ),
    "a local message": packet(b"p\x83", term((22, PID, US)), b"\x83y12345678"),
    "a cached atom without a cache": packet(b"p\x83", term((22, PID, US)), b"\x83R\0"),
    "a float that is not finite": packet(
        b"p\x83", term((22, PID, US)), b"\x83F" + struct.pack(">d", float("nan"))
    ),
    "a map with a repeated key": packet(
        b"p\x83", term((22, PID, US)), b"\x83t\0\0\0\2a\1a\1a\1a\1"
    ),
    "an atom that is not UTF-8": packet(b"p\x83", term((22, PID, US)), b"\x83w\1\xff"),
    "an atom of 256 characters": packet(
        b"p\x83", term((22, PID, US)), b"\x83v\1\0" + b"a" * 256
    ),
    "a length beyond the packet": packet(
        b"p\x83", term((22, PID, US)), b"\x83m\xff\xff\xff\xff"
    ),
}


@pytest.mark.parametrize("name", BAD_THROUGH)
def test_a_malformed_packet_is_refused(link: Any, name: str) -> None:
    assert refused(link.LinkDecoder(header=False), BAD_THROUGH[name])


BAD_HEADER = {
    "no header": through((1, PID, US)),
    "a version byte before the control": packet(b"\x83D\0\x83" + term((1, PID, US))),
    "only a version byte": packet(b"\x83"),
    "an unknown header": packet(b"\x83C\0" + term((1, PID, US))),
    "no reference count": packet(b"\x83D"),
    "no control": packet(b"\x83D\0"),
    "flags that are cut short": packet(b"\x83D\4\x88"),
    "references that are missing": packet(b"\x83D\1\x08"),
    "a name length that is missing": packet(b"\x83D\1\x08\5"),
    "a long name length that is cut short": packet(b"\x83D\1\x18\5\0"),
    "a name that is cut short": packet(b"\x83D\1\x08\5\3ab"),
    "a name that is not UTF-8": packet(b"\x83D\1\x08\5\1\xff" + term((1, PID, US))),
    "a name of 256 characters": packet(
        b"\x83D\1\x18\5\1\0" + b"a" * 256 + term((1, PID, US))
    ),
    "a slot never set": packet(b"\x83D\1\0\5" + term((1, PID, US))),
    "a reference beyond the header": packet(b"\x83D\0" + term((22, PID, US)) + b"R\0"),
    "a compressed message": packet(b"\x83D\0" + term((22, PID, US)) + b"P\0\0\0\1x"),
    "a message that is missing": headed((22, PID, US)),
    "fragments without their numbers": packet(b"\x83E" + bytes(15)),
    "more fragments without their numbers": packet(b"\x83F" + bytes(15)),
    "no fragments at all": packet(
        b"\x83E" + bytes(16) + b"\0" + term((22, PID, US)) + b"a\1"
    ),
}


@pytest.mark.parametrize("name", BAD_HEADER)
def test_a_malformed_header_packet_is_refused(link: Any, name: str) -> None:
    assert refused(link.LinkDecoder(header=True), BAD_HEADER[name])


def test_errors_say_what_was_wrong(link: Any) -> None:
    text = refused(link.LinkDecoder(header=False), BAD_THROUGH["an empty control"])
    assert "control" in text
    text = refused(link.LinkDecoder(header=False), through((22, PID, US)))
    assert "message" in text


@pytest.mark.parametrize("size", [17, 2**31, 2**32 - 1])
@pytest.mark.parametrize("step", [1, 4])
def test_a_packet_above_the_limit_is_refused_when_announced(
    link: Any, size: int, step: int
) -> None:
    decoder = link.LinkDecoder(header=False, limits=LinkLimits(max_packet=16))
    feed(decoder, size.to_bytes(4, "big"), step)
    assert str(size) in str(decoder.error)


def test_a_packet_at_the_limit_is_taken(link: Any) -> None:
    wire = through((99,))
    limits = LinkLimits(max_packet=len(wire) - 4)
    assert len(feed(link.LinkDecoder(header=False, limits=limits), wire)) == 1


def test_nesting_is_limited(link: Any) -> None:
    limits = LinkLimits(terms=etf.Limits(max_depth=10))
    deep: Any = 1
    for _ in range(10):
        deep = (deep,)
    wire = through((22, PID, US), deep)
    assert len(feed(link.LinkDecoder(header=False, limits=limits), wire)) == 1
    text = refused(
        link.LinkDecoder(header=False, limits=limits), through((22, PID, US), (deep,))
    )
    assert "10" in text


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


NODE = A("a25@127.0.0.1")
SAMPLE = (
    bytes.fromhex("8344048fcc00230d613235403132372e302e302e310500580372 6578e910")
    + b"features_request"
)
SAMPLE_PID = etf.Pid(NODE, 0x36, 0, 0x6B016B56)
SAMPLE_TERMS = bytes.fromhex(
    "6804610658520000000036000000006b016b5652015202"
    "6802585200000000 36000000006b016b565203"
)


def test_a_captured_header_with_new_atoms(link: Any) -> None:
    decoder = link.LinkDecoder(header=True)
    assert len(SAMPLE + SAMPLE_TERMS) == 0x58
    assert feed(decoder, packet(SAMPLE, SAMPLE_TERMS)) == [
        (
            (6, SAMPLE_PID, A(""), A("rex")),
            (SAMPLE_PID, A("features_request")),
        )
    ]
    # Once more, all from their slots.
    again = b"\x83D\4" + bytes([0x07, 0x44, 0x00]) + bytes([0x23, 0x05, 0x58, 0xE9])
    assert feed(decoder, packet(again, SAMPLE_TERMS)) == [
        ((6, SAMPLE_PID, A(""), A("rex")), (SAMPLE_PID, A("features_request")))
    ]


def cached(decoder: Any, header: bytes, count: int) -> list[Any]:
    """Send a message of all *count* atoms that *header* refers to."""
    refs = b"".join(b"R" + bytes([k]) for k in range(count))
    message = b"i" + count.to_bytes(4, "big") + refs
    ((_, atoms),) = feed(decoder, packet(header, term((22, PID, US)), message))
    return list(atoms)


def test_headers_that_a_beam_accepted(link: Any) -> None:
    decoder = link.LinkDecoder(header=True)
    odd = bytes.fromhex("834403a80f050d") + b"ca1@127.0.0.1" + b"\xbc\0\xff\4echo"
    assert cached(decoder, odd, 3) == [A("ca1@127.0.0.1"), A(""), A("echo")]
    # Slots 0x005 and 0x2bc again, 0x7ff again, and one with two bytes of length.
    name = "€" * 133 + "x"
    raw = name.encode()
    assert len(raw) == 0x190
    long = bytes.fromhex("83440420870105bcff060190") + raw
    assert cached(decoder, long, 4) == [
        A("ca1@127.0.0.1"),
        A(""),
        A("echo"),
        A(name),
    ]
    assert cached(decoder, b"\x83D\1\x00\x06", 1) == [A(name)]


def test_a_new_entry_overwrites_its_slot_in_order(link: Any) -> None:
    decoder = link.LinkDecoder(header=True)
    assert cached(decoder, b"\x83D\2\x88\0\7\1a\7\1b", 2) == [A("a"), A("b")]
    assert cached(decoder, b"\x83D\3\x80\0\7\7\1c\7", 3) == [
        A("b"),
        A("c"),
        A("c"),
    ]


def test_segments_are_told_apart(link: Any) -> None:
    decoder = link.LinkDecoder(header=True)
    names = [A(f"s{n}") for n in range(8)]
    flags = bytes([0x98, 0xBA, 0xDC, 0xFE, 0x00])
    entries = b"".join(b"\7\2" + name.encode() for name in names)
    assert cached(decoder, b"\x83D\x08" + flags + entries, 8) == names
    flags = bytes([0x10, 0x32, 0x54, 0x76, 0x00])
    assert cached(decoder, b"\x83D\x08" + flags + b"\7" * 8, 8) == names


def test_255_references(link: Any) -> None:
    decoder = link.LinkDecoder(header=True)
    names = [A(f"n{n}") for n in range(255)]
    entries = b"".join(
        bytes([n, len(name)]) + name.encode() for n, name in enumerate(names)
    )
    flags = b"\x88" * 127 + b"\x08"
    assert cached(decoder, b"\x83D\xff" + flags + entries, 255) == names


def test_cached_true_false_and_nil_are_what_they_always_are(link: Any) -> None:
    decoder = link.LinkDecoder(header=True)
    header = b"\x83D\3\x88\x08\1\4true\2\5false\3\3nil"
    atoms = cached(decoder, header, 3)
    assert atoms[0] is True
    assert atoms[1] is False
    assert atoms[2] is None


def test_a_discarded_packet_has_filled_its_slots(link: Any) -> None:
    decoder = link.LinkDecoder(header=True)
    assert feed(decoder, packet(b"\x83D\1\x08\x09\3abc", term((99,)))) == [
        ((99,), None)
    ]
    assert cached(decoder, b"\x83D\1\0\x09", 1) == [A("abc")]


def fragments(
    sequence: int,
    message: bytes,
    sizes: Iterable[int],
    header: bytes = b"\0",
    control: bytes = term((22, PID, US)),
) -> list[bytes]:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(message[at : at + size])
        at += size
    pieces.append(message[at:])
    count = len(pieces)
    first = b"\x83E" + struct.pack(">QQ", sequence, count) + header + control
    packets = [packet(first, pieces[0])]
    for number, piece in zip(range(count - 1, 0, -1), pieces[1:], strict=True):
        head = b"\x83F" + struct.pack(">QQ", sequence, number)
        packets.append(packet(head, piece))
    return packets


@pytest.mark.parametrize(
    "sizes", [[], [0], [0, 0, 5], [1, 1, 1], [100] * 9, [1] * 2000], ids=len
)
def test_fragments_of_any_size_are_joined(link: Any, sizes: list[int]) -> None:
    message = b"\7" * 5000
    decoder = link.LinkDecoder(header=True)
    packets = fragments(0xA1000001423, term(message), sizes)
    for piece in packets[:-1]:
        assert decoder.receive_data(piece) == []
    assert decoder.receive_data(packets[-1]) == [((22, PID, US), message)]
    assert decoder.packets == len(packets)


def test_sequences_packets_and_ticks_may_be_interleaved(link: Any) -> None:
    decoder = link.LinkDecoder(header=True)
    one = fragments(1, term(b"one" * 50), [50, 50])
    two = fragments(2**64 - 1, term(b"two" * 50), [100])
    wire = one[0] + two[0] + b"\0\0\0\0" + headed((1, PID, US)) + one[1]
    wire += two[1] + one[2]
    for step in (1, 10**9):
        assert [message for _, message in feed(decoder, wire, step)] == [
            None,
            b"two" * 50,
            b"one" * 50,
        ]


def test_a_message_in_fragments_uses_the_atoms_of_its_first(link: Any) -> None:
    decoder = link.LinkDecoder(header=True)
    message = b"h\2R\0R\1"
    first, second = fragments(5, message, [3], b"\2\x88\0\1\1a\2\1b")
    # Meanwhile the slots change, which must not matter.
    other = packet(b"\x83D\2\x88\0\1\1x\2\1y", term((99,)))
    assert feed(decoder, first + other + second) == [
        ((99,), None),
        ((22, PID, US), (A("a"), A("b"))),
    ]


def test_a_sequence_number_is_free_again_after_its_end(link: Any) -> None:
    decoder = link.LinkDecoder(header=True)
    wire = b"".join(fragments(1, term(1), [1]))
    assert len(feed(decoder, wire * 3)) == 3


BAD_FRAGMENTS = {
    "a gap": [0, 2],
    "a wrong order": [0, 2, 1],
    "a repeated piece": [0, 1, 1],
    "a repeated start": [0, 0],
    "an unknown sequence": [1],
}


@pytest.mark.parametrize("name", BAD_FRAGMENTS)
def test_fragments_out_of_order_are_refused(link: Any, name: str) -> None:
    pieces = fragments(1, term(b"x" * 99), [20, 20])
    wire = b"".join(pieces[n] for n in BAD_FRAGMENTS[name])
    assert refused(link.LinkDecoder(header=True), wire)


def test_a_piece_after_the_last_is_of_no_known_sequence(link: Any) -> None:
    decoder = link.LinkDecoder(header=True)
    pieces = fragments(1, term(b"x" * 99), [20])
    assert len(feed(decoder, b"".join(pieces))) == 1
    assert refused(decoder, pieces[-1])


def test_only_operations_with_a_message_come_in_fragments(link: Any) -> None:
    head = b"\x83E" + struct.pack(">QQ", 1, 2) + b"\0"
    assert refused(link.LinkDecoder(header=True), packet(head, term((1, PID, US))))


def test_a_bad_message_in_fragments_is_refused_when_it_is_whole(link: Any) -> None:
    decoder = link.LinkDecoder(header=True)
    assert refused(decoder, b"".join(fragments(1, b"h\2a\1", [1])))


LIMITED = [
    (LinkLimits(max_fragments=2), fragments(1, term(b"x" * 9), [1, 1])),
    (LinkLimits(max_message=50), fragments(1, term(b"x" * 99), [10, 30])),
    (
        LinkLimits(max_fragments_bytes=50),
        fragments(1, term(b"x" * 99), [40])[:1] + fragments(2, term(b"x" * 99), [40]),
    ),
    (
        LinkLimits(max_fragments_bytes=200),
        fragments(1, term(b"x"), [0], control=term((6, PID, b"x" * 200, A("a"))))[:1],
    ),
    (
        LinkLimits(max_sequences=3),
        [fragments(n, term(b"x" * 9), [1])[0] for n in range(4)],
    ),
]


@pytest.mark.parametrize(("limits", "pieces"), LIMITED)
def test_fragments_are_limited(
    link: Any, limits: LinkLimits, pieces: list[bytes]
) -> None:
    assert refused(link.LinkDecoder(header=True, limits=limits), b"".join(pieces))


def test_finished_sequences_free_their_share_of_the_limits(link: Any) -> None:
    limits = LinkLimits(max_sequences=1, max_fragments_bytes=250, max_message=120)
    decoder = link.LinkDecoder(header=True, limits=limits)
    wire = b"".join(
        piece for n in range(20) for piece in fragments(n, term(b"x" * 99), [50])
    )
    assert len(feed(decoder, wire)) == 20
    assert decoder.error is None


def test_no_message_cut_short_anywhere_is_taken(link: Any) -> None:
    control, message = (22, PID, US), [A("abc"), 2.5, {1: (b"x", REF)}]
    whole = term(control) + term(message)
    for size in range(len(whole)):
        decoder = link.LinkDecoder(header=True)
        assert refused(decoder, packet(b"\x83D\0", whole[:size]))


VALID = [
    through((22, PID, US), {1: [A("a")]}),
    packet(SAMPLE, SAMPLE_TERMS),
    *fragments(1, term(b"x" * 50), [10, 10]),
    b"\0\0\0\0",
]


@same_for_both
@given(
    header=st.booleans(),
    parts=st.lists(st.sampled_from(VALID) | st.binary(max_size=40), max_size=6),
    flips=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=3),
    framed=st.booleans(),
    step=st.integers(1, 50),
)
def test_garbage_only_ever_sets_the_error(
    link: Any,
    header: bool,
    parts: list[bytes],
    flips: list[tuple[int, int]],
    framed: bool,
    step: int,
) -> None:
    limits = LinkLimits(max_packet=1000, max_message=2000, max_sequences=2)
    data = bytearray(b"".join(packet(part) if framed else part for part in parts))
    for at, value in flips:
        with contextlib.suppress(IndexError):
            data[at] = value
    by_step = link.LinkDecoder(header=header, limits=limits)
    operations = feed(by_step, bytes(data), step)
    whole = link.LinkDecoder(header=header, limits=limits)
    assert repr(whole.receive_data(bytes(data))) == repr(operations)
    assert (whole.error is None) == (by_step.error is None)
    if whole.error is not None:
        assert type(whole.error) is RemoteProtocolError
    else:
        assert (whole.ticks, whole.packets) == (by_step.ticks, by_step.packets)
