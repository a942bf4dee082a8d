"""What the codec of a link refuses, pure and compiled, and how it says so."""

from __future__ import annotations

import contextlib
import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import etf
from ergopy.dist.limits import LinkLimits
from ergopy.errors import RemoteProtocolError
from tests.dist.link_packets import (
    PID,
    REF,
    SAMPLE,
    SAMPLE_TERMS,
    US,
    A,
    feed,
    fragments,
    headed,
    packet,
    refused,
    term,
    through,
)

same_for_both = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


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
