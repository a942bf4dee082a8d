"""The way out by annotation: one table of what leaves as what."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import pytest

import etf
from etf import Atom, Charlist, EncodeError, FrozenList, ImproperList, TermMap
from tests.etf.exact import exactly
from tests.etf.mapping.shop import (
    Line,
    Money,
    Page,
    Point,
    Sku,
    State,
    Tree,
    struct,
)

A = Atom
DAY = date(2024, 7, 1)
DATE = struct("Date", calendar=A("Elixir.Calendar.ISO"), year=2024, month=7, day=1)

# annotation, a value, what arrives
LEAVES: list[tuple[Any, Any, Any]] = [
    (int, 1, 1),
    (float, 1, 1.0),
    (float, 1.5, 1.5),
    (float, True, True),
    (Atom, "ok", A("ok")),
    (Atom, A("ok"), A("ok")),
    (Atom, 5, 5),
    (Charlist, "ab", [97, 98]),
    (Charlist, Charlist("ab"), [97, 98]),
    (str, "ok", b"ok"),
    (str | Atom, "ok", b"ok"),
    (Atom | None, "ok", A("ok")),
    (int | float, 1, 1),
    (float | None, 1, 1.0),
    (Literal["a", 1], "a", A("a")),
    (Literal["a", 1], 1, 1),
    (Literal["a"] | str, "a", b"a"),  # noqa: PYI051
    (State, State.OPEN, A("open")),
    (State | str, State.SEVEN, 7),
    (State, "lost", b"lost"),
    (list[Atom], ["a"], [A("a")]),
    (list[Atom], FrozenList(["a"]), [A("a")]),
    (list[Atom], "no list", b"no list"),
    (list[int] | list[date], [DAY], [DATE]),
    (
        list[date] | list[Decimal],
        [Decimal(1)],
        [struct("Decimal", sign=1, coef=1, exp=0)],
    ),
    (tuple[Atom, int], ("a", 1), (A("a"), 1)),
    (tuple[Atom, int], ("a",), (b"a",)),
    (tuple[date, ...], (DAY, DAY), (DATE, DATE)),
    (tuple[date, ...], [1], [1]),
    (dict[str, date], {"a": DAY}, {b"a": DATE}),
    (dict[Atom, int], {"a": 1}, {A("a"): 1}),
    (dict[Atom, int], [1], [1]),
    (dict[tuple[Literal["k"], int], int], {("k", 1): 2}, {(A("k"), 1): 2}),
    (dict[list[Atom], int], {FrozenList(["a"]): 1}, {FrozenList([A("a")]): 1}),
    (dict[date, int], {DAY: 1}, {TermMap(DATE): 1}),
    (set[int], {1}, struct("MapSet", map={1: []})),
    (set[Atom], {"a"}, struct("MapSet", map={A("a"): []})),
    (set[Atom], [1], [1]),
    (Point, {"x": 1, "y": 2, "z": 3}, {A("x"): 1, A("y"): 2.0, b"z": 3}),
    (Point, 5, 5),
    (Line | int, Line(Sku(A("a"))), (A("line"), A("a"), 1, A("undefined"))),
    (Tree, Tree(1), {A("value"): 1, A("children"): []}),
    (Tree | Point, {"x": 1}, {A("x"): 1}),
    (Page[date], Page([DAY]), {A("items"): [DATE], A("next"): None}),
    (Money | date, Money(5), (A("money"), 5)),
    (date | None, None, None),
    (ImproperList, ImproperList([1], 2), ImproperList([1], 2)),
    (TermMap, TermMap({1: 2}), {1: 2}),
    (Any, [1], [1]),
]

REFUSED: list[tuple[Any, Any, str, str]] = [
    (date, "today", "str where date has to be", ""),
    (list[date], [DAY, 5], "int where date has to be", "[1]"),
    (tuple[int, date], (1, 5), "int where date has to be", "[1]"),
    (dict[str, date], {"a": 5}, "int where date has to be", '["a"]'),
    (dict[UUID | str, int], {UUID(int=0): 1, str(UUID(int=0)): 2}, "the same", ""),
    (float, 1 << 2000, "an integer that is no float", ""),
    (Atom, "x" * 256, "at most 255 characters", ""),
    (Tree, Line(Sku(A("a"))), "Line where Tree has to be", ""),
    (Point, {"x": 1, "y": 1 << 2000}, "no float", '["y"]'),
    (list[Tree], [Tree(1, [5])], "int where Tree", '[0]["children"][0]'),
]


@pytest.mark.parametrize(
    ("annotation", "value", "term"), LEAVES, ids=[repr(row[:2])[:60] for row in LEAVES]
)
def test_a_value_leaves_as_the_annotation_says(
    codec: Any, annotation: Any, value: Any, term: Any
) -> None:
    assert exactly(codec.decode(codec.encode(etf.as_term(value, annotation))), term)


@pytest.mark.parametrize(
    ("annotation", "value", "problem", "path"),
    REFUSED,
    ids=[repr(row[:2])[:60] for row in REFUSED],
)
def test_what_cannot_leave_is_refused_with_the_place(
    annotation: Any, value: Any, problem: str, path: str
) -> None:
    with pytest.raises(EncodeError, match=problem) as caught:
        etf.encode(etf.as_term(value, annotation))
    assert caught.value.path == path
