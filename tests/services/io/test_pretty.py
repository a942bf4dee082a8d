"""Terms on many lines: as OTP 25 has printed them, and what is not for any BEAM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import etf
from ergopy.services.io import formatting, measuring, pretty
from ergopy.services.io.formatting import column_after, render
from ergopy.services.io.writing import write
from etf import Atom, BitBinary, Charlist, FrozenList, ImproperList, TermMap

DATA = Path(__file__).parents[2] / "data" / "io" / "formats.bin"
CASES: list[tuple[bytes, list[Any], Any]] = etf.decode(DATA.read_bytes())


def test_a_beam_has_printed_the_same() -> None:
    assert len(CASES) > 200
    assert sum(text != "failed" and 10 in text for _, _, text in CASES) > 20
    for form, arguments, characters in CASES:
        expected = None if characters == "failed" else "".join(map(chr, characters))
        assert render(form, arguments) == expected, (form, arguments)


def shown(term: Any, **options: Any) -> str:
    return pretty.pretty(term, **options)


def test_values_of_python_are_terms() -> None:
    assert shown([True, None, Charlist("ab"), "\u20ac"]) == (
        '[true,nil,"ab",<<226,130,172>>]'
    )
    assert shown((FrozenList((1, 300)), bytearray(b"x"), memoryview(b"y"))) == (
        '{[1,300],<<"x">>,<<"y">>}'
    )
    assert shown(TermMap([([1], 2)])) == "#{[1] => 2}"
    assert shown(BitBinary(b"\xa0", 3)) == "<<5:3>>"
    assert shown({object: 1}).startswith("#{#Python<")
    assert write([True, None, Charlist("ab"), object()]).startswith(
        "[true,nil,[97,98],#Python<"
    )


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (0, "..."),
        (1, "[...]"),
        (2, "[1|...]"),
        (3, "[1,{...}|...]"),
        (5, '[1,{a,b,...},"text"|tail]'),
        (-1, '[1,{a,b,c},"text"|tail]'),
    ],
)
def test_depth_cuts(depth: int, expected: str) -> None:
    inner = (Atom("a"), Atom("b"), Atom("c"))
    term = ImproperList([1, inner, [*b"text"]], Atom("tail"))
    assert shown(term, depth=depth) == expected


def test_without_strings_there_are_numbers() -> None:
    assert shown([[97], b"b"], strings=False) == "[[97],<<98>>]"


def test_width_0_is_one_line() -> None:
    assert "\n" not in shown([list(range(300, 400))] * 3, width=0)
    assert "\n" in shown([list(range(300, 400))] * 3)


def nested(levels: int, bottom: Any = 1) -> Any:
    for _ in range(levels):
        bottom = [bottom]
    return bottom


def test_deep_terms_need_no_stack() -> None:
    deep = nested(50_000, (Atom("a"), 2))
    for form in (b"~p", b"~tp", b"~P", b"~w", b"~W"):
        rendered = render(form, [deep, -1] if form in (b"~P", b"~W") else [deep])
        assert rendered is not None
        assert rendered.count("[") == 50_000
    assert render(b"~P", [deep, 4]) == "[[[[...]]]]"
    assert render(b"~W", [deep, 4]) == "[[[[...]]]]"


def test_a_list_inside_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert render(b"~w", [endless]) is None


def test_a_long_term_is_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    term = [list(range(300, 330))] * 4
    assert "\n" in shown(term)
    monkeypatch.setattr(pretty, "MAX_LENGTH", 100)
    assert "\n" not in shown(term)


def test_a_term_of_many_parts_is_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "MAX_PIECES", 50)
    assert "\n" in shown([list(range(300, 340))])
    assert "\n" not in shown([list(range(300, 360))])


def test_long_lists_of_integers_are_written_at_once() -> None:
    assert write([*range(9)]) == "[0,1,2,3,4,5,6,7,8]"
    assert write([*range(9)], 3) == "[0,1|...]"
    assert write([*range(8), True]) == "[0,1,2,3,4,5,6,7,true]"
    assert write([1 << 40_000, *range(9)]).startswith("[16#1000")


def test_a_format_may_not_become_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    assert render(b"~s~s", [b"12345"] * 2, limit=9) is None
    assert render(b"~s~s", [b"12345"] * 2, limit=10) == "1234512345"
    assert render(b"~10000c" * 2000, [97] * 2000) is None
    monkeypatch.setattr(formatting, "MAX_TEXT", 10)
    assert render(b"~w", [b"12345"]) is None


def test_maps_are_put_in_order_if_wanted() -> None:
    term = {3: Atom("c"), 1: {2: 1, 1: 2}, Atom("a"): 1}
    assert render(b"~w", [term]) == "#{3 => c,1 => #{2 => 1,1 => 2},a => 1}"
    ordered = "#{1 => #{1 => 2,2 => 1},3 => c,a => 1}"
    assert render(b"~kw", [term]) == ordered
    assert render(b"~kp", [term]) == ordered
    assert render(b"~Kw", [Atom("ordered"), term]) == ordered
    backwards = "#{a => 1,3 => c,1 => #{2 => 1,1 => 2}}"
    assert render(b"~Kw", [Atom("reversed"), term]) == backwards
    assert render(b"~Kw", [Atom("sideways"), term]) is None
    assert render(b"~kw", [nested(1000)]) is None


@pytest.mark.parametrize(
    ("text", "column"),
    [("", 0), ("abc", 3), ("a\n", 0), ("a\nbc", 2), ("\t", 8), ("ab\tc\t", 16)],
)
def test_columns_count_lines_and_tabs(text: str, column: int) -> None:
    assert column_after(text) == column


terms = st.recursive(
    st.integers()
    | st.binary(max_size=30)
    | st.sampled_from([Atom("a"), Atom("it's"), (), [], {}, None])
    | st.lists(st.integers(32, 126), max_size=30),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.lists(inner, max_size=4).map(lambda parts: dict(enumerate(parts)))
        | st.builds(ImproperList, st.lists(inner, min_size=1, max_size=3), st.just(1.5))
    ),
    max_leaves=40,
)


@given(terms, st.integers(1, 120), st.integers(1, 120))
def test_what_is_printed_reads_back(term: Any, column: int, width: int) -> None:
    written = shown(term, column=column, width=width)
    again = etf.parse(written, "erlang")
    assert etf.format(again) == etf.format(term)
    assert etf.same(etf.parse(write(term), "erlang"), again)
