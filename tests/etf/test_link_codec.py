"""The internal entries that a link uses: terms without version byte, cached atoms."""

from __future__ import annotations

from typing import Any

import pytest

from etf import Atom, DecodeError, DecodeOptions, EncodeError, LocalTerm, Pid
from etf._decode import decode_term
from etf._encode import encode_term

ATOMS = [Atom("ok"), Atom("true"), Atom("nil"), Atom("a@h")]
OPTIONS = DecodeOptions()


def test_a_term_is_read_at_an_offset() -> None:
    assert decode_term(b"xxa\5a\6", 2, OPTIONS) == (5, 4)
    assert decode_term(b"xxa\5a\6", 4, OPTIONS) == (6, 6)


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_any_buffer_will_do(kind: Any) -> None:
    assert decode_term(kind(b"xxa\5a\6"), 2, OPTIONS) == (5, 4)


def test_cached_atoms_are_atoms_of_the_header() -> None:
    assert decode_term(b"h\3R\0R\1R\2", 0, OPTIONS, ATOMS) == (
        (Atom("ok"), True, None),
        8,
    )


def test_a_cached_atom_can_be_a_node() -> None:
    pid = b"XR\3" + bytes([0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3])
    assert decode_term(pid, 0, OPTIONS, ATOMS) == (Pid("a@h", 1, 2, 3), 15)
    node = b"XR\1" + bytes(12)
    assert type(decode_term(node, 0, OPTIONS, ATOMS)[0].node) is Atom


def test_a_cached_atom_obeys_the_options() -> None:
    options = DecodeOptions(nil="atom")
    assert decode_term(b"R\2", 0, options, ATOMS) == (Atom("nil"), 2)


@pytest.mark.parametrize(
    ("data", "problem", "offset"),
    [
        (b"xR\4", "atom number 4", 1),
        (b"xh\1R\xff", "atom number 255", 3),
        (b"xXR\4" + bytes(12), "atom number 4", 2),
        (b"xR", "truncated", 1),
        (b"x", "truncated", 1),
        (b"x\x83j", "unknown tag 131", 1),
        (b"xP\0\0\0\1", "compressed", 1),
        (b"xy\0", "local", 1),
    ],
)
def test_what_a_link_must_not_carry_is_refused(
    data: bytes, problem: str, offset: int
) -> None:
    with pytest.raises(DecodeError, match=problem) as caught:
        decode_term(data, 1, OPTIONS, ATOMS)
    assert caught.value.offset == offset


def test_terms_are_appended() -> None:
    buffer = bytearray(b"head")
    encode_term(buffer, Atom("ok"))
    encode_term(buffer, [[]])
    assert buffer == b"headw\2okl\0\0\0\1jj"


@pytest.mark.parametrize(
    "term", [[1, [2, object()]], LocalTerm(b"x"), {"a": 1, memoryview(b"a"): 2}]
)
def test_a_failure_leaves_the_buffer_as_it_was(term: Any) -> None:
    buffer = bytearray(b"head")
    with pytest.raises(EncodeError):
        encode_term(buffer, term)
    assert buffer == b"head"


def test_a_converter_that_fails_leaves_the_buffer_as_it_was() -> None:
    class Broken:
        def __etf__(self) -> object:
            raise RuntimeError

    buffer = bytearray(b"head")
    with pytest.raises(RuntimeError):
        encode_term(buffer, [1, Broken()])
    assert buffer == b"head"
