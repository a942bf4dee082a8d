"""Messages in fragments, pure and compiled: joined, refused and limited."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from ergopy.dist.limits import LinkLimits
from tests.dist.link_packets import (
    PID,
    US,
    A,
    feed,
    fragments,
    headed,
    packet,
    refused,
    term,
)


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
