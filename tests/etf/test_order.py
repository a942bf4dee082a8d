"""Identity and order: invariants, and the order that real BEAM nodes sort by."""

from __future__ import annotations

import math
from collections import OrderedDict
from enum import IntEnum
from functools import cmp_to_key
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etf import (
    Atom,
    BitBinary,
    Charlist,
    EncodeError,
    FrozenList,
    Fun,
    ImproperList,
    LocalTerm,
    Pid,
    Reference,
    TermMap,
    compare,
    decode,
    same,
    sort_key,
)
from etf import format as format_term
from etf._identity import identity
from etf._order import identity_key
from tests.etf.strategies import encodable
from tests.etf.texts import FIXTURE

ORDERS = [
    pytest.param(
        [(rank, decode(bytes.fromhex(data))) for rank, data in rows], id=f"otp{otp}"
    )
    for otp, rows in FIXTURE["order"].items()
]


class Colour(IntEnum):
    RED = 1


class Replaced:
    def __init__(self, term: object) -> None:
        self.term = term

    def __etf__(self) -> object:
        return self.term


class Endless:
    def __etf__(self) -> object:
        return Endless()


def nested(levels: int) -> list[Any]:
    term: list[Any] = []
    for _ in range(levels):
        term = [term]
    return term


def nested_keys(levels: int) -> TermMap:
    term = TermMap()
    for _ in range(levels):
        term = TermMap([(term, 1)])
        hash(term)
    return term


@pytest.mark.parametrize("ranked", ORDERS)
def test_any_two_terms_compare_as_the_beam_ranked_them(
    ranked: list[tuple[int, Any]],
) -> None:
    wrong = [
        (format_term(a), format_term(b))
        for rank_a, a in ranked
        for rank_b, b in ranked
        if compare(a, b) != (rank_a > rank_b) - (rank_a < rank_b)
    ]
    assert wrong == []


@pytest.mark.parametrize("ranked", ORDERS)
def test_sorting_by_key_gives_the_order_of_the_beam(
    ranked: list[tuple[int, Any]],
) -> None:
    mixed = Random(1).sample(ranked, len(ranked))
    back = sorted(mixed, key=lambda row: sort_key(row[1]))
    assert [rank for rank, _ in back] == [rank for rank, _ in ranked]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (b"a", "a"),
        (b"a", bytearray(b"a")),
        ("é", memoryview("é".encode())),
        (True, Atom("true")),
        (False, Atom("false")),
        (None, Atom("nil")),
        ([1, 2], FrozenList([1, 2])),
        ([97, 98], Charlist("ab")),
        ([], Charlist("")),
        (ImproperList([1], 2), ImproperList((1,), 2)),
        ({"a": [1]}, TermMap([(b"a", FrozenList([1]))])),
        ({"a": 1, "b": 2}, OrderedDict([("b", 2), ("a", 1)])),
        (Colour.RED, 1),
        (Replaced(Replaced("x")), b"x"),
        (nested(3_000), nested(3_000)),
        (nested_keys(1_500), nested_keys(1_500)),
    ],
)
def test_one_term_in_two_forms_is_the_same(a: object, b: object) -> None:
    assert same(a, b)
    assert compare(a, b) == 0
    assert identity_key(a) == identity_key(b)


@pytest.mark.parametrize(
    ("a", "b", "order"),
    [
        (1, 1.0, 0),
        (0.0, -0.0, 0),
        ([1], [1.0], 0),
        ({"a": 1}, {"a": 1.0}, 0),
        ({1: "a"}, {1.0: "a"}, -1),
        ({0.0: "a"}, {-0.0: "a"}, 1),
        (1, True, -1),
        (True, "true", -1),
        (Atom("a"), "a", -1),
        ((1,), [1], -1),
        ([1], ImproperList([1], Atom("x")), 1),
        ([], {}, 1),
        (None, [], -1),
        (b"\xa0", BitBinary(b"\xa0", 3), 1),
        (2**53 + 1, float(2**53), 1),
        (10**400, 1.0e308, 1),
        (LocalTerm(b"a"), LocalTerm(b"b"), -1),
    ],
)
def test_different_terms_are_not_the_same(a: object, b: object, order: int) -> None:
    assert not same(a, b)
    assert compare(a, b) == order
    assert compare(b, a) == -order
    assert identity_key(a) != identity_key(b)


def test_leading_zeros_of_a_reference_do_not_count_in_the_order() -> None:
    short, long = Reference("a@h", 1, (1,)), Reference("a@h", 1, (1, 0, 0))
    assert compare(short, long) == 0
    assert not same(short, long)


def test_the_creator_of_a_fun_takes_no_part_in_it() -> None:
    first, second = (
        Fun("m", 1, bytes(16), 1, 1, 7, Pid("a@h", number, 0, 1), (1.0,))
        for number in (1, 2)
    )
    other = Fun("m", 1, bytes(16), 1, 1, 7, Pid("a@h", 1, 0, 1), (1,))
    assert same(first, second)
    assert not same(first, other)
    assert compare(first, other) == 0


@pytest.mark.parametrize(
    "value",
    [object(), math.nan, math.inf, "\ud800", Replaced(object()), Endless(), [{2}]],
)
def test_what_is_no_term_is_refused(value: object) -> None:
    with pytest.raises(EncodeError):
        sort_key(value)
    with pytest.raises(EncodeError):
        compare(value, value)


def test_a_list_that_contains_itself_is_refused() -> None:
    term: list[Any] = [1]
    term.append(term)
    with pytest.raises(EncodeError, match="contains itself"):
        sort_key(term)


def test_comparing_stops_at_the_first_difference() -> None:
    assert compare([1, object()], [2, object()]) == -1
    assert not same((1, object()), (2, object()))


@given(a=encodable(), b=encodable())
def test_the_three_ways_to_tell_terms_apart_agree(a: Any, b: Any) -> None:
    assert same(a, a)
    assert same(a, b) == (identity_key(a) == identity_key(b))
    assert same(a, b) == (identity(a) == identity(b))


@given(a=encodable(), b=encodable())
def test_order_is_total_and_agrees_with_the_sort_key(a: Any, b: Any) -> None:
    order = compare(a, b)
    assert order == -compare(b, a)
    left, right = sort_key(a), sort_key(b)
    assert order == (left > right) - (left < right)


@given(terms=st.lists(encodable(), max_size=6))
def test_order_is_transitive(terms: list[Any]) -> None:
    by_comparing = sorted(terms, key=cmp_to_key(compare))
    for index, term in enumerate(by_comparing):
        assert all(compare(term, later) <= 0 for later in by_comparing[index:])
