"""Packets of an established link, made by hand and fed to its decoder."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import etf
from ergopy.errors import RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable

A = etf.Atom
PID = etf.Pid(A("a25@127.0.0.1"), 0xD1, 0, 0x6B016B56)
US = etf.Pid(A("py@h"), 7, 0, 5)
REF = etf.Reference(A("a25@127.0.0.1"), 0x6B016B56, (0xDB1B, 0xFB540001, 0xC3CA9672))
Operation = tuple[tuple[Any, ...], Any]


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


SAMPLE = (
    bytes.fromhex("8344048fcc00230d613235403132372e302e302e310500580372 6578e910")
    + b"features_request"
)
SAMPLE_TERMS = bytes.fromhex(
    "6804610658520000000036000000006b016b5652015202"
    "6802585200000000 36000000006b016b565203"
)


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
