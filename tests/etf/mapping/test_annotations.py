"""What each annotation takes, what it gives, and what it refuses: one table."""

from __future__ import annotations

import collections.abc as abc
import math
import typing
from datetime import date
from typing import Annotated, Any, Literal, Optional, Union

import pytest

import etf
from etf import (
    Atom,
    BitBinary,
    Charlist,
    FrozenList,
    ImproperList,
    MappingError,
    Pid,
    Reference,
    TermMap,
)
from etf.mapping import annotations
from etf.mapping.converter import NO_CONVERTERS
from tests.etf.exact import exactly
from tests.etf.mapping.shop import (
    Json,
    Line,
    Mark,
    Money,
    Options,
    Order,
    Page,
    Point,
    Sku,
    State,
    Tree,
    User,
    struct,
)

A = Atom
PID = Pid(A("a@b"), 1, 2, 3)
REF = Reference(A("a@b"), 1, (1, 2, 3))

# annotation, a term, what it becomes
TAKEN: list[tuple[Any, Any, Any]] = [
    (int, 1, 1),
    (int, 1 << 80, 1 << 80),
    (float, 1.5, 1.5),
    (float, 2, 2.0),
    (bool, True, True),
    (None, None, None),
    (None, A("nil"), None),
    (type(None), None, None),
    (str, "é".encode(), "é"),
    (str, "text", "text"),
    (bytes, b"\xff", b"\xff"),
    (bytes, "text", b"text"),
    (bytes, bytearray(b"ab"), b"ab"),
    (Atom, A("ok"), A("ok")),
    (Atom, True, A("true")),
    (Atom, None, A("nil")),
    (Sku, A("x"), A("x")),
    (Charlist, [97, 98], Charlist("ab")),
    (Charlist, [], Charlist("")),
    (Charlist, Charlist("ab"), Charlist("ab")),
    (Pid, PID, PID),
    (Reference, REF, REF),
    (BitBinary, BitBinary(b"\xa0", 3), BitBinary(b"\xa0", 3)),
    (ImproperList, ImproperList([1], 2), ImproperList([1], 2)),
    (TermMap, {1: 2}, TermMap({1: 2})),
    (Any, {1: [2]}, {1: [2]}),
    (object, (1,), (1,)),
    (list, [1, b"x"], [1, b"x"]),
    (list[int], [1, 2], [1, 2]),
    (list[int], FrozenList([1, 2]), [1, 2]),
    (list[int], Charlist("ab"), [97, 98]),
    (abc.Sequence[str], [b"a"], ["a"]),
    (abc.Iterable[int], [], []),
    (tuple, (1, b"x"), (1, b"x")),
    (tuple[int, str], (1, b"x"), (1, "x")),
    (tuple[str, ...], (b"a", b"b"), ("a", "b")),
    (tuple[()], (), ()),
    (dict, {A("a"): b"x"}, {A("a"): b"x"}),
    (dict[str, int], {b"a": 1}, {"a": 1}),
    (dict[Atom, list[str]], {A("k"): [b"v"]}, {A("k"): ["v"]}),
    (dict[int, int], TermMap({1: 2}), {1: 2}),
    (abc.Mapping[str, float], {b"a": 1}, {"a": 1.0}),
    (set[int], struct("MapSet", map={1: [], 2: []}), {1, 2}),
    (set[str], struct("MapSet", map={b"a": []}, version=2), {"a"}),
    (frozenset, struct("MapSet", map={}), frozenset()),
    (set[int], frozenset({1}), {1}),
    (abc.Set[int], {1}, frozenset({1})),
    (Literal["asc", "desc"], A("asc"), "asc"),
    (Literal["asc"], b"asc", "asc"),
    (Literal["true", 1, b"x"], True, "true"),
    (Literal[1, True], True, True),
    (Literal[1, True], 1, 1),
    (State, A("open"), State.OPEN),
    (State, b"closed", State.CLOSED),
    (State, True, State.YES),
    (State, 7, State.SEVEN),
    (State, State.OPEN, State.OPEN),
    (int | None, None, None),
    (Optional[int], 3, 3),  # noqa: UP045
    (float | int, 1, 1),
    (int | float, 1.0, 1.0),
    (str | bytes, b"ok", "ok"),
    (str | bytes, b"\xff", b"\xff"),
    (bytes | str, b"ok", b"ok"),
    (Union[list[int], list[str]], [b"a"], ["a"]),  # noqa: UP007
    (list[bytes | str], [b"a"], [b"a"]),
    (list[str | bytes], [b"a"], ["a"]),
    (State | Atom, A("other"), A("other")),
    (Order | User | int, struct("Shop.User", name=b"n"), User("n")),
    (Line | tuple[str, str], (A("line"), A("a"), 1, None), Line(Sku(A("a")))),
    (Line | tuple[str, str], (b"a", b"b"), ("a", "b")),
    (Line, (A("line"), A("a"), 1, A("undefined")), Line(Sku(A("a")))),
    (Mark, (A("mark"), A("undefined"), A("undefined")), Mark()),
    (Mark, (A("mark"), A("red"), A("set")), Mark(A("red"), "set")),
    (Atom | None, A("undefined"), A("undefined")),
    (Tree | Point, {A("x"): 1}, {A("x"): 1}),
    (Tree | Point, {A("value"): 1}, Tree(1)),
    (Options, [(A("timeout"), 1), (A("timeout"), 2)], Options(1)),
    (Options, [A("verbose"), (A("timeout"), 1)], Options(1, True)),
    (Json, {b"kind": b"json", b"size": 1}, Json("json", 1.0)),
    (Json, {"kind": A("json"), "size": 1.5}, Json("json", 1.5)),
    (User, struct("Shop.User", name=b"n", **{"from": b"x"}, more=1), User("n", "x")),
    (Tree, {A("value"): 1, A("children"): [{A("value"): 2}]}, Tree(1, [Tree(2)])),
    (Page[str], {A("items"): [b"a"]}, Page(["a"])),
    (Page[int], {A("items"): [1], A("next"): {A("items"): [2]}}, Page([1], Page([2]))),
    (Point, {A("x"): 1}, {A("x"): 1}),
    (Point, {A("x"): 1, A("y"): 2}, {A("x"): 1, A("y"): 2.0}),
    (Money, (A("money"), 5), Money(5)),
    (Money, Money(5), Money(5)),
    (list[Money | None], [None, (A("money"), 5)], [None, Money(5)]),
    (Annotated[int, "about"], 1, 1),
    (typing.TypeVar("T"), 1, 1),
    (typing.TypeVar("T", bound=int), 1, 1),
]

