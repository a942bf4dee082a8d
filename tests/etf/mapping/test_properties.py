"""Generated types: what is sent comes back, and no term at all does harm."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import make_dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

import etf
from etf import Atom, MappingError
from etf._encode import encode as pure_encode
from tests.etf.mapping.shop import Json, Line, Options, Order, State, Tree, User
from tests.etf.strategies import atoms, leaves, terms

Strategy = st.SearchStrategy[Any]
Typed = tuple[Any, Strategy]
"""An annotation, and values of it."""

FINITE = st.floats(allow_nan=False, allow_infinity=False)
SCALARS: list[Typed] = [
    (int, st.integers(-(1 << 70), 1 << 70)),
    (float, FINITE),
    (bool, st.booleans()),
    (str, st.text(max_size=8)),
    (bytes, st.binary(max_size=8)),
    (Atom, atoms()),
    (None, st.none()),
    (State, st.sampled_from(State)),
    (Literal["a", "true", 5], st.sampled_from(["a", "true", 5])),
    (date, st.dates()),
    (time, st.times()),
    (Decimal, st.decimals(allow_nan=False)),
    (UUID, st.uuids()),
]
HASHABLE = [typed for typed in SCALARS if typed[0] is not None]


def _list(typed: Typed) -> Typed:
    return list[typed[0]], st.lists(typed[1], max_size=3)  # type: ignore[name-defined]


def _tuple(parts: list[Typed]) -> Typed:
    kinds = tuple(kind for kind, _ in parts)
    return tuple[kinds], st.tuples(*(values for _, values in parts))  # type: ignore[valid-type]


def _dict(pair: tuple[Typed, Typed]) -> Typed:
    (key, keys), (value, values) = pair
    return dict[key, value], st.dictionaries(keys, values, max_size=3)  # type: ignore[valid-type]


def _set(typed: Typed) -> Typed:
    return set[typed[0]], st.sets(typed[1], max_size=3)  # type: ignore[name-defined]


def _optional(typed: Typed) -> Typed:
    kind, values = typed
    # In a record it stands for None.
    if kind is Atom:
        values = values.filter(lambda name: name != "undefined")
    return kind | None, st.none() | values


_declare = st.sampled_from(
    [
        etf.struct("Elixir.Made"),
        etf.record("made"),
        etf.mapped(),
        etf.mapped(keys="binary"),
        etf.keyword_list(),
        lambda cls: cls,
    ]
)


@st.composite
def _class(draw: Any, parts: Strategy) -> Typed:
    typed = draw(st.lists(parts, max_size=4))
    fields = [(f"f{index}", kind) for index, (kind, _) in enumerate(typed)]
    cls = draw(_declare)(make_dataclass("Made", fields, frozen=True))
    return cls, st.builds(cls, *(values for _, values in typed))


def _deeper(parts: Strategy) -> Strategy:
    hashable = st.sampled_from(HASHABLE)
    return st.one_of(
        parts.map(_list),
        st.lists(parts, max_size=3).map(_tuple),
        st.tuples(hashable, parts).map(_dict),
        hashable.map(_set),
        parts.filter(lambda typed: typed[0] is not None).map(_optional),
        _class(parts),
    )


TYPED = st.recursive(st.sampled_from(SCALARS), _deeper, max_leaves=6)


@settings(max_examples=300)
@given(st.data(), TYPED)
def test_what_is_sent_by_its_type_comes_back(
    codec: Any, data: Any, typed: Typed
) -> None:
    annotation, values = typed
    value = data.draw(values)
    encoded = codec.encode(etf.as_term(value, annotation))
    assert encoded == pure_encode(etf.as_term(value, annotation))
    assert etf.convert(codec.decode(encoded), annotation) == value
    # A process of the same node gets the value itself.
    assert etf.convert(value, annotation) == value


@settings(max_examples=300)
@given(TYPED, terms())
def test_any_term_fits_or_is_refused(typed: Typed, term: Any) -> None:
    with suppress(MappingError):
        etf.convert(term, typed[0])


CLASSES = [Order, Line, User, Json, Options, Tree, Order | Line | Tree | str | None]


@given(st.sampled_from(CLASSES), st.data())
def test_a_term_that_is_nearly_right_fits_or_is_refused(cls: Any, data: Any) -> None:
    keys = st.sampled_from(["id", "note", "lines", "name", "value", "children", "size"])
    parts = leaves() | st.lists(leaves(), max_size=2)
    maps = st.dictionaries(keys.map(Atom), parts, max_size=4)
    names = st.sampled_from(["Shop.Order", "Shop.User"]).map(lambda n: f"Elixir.{n}")
    structs = st.tuples(names, maps).map(
        lambda pair: {Atom("__struct__"): Atom(pair[0]), **pair[1]}
    )
    records = st.tuples(st.just(Atom("line")), parts, parts, parts)
    pairs = st.lists(st.tuples(keys.map(Atom), parts), max_size=3)
    term = data.draw(st.one_of(maps, structs, records, pairs))
    with suppress(MappingError):
        etf.convert(term, cls)


@given(terms())
def test_the_decoder_takes_any_term_whatever_it_is_to_make(
    codec: Any, term: Any
) -> None:
    options = etf.DecodeOptions(
        structs=[Order, User], records=[Line], converters=etf.converters.ALL
    )
    assert etf.same(codec.decode(codec.encode(term), options), term)
