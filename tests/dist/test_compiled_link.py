"""The compiled link codec reads what the pure one does, however the bytes arrive."""

from __future__ import annotations

import random
import struct
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import etf
from ergopy.dist import framing as pure
from ergopy.dist.limits import LinkLimits
from tests.dist.compiled_link import compiled
from tests.dist.link_packets import PID, US, A, packet, term
from tests.etf.exact import exactly
from tests.etf.strategies import pids, references, terms
from tests.memory import blocks_kept

if TYPE_CHECKING:
    from collections.abc import Iterable


def read(
    module: Any, chunks: Iterable[bytes], *, header: bool, **options: Any
) -> tuple[list[Any], str | None, int, int]:
    """All that a decoder of *module* says about the bytes."""
    decoder = module.LinkDecoder(header=header, **options)
    operations: list[Any] = []
    for chunk in chunks:
        operations += decoder.receive_data(chunk)
    error = None if decoder.error is None else str(decoder.error)
    return operations, error, decoder.ticks, decoder.packets


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    ends = [*sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in zip([0, *ends[:-1]], ends, strict=True)]


def assert_alike(chunks: list[bytes], *, header: bool, **options: Any) -> None:
    expected = read(pure, chunks, header=header, **options)
    got = read(compiled, chunks, header=header, **options)
    assert exactly(got, expected), f"{got!r} is not {expected!r}"


CONTROLS = st.one_of(
    st.tuples(st.sampled_from([1, 3, 8, 19, 31, 35, 99, 256, -1, 1 << 70]), pids()),
    st.tuples(st.sampled_from([2, 6, 22, 24, 29, 33, 37]), pids(), references()),
    st.sampled_from([(), (True, 1), (1.0,), [22, 1], A("x"), (22,)]),
)
REFS = st.integers(0, 4).map(lambda k: b"R" + bytes([k]))
NAMES = st.sampled_from([b"", b"ok", b"true", b"nil", "é".encode(), b"\xff", b"x" * 99])


def header_of(entries: list[tuple[int, bytes | None]], long: bool) -> bytes:
    """A header from ``N`` on, with (slot, name if it is new) for each reference."""
    if not entries:
        return b"\0"
    halves = [slot >> 8 | (8 if name is not None else 0) for slot, name in entries]
    halves.append(int(long))
    halves += [0] * (len(halves) & 1)
    flags = bytes(a | b << 4 for a, b in zip(halves[::2], halves[1::2], strict=True))
    body = b""
    for slot, name in entries:
        body += bytes([slot & 255])
        if name is not None:
            body += len(name).to_bytes(2 if long else 1, "big") + name
    return bytes([len(entries)]) + flags + body


SLOTS = st.sampled_from([0, 1, 255, 256, 2047])
HEADERS = st.builds(
    header_of,
    st.lists(st.tuples(SLOTS, st.none() | NAMES), max_size=5),
    st.booleans(),
)
MESSAGES = st.one_of(
    terms().map(term),
    st.lists(REFS, min_size=1, max_size=4).map(
        lambda refs: b"h%c" % len(refs) + b"".join(refs)
    ),
)


def plain(version: bytes, control: Any, message: bytes | None) -> bytes:
    return b"p\x83" + term(control) + (b"" if message is None else version + message)


def fragments(
    sequence: int, header: bytes, control: Any, message: bytes, places: list[int]
) -> list[bytes]:
    pieces = cut(message, places)
    count = len(pieces)
    first = b"\x83E" + struct.pack(">QQ", sequence, count) + header + term(control)
    return [
        first + pieces[0],
        *(
            b"\x83F" + struct.pack(">QQ", sequence, count - number) + piece
            for number, piece in enumerate(pieces[1:], 1)
        ),
    ]


PASS_THROUGH = st.builds(
    plain, st.sampled_from([b"\x83", b"\x83", b""]), CONTROLS, st.none() | MESSAGES
).map(lambda body: [body])
WITH_HEADER = st.one_of(
    st.builds(
        lambda header, control, message: [b"\x83D" + header + term(control) + message],
        HEADERS,
        CONTROLS,
        st.just(b"") | MESSAGES,
    ),
    st.builds(
        fragments,
        st.integers(0, 3),
        HEADERS,
        CONTROLS,
        MESSAGES,
        st.lists(st.integers(0, 1000), max_size=4),
    ),
)
NOISE = st.binary(max_size=12).map(lambda body: [body])