# annotation, a term, the message
REFUSED: list[tuple[Any, Any, str]] = [
    (int, True, "expected an integer, got true"),
    (int, 1.0, "expected an integer, got 1.0"),
    (float, 1 << 2000, "expected a float"),
    (float, None, "expected a float, got nil"),
    (bool, A("yes"), "expected true or false, got yes"),
    (bool, 1, "expected true or false, got 1"),
    (None, A("undefined"), "expected nil, got undefined"),
    (str, A("ok"), "expected a binary in UTF-8, got ok"),
    (str, b"\xff", 'expected a binary in UTF-8, got <<"ÿ">>'),
    (str, [97], 'expected a binary in UTF-8, got "a"'),
    (bytes, A("ok"), "expected a binary, got ok"),
    (bytes, "\udc80", "expected a binary"),
    (Atom, b"ok", 'expected an atom, got <<"ok">>'),
    (Charlist, [97, -1], "expected a list of characters"),
    (Charlist, [1 << 40], "expected a list of characters"),
    (Charlist, [b"a"], "expected a list of characters"),
    (Pid, REF, "expected a pid"),
    (list[int], (1,), "expected a list, got {1}"),
    (list[int], [1, b"x"], '[1]: expected an integer, got <<"x">>'),
    (list[list[int]], [[1], [2, None]], "[1][1]: expected an integer, got nil"),
    (tuple[int, str], (1,), "expected a tuple of 2, got {1}"),
    (tuple[int, str], [1, b"x"], "expected a tuple of 2"),
    (tuple[int, str], (1, 2), "[1]: expected a binary in UTF-8, got 2"),
    (tuple[int, ...], [], "expected a tuple, got []"),
    (tuple[int, ...], (1, None), "[1]: expected an integer, got nil"),
    (dict[str, int], [], "expected a map, got []"),
    (dict[str, int], {b"a": None}, '["a"]: expected an integer, got nil'),
    (dict[str, int], {b"a": 1, 2: 3}, ".keys()[1]: expected a binary in UTF-8, got 2"),
    (dict[float, int], TermMap([(1, 2), (1.0, 3)]), "keys that Python keeps apart"),
    (dict, TermMap([(1, 2), (1.0, 3)]), "keys that Python keeps apart"),
    (dict[list[int], int], {(): 1}, ".keys()[0]: expected a list"),
    (dict[list[int], int], {FrozenList(): 1}, "a key that can be in a dict, got []"),
    (set[int], [1], "expected %MapSet{}, got"),
    (set[int], struct("MapSet", map=[]), "expected %MapSet{}"),
    (set[int], struct("MapSet", map={b"a": []}), ".members()[0]: expected an integer"),
    (set, struct("MapSet", map=TermMap([(1, []), (1.0, [])])), "Python keeps apart"),
    (Literal["asc", 1], A("des"), "expected asc or 1, got des"),
    (Literal[1], True, "expected 1, got true"),
    (Literal[1], [1], "expected 1, got"),
    (State, A("lost"), "expected open or closed or true or 7, got lost"),
    (int | None, b"x", 'expected an integer or nil, got <<"x">>'),
    (int | list[int], [b"x"], '[0]: expected an integer, got <<"x">>'),
    (list[int] | list[str], [None], "expected a list, got [nil]"),
    (Order | User, struct("Other"), "expected %Shop.Order{} or %Shop.User{}, got"),
    (Order | None, struct("Shop.Order", id=b"x"), "id: expected an integer"),
    (Line, (A("line"), A("a"), 1), "expected #line{}, got {line,a,1}"),
    (Line, (A("lime"), A("a"), 1, None), "expected #line{}"),
    (Line, (A("line"), 3, 1, None), "sku: expected an atom, got 3"),
    (Options, [(A("verbose"), True)], "timeout: expected an integer, got nothing"),
    (Options, [(b"timeout", 1)], "[0]: expected a pair with an atom, got"),
    (Options, [(A("timeout"), 1), (A("x"), 1)], "x: expected nothing, got 1"),
    (Tree, {A("value"): 1, A("children"): [{}]}, "children[0].value: expected an inte"),
    (Page[int], {A("items"): [b"a"]}, 'items[0]: expected an integer, got <<"a">>'),
    (Point, {}, "x: expected an integer, got nothing"),
    (Point, {A("x"): 1, A("z"): 1}, '["z"]: expected nothing, got 1'),
    (Point, {A("x"): 1, A("y"): None}, "y: expected a float, got nil"),
    (Money, (A("money"), b"5"), "expected what becomes Money, got"),
    (Money, 3, "expected what becomes Money, got 3"),
    (Tree, 5, "expected a map, got 5"),
    (Point, 5, "expected a map, got 5"),
    (TermMap, 5, "expected a map, got 5"),
    (Tree | Point | int, {A("no"): 1}, "expected a map or an integer, got"),
    (set[dict], struct("MapSet", map={TermMap(): []}), "what can be in a set"),
    (date, 5, "expected %Date{}, got 5"),
    (Order, (), "expected %Shop.Order{}, got {}"),
]


