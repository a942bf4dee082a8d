"""What decoding may cost: compressed terms, size, depth, and atoms that are kept."""

from __future__ import annotations

import sys
import zlib
from typing import Any

import pytest

import etf._atoms
from etf import Atom, DecodeError, DecodeOptions, ImproperList, Limits, LocalTerm


def packed(inner: bytes, size: int | None = None) -> bytes:
    size = len(inner) if size is None else size
    return b"\x83\x50" + size.to_bytes(4, "big") + zlib.compress(inner)


def test_a_compressed_term_is_read_and_measured(codec: Any) -> None:
    data = packed(b"h\x02jj")
    assert codec.decode(data) == ([], [])
    assert codec.decode_prefix(data + b"tail") == (([], []), len(data))


def test_a_compressed_local_term_is_kept(codec: Any) -> None:
    assert codec.decode(packed(b"y1234j")) == LocalTerm(b"1234j")


BOMB = packed(b"m" + (2**20).to_bytes(4, "big") + bytes(2**20))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (packed(b"jj"), "follow"),
        (packed(b"h\x02j"), "truncated"),
        (packed(b""), "truncated"),
        (packed(b"j", 2), "stated 2 bytes"),
        (packed(b"jj", 1), "stated 1 bytes"),
        (packed(b"j", 0), "stated 0 bytes"),
        (packed(b"j", 2**32 - 1), "max_inflated"),
        (packed(packed(b"j")[1:]), "compressed"),
        (packed(b"\x83j"), "unknown tag 131"),
        (packed(b"h\x01\xff"), "unknown tag 255"),
        (packed(b"j")[:-1], "truncated"),
        (packed(b"j")[:8], "truncated"),
        (b"\x83\x50", "truncated"),
        (b"\x83\x50\0\0\0", "truncated"),
        (b"\x83\x50\0\0\0\1", "truncated"),
        (b"\x83\x50\0\0\0\1xyz", "bad compressed data"),
        (BOMB[:2] + b"\0\0\0\x08" + BOMB[6:], "stated 8 bytes"),
    ],
)
def test_a_bad_compressed_term_is_refused(
    codec: Any, data: bytes, problem: str
) -> None:
    with pytest.raises(DecodeError) as caught:
        codec.decode(data)
    assert problem in caught.value.problem
    assert caught.value.offset == 1


def test_a_compressed_term_grows_up_to_the_limit(codec: Any) -> None:
    size = int.from_bytes(BOMB[2:6], "big")
    assert len(codec.decode(BOMB, DecodeOptions(limits=Limits(max_inflated=size))))
    with pytest.raises(DecodeError, match="max_inflated"):
        codec.decode(BOMB, DecodeOptions(limits=Limits(max_inflated=size - 1)))


def test_the_input_has_a_limit(codec: Any) -> None:
    options = DecodeOptions(limits=Limits(max_size=3))
    assert codec.decode(b"\x83a\1", options) == 1
    with pytest.raises(DecodeError, match="max_size"):
        codec.decode(b"\x83h\1j", options)


def test_integers_have_a_limit(codec: Any, hexed: Any) -> None:
    options = DecodeOptions(limits=Limits(max_big_bytes=4))
    assert codec.decode(hexed("83 6e 04 00 ffffffff"), options) == 2**32 - 1
    assert codec.decode(hexed("83 62 ffffffff"), options) == -1
    with pytest.raises(DecodeError, match="max_big_bytes"):
        codec.decode(hexed("83 6e 05 00 0000000000"), options)
    with pytest.raises(DecodeError, match="max_big_bytes"):
        codec.decode(hexed("83 6f 00000005 00 0000000000"), options)


def test_a_megabyte_of_integer_is_refused(codec: Any) -> None:
    size = 1 << 20
    data = b"\x83o" + size.to_bytes(4, "big") + b"\0" + b"\1" * size
    with pytest.raises(DecodeError, match="max_big_bytes"):
        codec.decode(data)


def test_the_largest_integer_of_a_beam_is_read(codec: Any) -> None:
    data = b"\x83o" + (524_280).to_bytes(4, "big") + b"\1" + b"\xff" * 524_280
    assert codec.decode(data) == 1 - 2**4_194_240


def test_a_tuple_longer_than_a_beam_can_make_is_refused(codec: Any) -> None:
    arity = 16_777_216
    data = b"\x83i" + arity.to_bytes(4, "big") + b"j" * arity
    with pytest.raises(DecodeError, match="16777216 elements"):
        codec.decode(data)


