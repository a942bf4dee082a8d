"""Declared classes and converters in the encoder, on both codecs."""

from __future__ import annotations

import enum
from collections import namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import pytest

import etf
from etf import Atom, EncodeError, EncodeOptions, converters
from tests.etf.exact import exactly
from tests.etf.mapping.shop import (
    Json,
    Line,
    Options,
    Order,
    Sku,
    State,
    Tree,
    User,
    struct,
)

A = Atom


UNDEFINED = A("undefined")


def line(count: int = 1, note: Any = UNDEFINED) -> Any:
    return (A("line"), A("a"), count, note)


LINE = Line(Sku(A("a")))
SENT: list[tuple[Any, Any]] = [
    (LINE, line()),
    ([LINE, 1], [line(), 1]),
    ({LINE: 1}, {line(): 1}),
    ((1, {A("k"): Line(Sku(A("a")), 2, "x")}), (1, {A("k"): line(2, b"x")})),
    (Line("text"), (A("line"), A("text"), 1, A("undefined"))),  # type: ignore[arg-type]
    (User("n", "x"), struct("Shop.User", name=b"n", **{"from": b"x"})),
    (Json("json", 2), {b"kind": A("json"), b"size": 2.0}),
    (Options(1), [(A("timeout"), 1), (A("verbose"), False)]),
    (
        Order(1, "x", [LINE]),
        struct(
            "Shop.Order",
            id=1,
            note=b"x",
            lines=[line()],
            placed_at=None,
            state=A("open"),
        ),
    ),
    (
        Order(1, "x", state=State.YES),
        struct("Shop.Order", id=1, note=b"x", lines=[], placed_at=None, state=True),
    ),
]


@pytest.mark.parametrize(("value", "term"), SENT, ids=repr)
def test_an_instance_leaves_as_what_its_class_was_said_to_be(
    codec: Any, value: Any, term: Any
) -> None:
    assert exactly(codec.decode(codec.encode(value)), term)


def test_a_thousand_instances_in_a_row(codec: Any) -> None:
    lines = [Line(Sku(A("a")), count) for count in range(1000)]
    assert codec.decode(codec.encode(lines)) == [line(count) for count in range(1000)]


@etf.struct("Elixir.Counts")
@dataclass
class Counts:
    """Reading it runs code of its own, which changes what is being sent."""

    total: int
    around: Any = None

    def __getattribute__(self, name: str) -> Any:
        if name == "around":
            object.__getattribute__(self, "around").append(1)
            return None
        return object.__getattribute__(self, name)


def test_code_that_runs_amid_a_message_does_not_change_it(codec: Any) -> None:
    message: list[Any] = [A("x")]
    message.append(Counts(1, message))
    sent = codec.decode(codec.encode(message))
    assert sent[0] == "x"
    assert len(sent) == 2


def test_an_instance_in_itself_is_nested_too_deep(codec: Any) -> None:
    user = User("n")
    user.name = user  # type: ignore[assignment]
    with pytest.raises(EncodeError, match="nested deeper than max_depth"):
        codec.encode(user)
    tree = Tree(1)
    tree.children.append(tree)
    with pytest.raises(EncodeError, match="nested too deep to convert"):
        etf.as_term(tree, Tree)


def test_instances_nest_as_deep_as_the_limit_lets_them(codec: Any) -> None:
    user: Any = b"n"
    for _ in range(1000):
        user = User(user)
    sent = codec.decode(codec.encode(user))
    for _ in range(999):
        sent = sent[A("name")]
    assert sent[A("name")] == b"n"


def test_a_subclass_is_not_what_its_base_was_said_to_be(codec: Any) -> None:
    class More(User):
        pass

    with pytest.raises(EncodeError, match="More has no form") as caught:
        codec.encode({A("k"): More("n")})
    assert caught.value.path == '["k"]'


def test_the_path_goes_into_an_instance(codec: Any) -> None:
    order = Order(1, object())  # type: ignore[arg-type]
    with pytest.raises(EncodeError) as caught:
        codec.encode([order])
    assert caught.value.path == '[0]["note"]'


@pytest.mark.parametrize(
    ("order", "path", "problem"),
    [
        (Order(1, "", placed_at="now"), "", None),
        (Order(1, "", placed_at=date(2020, 1, 1)), '["placed_at"]', "date has no form"),
        (
            Order(1, "", placed_at=datetime(2020, 1, 1, tzinfo=UTC)),
            "",
            None,
        ),
        (Order(1, "", lines=[Line("x" * 300)]), '["lines"][0]["sku"]', "255"),
    ],
)
def test_what_is_not_what_the_annotation_says_is_named(
    codec: Any, order: Any, path: str, problem: str | None
) -> None:
    if problem is None:
        codec.encode(order)
        return
    with pytest.raises(EncodeError, match=problem) as caught:
        codec.encode(order)
    assert caught.value.path == path


def test_an_instance_with_a_field_missing_is_an_encode_error(codec: Any) -> None:
    user = User("n")
    del user.name
    with pytest.raises(EncodeError, match="User: "):
        codec.encode(user)


def test_none_in_a_struct_is_as_the_options_say(codec: Any) -> None:
    data = codec.encode(Order(1, ""), EncodeOptions(none="undefined"))
    assert codec.decode(data)[A("placed_at")] == A("undefined")