@pytest.mark.parametrize(
    ("annotation", "term", "value"), TAKEN, ids=[repr(row[:2])[:60] for row in TAKEN]
)
def test_a_term_becomes_what_the_annotation_says(
    annotation: Any, term: Any, value: Any
) -> None:
    made = etf.convert(term, annotation)
    assert type(made) is type(value)
    assert exactly(made, value) or made == value


@pytest.mark.parametrize(
    ("annotation", "term", "message"),
    REFUSED,
    ids=[repr(row[:2])[:60] for row in REFUSED],
)
def test_a_term_that_does_not_fit_is_refused_with_the_place(
    annotation: Any, term: Any, message: str
) -> None:
    with pytest.raises(MappingError) as caught:
        etf.convert(term, annotation)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "annotation",
    [complex, type, list[complex], dict[str, complex], "int", typing.Callable, 5],
    ids=repr,
)
def test_an_annotation_without_a_form_is_a_type_error(annotation: Any) -> None:
    with pytest.raises(TypeError, match="has no form in Erlang"):
        etf.convert(1, annotation)


def test_a_constant_that_is_no_plain_value_is_a_type_error() -> None:
    import enum

    odd = enum.Enum("odd", {"A": (1, 2)})
    with pytest.raises(TypeError, match="a constant is text or a plain value"):
        etf.loader(odd)