# What opens a level, around "j" or another of its kind.
NESTS = {
    "tuple": (b"h\1", b""),
    "large tuple": (b"i\0\0\0\1", b""),
    "list": (b"l\0\0\0\1", b"j"),
    "improper list": (b"l\0\0\0\1", b"a\1"),
    "value of a map": (b"t\0\0\0\1j", b""),
    "key of a map": (b"t\0\0\0\1", b"j"),
    "tuple in a key": (b"t\0\0\0\1h\1", b"j"),
    "tail of a list": (b"l\0\0\0\1jh\1", b""),
}
TWO_LEVELS = ("tuple in a key", "tail of a list")


@pytest.mark.parametrize("kind", NESTS)
def test_a_term_is_as_deep_as_the_limit_and_no_deeper(codec: Any, kind: str) -> None:
    before, after = NESTS[kind]
    levels = 2 if kind in TWO_LEVELS else 1
    options = DecodeOptions(limits=Limits(max_depth=10 * levels))
    codec.decode(b"\x83" + before * 10 + b"j" + after * 10, options)
    with pytest.raises(DecodeError, match="max_depth") as caught:
        codec.decode(b"\x83" + before * 11 + b"j" + after * 11, options)
    assert caught.value.offset == 1 + 10 * len(before)


@pytest.mark.parametrize("kind", NESTS)
def test_ten_thousand_levels_need_no_recursion(codec: Any, kind: str) -> None:
    before, after = NESTS[kind]
    depth = 5_000 if kind in TWO_LEVELS else 10_000
    data = b"\x83" + before * depth + b"j" + after * depth
    options = DecodeOptions(limits=Limits(max_depth=10_000))
    before_limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        term = codec.decode(data, options)
    finally:
        sys.setrecursionlimit(before_limit)
    assert type(term) in (tuple, list, dict, ImproperList)


def test_ten_thousand_equal_levels_in_two_keys_are_a_duplicate(codec: Any) -> None:
    key = b"h\1" * 9_000 + b"j"
    data = b"\x83t\0\0\0\2" + (key + b"j") * 2
    with pytest.raises(DecodeError, match="duplicate"):
        codec.decode(data, DecodeOptions(limits=Limits(max_depth=10_000)))


def test_two_deep_keys_that_differ_at_the_bottom_are_kept(codec: Any) -> None:
    keys = [b"h\1" * 9_000 + bottom for bottom in (b"a\1", b"F?\xf0" + bytes(6))]
    data = b"\x83t\0\0\0\2" + b"j".join(keys) + b"j"
    term = codec.decode(data, DecodeOptions(limits=Limits(max_depth=10_000)))
    assert len(term) == 2


@pytest.mark.parametrize("kind", NESTS)
def test_a_million_levels_are_refused_before_they_are_read(
    codec: Any, kind: str
) -> None:
    before, after = NESTS[kind]
    data = b"\x83" + before * 1_000_000 + b"j" + after * 1_000_000
    with pytest.raises(DecodeError, match="max_depth"):
        codec.decode(data)


def test_a_list_in_the_tail_is_no_deeper(codec: Any) -> None:
    depth = 100_000
    data = b"\x83" + b"l\0\0\0\1a\1" * depth + b"j"
    assert codec.decode(data, DecodeOptions(limits=Limits(max_depth=1))) == [1] * depth


def test_long_tails_are_joined(codec: Any) -> None:
    body = b"l\0\0\0\1a\1" * 500 + b"l" + (200_000).to_bytes(4, "big")
    data = b"\x83" + body + b"a\1" * 200_000 + b"j"
    assert codec.decode(data) == [1] * 200_500


def test_an_empty_list_of_the_long_form_can_repeat(codec: Any) -> None:
    assert codec.decode(b"\x83" + b"l\0\0\0\0" * 100_000 + b"j") == []


def test_known_atoms_are_one_object(codec: Any) -> None:
    first, second = codec.decode(b"\x83h\2" + b"w\7atom_id" * 2)
    assert first is second is Atom("atom_id")


def test_atoms_past_the_limit_are_read_but_not_kept(codec: Any) -> None:
    known = len(etf._atoms.atom_table)
    options = DecodeOptions(limits=Limits(max_atoms=known))
    data = b"\x83h\2" + b"w\x0cnever_before" * 2
    first, second = codec.decode(data, options)
    assert first == second == "never_before"
    assert type(first) is type(second) is Atom
    assert "never_before" not in etf._atoms.atom_table
    assert len(etf._atoms.atom_table) == known


def test_the_table_of_atoms_is_bounded(
    codec: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = len(etf._atoms.atom_table)
    options = DecodeOptions(limits=Limits(max_atoms=known + 3))
    names = b"".join(b"w\x0dbounded_%05d" % number for number in range(50))
    term = codec.decode(b"\x83h\x32" + names, options)
    assert len(set(term)) == 50
    assert len(etf._atoms.atom_table) <= known + 3
    for name in [str(name) for name in term]:
        etf._atoms.atom_table.pop(name, None)