def stream(bodies: list[list[bytes]], swaps: list[int], changes: list[Any]) -> bytes:
    """Packets one after another, a few of them out of order, a few bytes changed."""
    flat = [body for group in bodies for body in group]
    for place in swaps:
        if flat:
            at = place % len(flat)
            flat[at - 1], flat[at] = flat[at], flat[at - 1]
    data = bytearray(b"".join(map(packet, flat)))
    for place, value in changes:
        if data:
            data[place % len(data)] = value
    return bytes(data)


def streams(packets: st.SearchStrategy[list[bytes]]) -> st.SearchStrategy[bytes]:
    return st.builds(
        stream,
        st.lists(packets | st.just([b""]), max_size=6),
        st.just([]) | st.lists(st.integers(0, 20), max_size=2),
        st.just([])
        | st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=3),
    )


PLACES = st.lists(st.integers(0, 5000), max_size=8)
OPTIONS = st.builds(
    etf.DecodeOptions,
    strings=st.sampled_from(["bytes", "str"]),
    charlists=st.sampled_from(["list", "str"]),
    nil=st.sampled_from(["none", "atom"]),
)
LIMITS = st.sampled_from(
    [
        LinkLimits(),
        LinkLimits(max_packet=100, max_sequences=1, max_message=60, max_fragments=3),
        LinkLimits(max_fragments_bytes=50, terms=etf.Limits(max_depth=2)),
    ]
)


@given(
    data=streams(PASS_THROUGH | NOISE), places=PLACES, limits=LIMITS, options=OPTIONS
)
def test_packets_without_header_are_read_or_refused_alike(
    data: bytes, places: list[int], limits: LinkLimits, options: etf.DecodeOptions
) -> None:
    assert_alike(cut(data, places), header=False, limits=limits, options=options)


@given(data=streams(WITH_HEADER | NOISE), places=PLACES, limits=LIMITS, options=OPTIONS)
def test_packets_with_header_are_read_or_refused_alike(
    data: bytes, places: list[int], limits: LinkLimits, options: etf.DecodeOptions
) -> None:
    assert_alike(cut(data, places), header=True, limits=limits, options=options)


@given(data=streams(WITH_HEADER), places=PLACES)
def test_how_the_bytes_arrive_does_not_matter(data: bytes, places: list[int]) -> None:
    whole = read(compiled, [data], header=True)
    assert exactly(read(compiled, cut(data, places), header=True), whole)
    each = [data[at : at + 1] for at in range(len(data))]
    assert exactly(read(compiled, each, header=True), whole)


@pytest.mark.parametrize("depth", [999, 1000, 1001, 3000, 10_001])
@pytest.mark.parametrize("header", [False, True])
def test_deep_messages_are_read_or_refused_alike(header: bool, depth: int) -> None:
    head = b"\x83D\0" if header else b"p\x83"
    version = b"" if header else b"\x83"
    message = b"l\0\0\0\1" * depth + b"j" * (depth + 1)
    wire = packet(head, term((22, PID, US)), version, message)
    after = packet(head, term((1, PID, US)))
    for max_depth in (1000, 10_000):
        limits = LinkLimits(terms=etf.Limits(max_depth=max_depth))
        expected = read(pure, [wire + after], header=header, limits=limits)
        got = read(compiled, [wire + after], header=header, limits=limits)
        assert got[1:] == expected[1:]
        assert [control for control, _ in got[0]] == [
            control for control, _ in expected[0]
        ]


def test_terms_behind_a_deep_one_are_read_with_their_atoms() -> None:
    limits = LinkLimits(terms=etf.Limits(max_depth=10_000))
    deep = b"h\1" * 5000 + b"R\0"
    head = header_of([(7, b"abc")], long=False)
    control = b"h\3" + term(22) + b"R\0" + deep
    wire = packet(b"\x83D", head, control, b"h\2R\0a\1")
    ((_, message),), error, _, _ = read(compiled, [wire], header=True, limits=limits)
    assert error is None
    assert message == (A("abc"), 1)