def test_an_annotation_that_names_nothing_is_a_type_error() -> None:
    from dataclasses import make_dataclass

    cls = make_dataclass("Lost", [("field", "NoSuchClass")])
    with pytest.raises(TypeError, match="Lost: name 'NoSuchClass' is not defined"):
        etf.convert({}, cls)


def test_the_error_carries_what_was_expected_and_what_came() -> None:
    with pytest.raises(MappingError) as caught:
        etf.convert(struct("Shop.Order", note=b""), Order)
    error = caught.value
    assert (error.path, error.expected, error.got) == ("id", "an integer", etf.NOTHING)
    assert str(error) == "id: expected an integer, got nothing"
    assert isinstance(error, etf.EtfError)


def test_the_error_survives_pickling_and_shows_no_more_than_a_line() -> None:
    import pickle

    error = MappingError("an atom", b"x" * 10_000, "a.b")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert len(str(error)) < 130
    missing = pickle.loads(pickle.dumps(MappingError("an atom")))
    assert missing.got is etf.NOTHING


def test_a_term_nested_deeper_than_python_goes_is_refused() -> None:
    term: Any = {A("value"): 1}
    for _ in range(5_000):
        term = {A("value"): 1, A("children"): [term]}
    with pytest.raises(MappingError, match="not so deep"):
        etf.convert(term, Tree)


def test_a_path_of_any_depth_is_cut() -> None:
    term: Any = {}
    for _ in range(150):
        term = {A("value"): 1, A("children"): [term]}
    with pytest.raises(MappingError) as caught:
        etf.convert(term, Tree)
    assert len(caught.value.path) <= 1000


def test_trying_one_after_the_other_ends_at_a_depth() -> None:
    from dataclasses import dataclass

    calls = 0

    class Fails:
        @classmethod
        def __from_etf__(cls, term: Any) -> Fails:
            nonlocal calls
            calls += 1
            raise ValueError

    @dataclass
    class Twin:
        inner: Any

    @dataclass
    class Other:
        inner: Any

    Twin.__annotations__["inner"] = Twin | Other | Fails
    Other.__annotations__["inner"] = Twin | Other | Fails
    term: Any = A("bottom")
    for _ in range(40):
        term = {A("inner"): term}
    with pytest.raises(MappingError):
        etf.convert(term, Twin)
    assert calls < 3**7


def test_a_loader_may_be_kept() -> None:
    load = etf.loader(list[Order])
    assert load([]) == []
    assert load([struct("Shop.Order", id=1, note=b"")]) == [Order(1, "")]
    assert math.isclose(etf.loader(float)(2), 2.0)


def test_what_the_checks_of_a_class_say_is_quoted_up_to_a_length() -> None:
    from dataclasses import dataclass

    @dataclass
    class Even:
        number: int

        def __post_init__(self) -> None:
            if self.number % 2:
                raise ValueError(f"{self.number} is odd" + "!" * 10_000)

    assert etf.convert({A("number"): 2}, Even) == Even(2)
    with pytest.raises(
        MappingError, match=r"a map that Even takes \(3 is odd!"
    ) as caught:
        etf.convert({A("number"): 3}, Even)
    assert len(str(caught.value)) < 400


def test_codecs_of_annotations_without_end_are_not_all_kept() -> None:
    assert etf.convert(1, int) == 1
    kept = annotations._kept[NO_CONVERTERS]
    for number in range(annotations.MAX_KEPT + 10):
        assert etf.convert(number, Literal[number]) == number  # type: ignore[valid-type]
        assert len(kept) <= annotations.MAX_KEPT