VALUES: list[tuple[Any, Any]] = [
    (
        datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC),
        struct(
            "DateTime",
            calendar=A("Elixir.Calendar.ISO"),
            year=2024,
            month=2,
            day=29,
            hour=1,
            minute=2,
            second=3,
            microsecond=(0, 0),
            time_zone=b"Etc/UTC",
            zone_abbr=b"UTC",
            utc_offset=0,
            std_offset=0,
        ),
    ),
    (
        date(2024, 2, 29),
        struct("Date", calendar=A("Elixir.Calendar.ISO"), year=2024, month=2, day=29),
    ),
    (
        time(1, 2, 3, 400),
        struct(
            "Time",
            calendar=A("Elixir.Calendar.ISO"),
            hour=1,
            minute=2,
            second=3,
            microsecond=(400, 6),
        ),
    ),
    (Decimal("-1.50"), struct("Decimal", sign=-1, coef=150, exp=-2)),
    (Decimal("Infinity"), struct("Decimal", sign=1, coef=A("inf"), exp=0)),
    (range(0, 10, 3), struct("Range", first=0, last=9, step=3)),
    ({1}, struct("MapSet", map={1: []})),
    (frozenset({b"a"}), struct("MapSet", map={b"a": []})),
    (UUID(int=1), b"00000000-0000-0000-0000-000000000001"),
    (
        urlsplit("https://u@h:8443/p?q#f"),
        struct(
            "URI",
            scheme=b"https",
            userinfo=b"u",
            host=b"h",
            port=8443,
            path=b"/p",
            query=b"q",
            fragment=b"f",
            authority=None,
        ),
    ),
]


@pytest.mark.parametrize(("value", "term"), VALUES, ids=repr)
def test_a_converter_sends_what_has_no_form(codec: Any, value: Any, term: Any) -> None:
    options = EncodeOptions(converters=converters.ALL)
    assert codec.decode(codec.encode([value], options)) == [term]
    if value != {1}:
        assert len(codec.decode(codec.encode({value: 1}, options))) == 1


def test_without_a_converter_they_are_refused(codec: Any) -> None:
    for value in (date(2020, 1, 1), Decimal(1), {1}, UUID(int=1)):
        with pytest.raises(EncodeError, match="has no form"):
            codec.encode(value)


def test_a_converter_goes_before_what_a_class_is_derived_from(codec: Any) -> None:
    class Level(enum.IntEnum):
        LOW = 1

    class Point(NamedTuple):
        x: int

    by_name = etf.Converter(Level, encode=lambda level: A(level.name.lower()))
    as_map = etf.Converter(Point, encode=lambda point: point._asdict())
    options = EncodeOptions(converters=[by_name, as_map])
    assert codec.decode(codec.encode([Level.LOW, Point(1)])) == [1, (1,)]
    sent = codec.decode(codec.encode([Level.LOW, Point(1)], options))
    assert sent == [A("low"), {b"x": 1}]


def test_a_converter_may_give_what_another_one_sends(codec: Any) -> None:
    class Day:
        pass

    made = etf.Converter(Day, encode=lambda _: date(2020, 1, 1))
    options = EncodeOptions(converters=[made, *converters.DATES])
    assert codec.decode(codec.encode(Day(), options))[A("year")] == 2020


def test_a_converter_for_one_direction_refuses_the_other(codec: Any) -> None:
    class Only:
        pass

    options = EncodeOptions(converters=[etf.Converter(Only, decode=int)])
    with pytest.raises(EncodeError, match="Only can only be received"):
        codec.encode(Only(), options)


def test_as_term_does_what_a_class_says_nothing_about(codec: Any) -> None:
    term = etf.as_term([Tree(1, [Tree(2)])], list[Tree])
    assert codec.decode(codec.encode(term)) == [
        {A("value"): 1, A("children"): [{A("value"): 2, A("children"): []}]}
    ]
    with pytest.raises(EncodeError, match="int where Tree has to be") as caught:
        etf.as_term([Tree(1), 2], list[Tree])
    assert caught.value.path == "[1]"


def test_order_text_and_identity_know_declared_classes() -> None:
    assert etf.format([LINE]) == "[{line,a,1,undefined}]"
    assert etf.phash2(LINE) == etf.phash2(line())
    assert etf.identity_key(LINE) == etf.identity_key(line())
    assert etf.same(LINE, line())
    assert etf.compare(LINE, Line(Sku(A("a")), 2)) == -1
    assert etf.TermMap({LINE: 1})[line()] == 1


def test_decorators_want_a_dataclass_and_known_words() -> None:
    with pytest.raises(TypeError, match="Plain is no dataclass"):

        @etf.struct("Elixir.Plain")
        class Plain:
            pass

    with pytest.raises(ValueError, match=r'is the atom "Elixir\.Shop\.Order"'):
        etf.struct("Shop.Order")
    with pytest.raises(ValueError, match="extra is"):
        etf.struct("Elixir.X", extra="keep")(Tree)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="keys is"):
        etf.mapped(keys="text")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="type must be a class"):
        etf.Converter(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="encode must be callable"):
        etf.Converter(int, encode=5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="converters must be of Converter"):
        EncodeOptions(converters=[int])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="converters must be an iterable"):
        EncodeOptions(converters=5)  # type: ignore[arg-type]


def test_a_class_with_slots_and_an_empty_one(codec: Any) -> None:
    @etf.mapped()
    @dataclass(slots=True)
    class Slotted:
        a: int

    @etf.struct("Elixir.Empty")
    @dataclass
    class Empty:
        pass

    assert codec.decode(codec.encode([Slotted(1), Empty()])) == [
        {A("a"): 1},
        struct("Empty"),
    ]
    assert etf.convert(struct("Empty"), Empty) == Empty()


def test_named_tuples_stay_tuples(codec: Any) -> None:
    assert codec.decode(codec.encode(namedtuple("P", "x")(1))) == (1,)  # noqa: PYI024