def large(size: int, piece: int) -> tuple[bytes, list[bytes]]:
    """A message in fragments, as a BEAM sends it, with the last one apart."""
    message = random.randbytes(size)
    places = list(range(piece, size, piece))
    bodies = fragments(9, b"\0", (22, PID, US), term(message), places)
    return message, [packet(body) for body in bodies]


def test_a_large_message_is_joined_with_few_copies() -> None:
    size = 16 << 20
    message, packets = large(size, 65536)
    decoder = compiled.LinkDecoder(header=True)
    wire = b"".join(packets)
    chunks = [
        memoryview(wire)[at : at + (1 << 18)] for at in range(0, len(wire), 1 << 18)
    ]
    tracemalloc.start()
    try:
        got = [one for chunk in chunks for one in decoder.receive_data(chunk)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert got == [((22, PID, US), message)]
    # What was joined (its buffer may have room to grow), and the message itself.
    assert peak < 2.3 * size


def test_the_buffer_is_neither_kept_nor_locked() -> None:
    frame = pure.LinkEncoder(header=False).frame((22, PID, US), b"x" * 100)
    for part in (frame, frame[:50], frame[:2], b"", b"\0\0\0\1x"):
        decoder = compiled.LinkDecoder(header=False)
        buffer = bytearray(part)
        before = sys.getrefcount(buffer)
        decoder.receive_data(buffer)
        assert sys.getrefcount(buffer) == before
        buffer.clear()


def test_fragments_that_are_refused_do_not_show_freed_memory() -> None:
    _, packets = large(1000, 100)
    decoder = compiled.LinkDecoder(header=True)
    buffer = bytearray(packets[1])
    decoder.receive_data(buffer)
    buffer.clear()
    assert decoder.error is not None
    trace = decoder.error.__traceback__
    while trace is not None:
        for value in trace.tb_frame.f_locals.values():
            if type(value) is memoryview:
                with pytest.raises(ValueError, match="released"):
                    bytes(value)
        trace = trace.tb_next


def test_a_buffer_in_pieces_is_read() -> None:
    wire = pure.LinkEncoder(header=False).frame((22, PID, US), [1, 2])
    doubled = bytes(byte for byte in wire for _ in "12")
    decoder = compiled.LinkDecoder(header=False)
    assert decoder.receive_data(memoryview(doubled)[::2]) == [((22, PID, US), [1, 2])]


@pytest.mark.parametrize("data", ["text", 1, None, [1]])
def test_what_is_no_memory_is_a_type_error(data: Any) -> None:
    with pytest.raises(TypeError):
        compiled.LinkDecoder(header=False).receive_data(data)


NEW = header_of([(n, b"slot %d" % n) for n in range(0, 1000, 99)], long=True)
OLD = header_of([(n, None) for n in range(0, 1000, 99)], long=False)
GOOD = packet(b"\x83D", NEW, term((22, PID, US)), b"R\1") + packet(
    b"\x83D", OLD, term((22, PID, US)), b"R\2"
)


@pytest.mark.parametrize(
    "wire",
    [
        GOOD,
        GOOD + b"\0\0\0\5\x83D",
        GOOD + packet(b"\x83D", OLD, term((22, PID, US)), b"R\xff"),
        GOOD + packet(b"\x83D\1\x08\1\1\xff"),
        GOOD + packet(b"\x83D\2\x08\0\1\1a\5"),
        b"".join(packet(body) for body in fragments(1, NEW, (22, PID), b"R\1", [1])),
        packet(fragments(1, NEW, (22, PID), b"R\1", [1])[0]),
        packet(fragments(1, NEW, (22, PID), b"R\1", [1])[1]),
    ],
)
def test_a_connection_leaves_nothing_behind(wire: bytes) -> None:
    def run() -> None:
        decoder = compiled.LinkDecoder(header=True)
        for at in range(0, len(wire), 7):
            decoder.receive_data(wire[at : at + 7])
        decoder = compiled.LinkDecoder(header=True)
        decoder.receive_data(wire)

    assert blocks_kept(run) < 100
