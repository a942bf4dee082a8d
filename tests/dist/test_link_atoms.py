"""The atom cache of a link, pure and compiled: headers, slots and segments."""

from __future__ import annotations

from typing import Any

import etf
from tests.dist.link_packets import PID, SAMPLE, SAMPLE_TERMS, US, A, feed, packet, term

NODE = A("a25@127.0.0.1")
SAMPLE_PID = etf.Pid(NODE, 0x36, 0, 0x6B016B56)


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
