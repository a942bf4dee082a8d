"""Containers for what Python's own cannot hold."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import Any

import pytest

from etf import (
    Atom,
    BitBinary,
    Charlist,
    Export,
    FrozenList,
    Fun,
    ImproperList,
    LocalTerm,
    Pid,
    Port,
    Reference,
    TermMap,
)
from etf._identity import has_duplicate, identity

TWINS = TermMap([(1, "int"), (1.0, "float"), (True, "atom"), (0.0, "+"), (-0.0, "-")])
PID = Pid("a@h", 1, 2, 3)


def test_a_termmap_keeps_keys_that_python_takes_for_one() -> None:
    assert [TWINS[key] for key in (1, 1.0, True, 0.0, -0.0)] == [
        "int",
        "float",
        "atom",
        "+",
        "-",
    ]
    assert len(TWINS) == 5
    assert [type(key) for key in TWINS] == [int, float, bool, float, float]
    assert list(TWINS.values()) == ["int", "float", "atom", "+", "-"]


def test_a_termmap_finds_keys_by_what_they_are_on_the_wire() -> None:
    terms = TermMap([("a", 1), (Atom("a"), 2), ([1], 3), ({1: 2}, 4), (None, 5)])
    assert terms[b"a"] == 1
    assert terms[Atom("a")] == 2
    assert terms[FrozenList([1])] == 3
    assert terms[Charlist("\1")] == 3
    assert terms[TermMap([(1, 2)])] == 4
    assert terms[Atom("nil")] == 5
    assert (1,) not in terms


@pytest.mark.parametrize("missing", [0, "b", 2.0, object(), False])
def test_a_missing_key_is_a_key_error(missing: Any) -> None:
    assert missing not in TWINS
    assert TWINS.get(missing) is None
    with pytest.raises(KeyError):
        TWINS[missing]


def test_maps_are_equal_if_they_are_the_same_term() -> None:
    assert TWINS == TWINS
    assert TermMap([(1, 2), (3, 4)]) == TermMap([(3, 4), (1, 2)])
    assert TermMap([(1, 2)]) == {1: 2}
    assert TermMap([(b"a", FrozenList([1]))]) == {"a": [1]}
    assert TermMap([(1, 2)]) != TermMap([(1.0, 2)])
    assert TermMap([(1, 2)]) != {1: True}
    assert TermMap([(1, 1)]) != TermMap([(1, 1), (2, 2)])
    assert TermMap([(1, 1)]) != [(1, 1)]
    assert TermMap([(1, object())]) != TermMap([(1, object())])


def test_equal_termmaps_hash_alike() -> None:
    one, other = TermMap([(1, 2), (3, 4)]), TermMap([(3, 4), (1, 2)])
    assert hash(one) == hash(other)
    assert {one: 1}[other] == 1


def test_a_termmap_with_mutable_values_does_not_hash() -> None:
    values: list[int] = []
    terms = TermMap([(1, values)])
    with pytest.raises(TypeError):
        hash(terms)
    before = terms == TermMap([(1, [])])
    values.append(1)
    assert (before, terms == TermMap([(1, [])])) == (True, False)


def test_a_termmap_is_made_of_any_mapping() -> None:
    assert TermMap({1: 2}) == TermMap([(1, 2)])
    assert TermMap(TermMap([(1, 2)])) == TermMap([(1, 2)])


def test_deep_maps_made_inside_out_hash_without_recursion() -> None:
    terms = TermMap()
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        for _ in range(2_000):
            terms = TermMap([(terms, terms)])
            hash(terms)
    finally:
        sys.setrecursionlimit(before)


def test_a_frozen_list_is_a_hashable_list() -> None:
    assert FrozenList([1, 2]) == (1, 2)
    assert hash(FrozenList([1])) == hash((1,))
    assert FrozenList([1, 2])[1:] == (2,)


def test_an_improper_list_hashes_in_key_form_only() -> None:
    assert hash(ImproperList((1,), 2)) == hash(ImproperList((1,), 2))
    assert ImproperList([1], 2) == ImproperList((1,), 2)
    for mutable in (ImproperList([1], 2), ImproperList((1,), {})):
        with pytest.raises(TypeError):
            hash(mutable)


def test_an_improper_list_owns_its_items() -> None:
    items = [1]
    improper = ImproperList(items, 2)
    items.append(3)
    assert improper.items == [1]


def test_unused_bits_are_zero() -> None:
    assert BitBinary(b"\xff", 3).data == b"\xe0"
    assert BitBinary(b"\1\xff", 7) == BitBinary(b"\1\xfe", 7)
    assert BitBinary(bytearray(b"\1\x80"), 1).data == b"\1\x80"


def test_the_length_of_a_bit_string_is_in_bits() -> None:
    assert len(BitBinary(b"\xa0", 3)) == 3
    assert len(BitBinary(b"\1\xa0", 3)) == 11


ALIKE = [
    (True, Atom("true")),
    (None, Atom("nil")),
    ("é", "é".encode()),
    (b"a", bytearray(b"a")),
    (5, IntEnum("Number", {"FIVE": 5}).FIVE),  # type: ignore[attr-defined]
    (b"a", memoryview(b"a")),
    ([1, 2], FrozenList([1, 2])),
    ([97], Charlist("a")),
    ({1: 2}, TermMap([(1, 2)])),
    ({1: 2, 3: [4]}, {3: FrozenList([4]), 1: 2}),
    (ImproperList([1], 2), ImproperList((1,), 2)),
    (
        Fun("m", 0, bytes(16), 0, 0, 0, PID),
        Fun("m", 0, bytes(16), 0, 9, 9, Pid("b", 1, 1, 1)),
    ),
]
DIFFERENT: list[Any] = [
    0,
    0.0,
    -0.0,
    1,
    1.0,
    True,
    False,
    None,
    2**70,
    -(2**70),
    Atom(""),
    Atom("a"),
    "",
    "a",
    [],
    [[]],
    [[], []],
    [1],
    [1, 1],
    [[1], 1],
    (),
    ((),),
    (1,),
    ([1],),
    {},
    {1: 1},
    {1: 1.0},
    {1: {1: 1}},
    ImproperList([1], 1),
    ImproperList([1, 1], 1),
    ImproperList([1], 1.0),
    BitBinary(b"\x80", 1),
    BitBinary(b"\x80", 2),
    PID,
    Port("a@h", 1, 2),
    Reference("a@h", 1, (2,)),
    Reference("a@h", 1, (2, 3)),
    Export("a", "b", 1),
    Fun("a", 1, bytes(16), 0, 0, 0, PID),
    Fun("a", 1, bytes(16), 0, 0, 0, PID, (1,)),
    LocalTerm(b"a"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_forms_of_one_term_have_one_identity(one: Any, other: Any) -> None:
    assert identity(one) == identity(other)
    assert identity((one, 1)) == identity((other, 1))
    assert has_duplicate([0, one, other])


def test_different_terms_have_different_identities() -> None:
    assert len({identity(term) for term in DIFFERENT}) == len(DIFFERENT)
    assert len({identity({1: term}) for term in DIFFERENT}) == len(DIFFERENT)
    assert not has_duplicate(DIFFERENT)


@pytest.mark.parametrize("wrong", [object(), [object()], {1: object()}, {1, 2}])
def test_what_is_no_term_has_no_identity(wrong: Any) -> None:
    with pytest.raises(TypeError):
        identity(wrong)
