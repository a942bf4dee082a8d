"""The answers to NAMES and DUMP."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epmd import DumpEntry, EpmdProtocolError, NodeEntry
from epmd._listings import encode_dump, encode_names, parse_dump, parse_names

PORT = b"\0\0\x5f\x31"
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
ports = st.integers(0, 65535)


def test_names_has_the_bytes_of_epmd() -> None:
    wire = PORT + b"name a25 at port 34863\nname sm\xc3\xb6r at port 1\n"
    entries = [NodeEntry("a25", 34863), NodeEntry("smör", 1)]
    assert encode_names(0x5F31, entries) == wire
    assert parse_names(wire) == entries


def test_dump_has_the_bytes_of_epmd() -> None:
    wire = (
        PORT
        + b"active name     <hid> at port 9997, fd = 7\n\0"
        + b"old/unused name <snake>, port = 9999, fd = 5 \n\0"
    )
    entries = [
        DumpEntry("hid", 9997, 7, active=True),
        DumpEntry("snake", 9999, 5, active=False),
    ]
    assert encode_dump(0x5F31, entries) == wire
    assert parse_dump(wire) == entries


def test_dump_without_nul_bytes_is_read_too() -> None:
    wire = PORT + b"active name     <a> at port 1, fd = 7\n"
    assert parse_dump(wire) == [DumpEntry("a", 1, 7, active=True)]


@pytest.mark.parametrize("parse", [parse_names, parse_dump])
def test_empty_list_is_just_the_port(parse: object) -> None:
    assert callable(parse)
    assert parse(PORT) == []


@pytest.mark.parametrize("parse", [parse_names, parse_dump])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\x11",
        PORT + b"x",
        PORT + b"name a at port 123",
        PORT + b"name a at port 65536\n",
        PORT + b"name \xff at port 1\n",
        PORT + b"name  at port 1\n",
        PORT + b"active name     <a> at port 65536, fd = 7\n\0",
        PORT + b"active name     <\xff> at port 1, fd = 7\n\0",
        b"HTTP/1.1 400 Bad Request\r\n",
    ],
)
def test_malformed_list_is_a_protocol_error(parse: object, data: bytes) -> None:
    assert callable(parse)
    with pytest.raises(EpmdProtocolError):
        parse(data)


def test_name_with_a_newline_from_a_lax_epmd_is_one_entry() -> None:
    wire = PORT + b"name a\nb at port 1\nname c at port 2\n"
    assert parse_names(wire) == [NodeEntry("a\nb", 1), NodeEntry("c", 2)]


@given(st.lists(st.builds(NodeEntry, names, ports), max_size=5))
def test_any_names_survive_the_wire(entries: list[NodeEntry]) -> None:
    assert parse_names(encode_names(4369, entries)) == entries


@given(st.binary(max_size=80), st.sampled_from([b"", b"name ", b"active name     <"]))
def test_any_answer_is_a_list_or_a_protocol_error(data: bytes, head: bytes) -> None:
    for parse in (parse_names, parse_dump):
        with contextlib.suppress(EpmdProtocolError):
            parse(PORT + head + data)
