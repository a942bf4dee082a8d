"""``io_lib:format``; expectations as OTP 25 prints them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ergopy.services.io.chars import text
from ergopy.services.io.formatting import MAX_WIDTH, render
from etf import Atom, Charlist, ImproperList

WORKS: list[tuple[str, list[Any], str]] = [
    ("plain", [], "plain"),
    ("", [], ""),
    ("a~nb~3nc", [], "a\nb\n\n\nc"),
    ("~~ ~3~", [], "~ ~~~"),
    ("~s", [b"abc"], "abc"),
    ("~s", [[97, b"b", [[99]]]], "abc"),
    ("~s", [Atom("an atom")], "an atom"),
    ("~s", [True], "true"),
    ("~ts", ["h\u00e9".encode()], "h\u00e9"),
    ("~ts", [[0x1F600]], "\U0001f600"),
    ("~5s|", [b"abc"], "  abc|"),
    ("~-5s|", [b"abc"], "abc  |"),
    ("~3s|", [b"abcdef"], "abc|"),
    ("~5.3s|", [b"abcdef"], "  abc|"),
    ("~-5.3s|", [b"abcdef"], "abc  |"),
    ("~5.3.*s|", [ord("x"), b"abcdef"], "xxabc|"),
    ("~.2s|", [b"abcdef"], "ab|"),
    ("~*s|", [4, b"ab"], "  ab|"),
    ("~*s|", [-4, b"ab"], "ab  |"),
    ("~p ~w", [Atom("a"), Atom("B")], "a 'B'"),
    ("~p", [(1, 2.5, b"x")], '{1,2.5,<<"x">>}'),
    ("~tp", [{Atom("k"): [1]}], "#{k => [1]}"),
    ("~6w|", [Atom("a")], "     a|"),
    ("~-6w|", [Atom("a")], "a     |"),
    ("~2w|", [12345], "**|"),
    ("~P ~W", [Atom("a"), 5, Atom("b"), 5], "a b"),
    ("~c~c", [97, 98], "ab"),
    ("~3c", [97], "aaa"),
    ("~5.2c|", [97], "   aa|"),
    ("~tc", [0x20AC], "\u20ac"),
    ("~b ~B", [12, -12], "12 -12"),
    ("~.16b ~.16B", [255, 255], "ff FF"),
    ("~.2b", [-5], "-101"),
    ("~5.10.0B", [42], "00042"),
    ("~4..0b", [7], "0007"),
    ("~.16# ~.16+", [255, 255], "16#FF 16#ff"),
    ("~#", [-10], "-10#10"),
    ("~.16x", [255, [48, 120]], "0xff"),
    ("~.16X", [-255, Atom("0x")], "-0xFF"),
    ("~f", [1.5], "1.500000"),
    ("~.2f", [3.14159], "3.14"),
    ("~8.2f|", [3.14159], "    3.14|"),
    ("~.3e", [12345.678], "1.23e+4"),
    ("~e", [0.00012], "1.20000e-4"),
    ("~g", [12.5], "12.5000"),
    ("~g", [0.5], "0.500000"),
    ("~g", [0.0], "0.00000e+0"),
    ("~2f|", [1.5], "**|"),
    ("~20p|", [Atom("abc")], "abc|"),
    ("~g", [1.0e10], "1.00000e+10"),
    ("~i~s", [1, b"kept"], "kept"),
    ("~b items", [3], "3 items"),
]


@pytest.mark.parametrize(("form", "arguments", "expected"), WORKS)
def test_a_directive_prints_what_the_beam_prints(
    form: str, arguments: list[Any], expected: str
) -> None:
    for shape in (form.encode(), list(map(ord, form)), Atom(form)):
        assert render(shape, arguments) == expected


FAILS: list[tuple[Any, list[Any]]] = [
    (b"~", []),
    (b"~y", [1]),
    (b"~s", []),
    (b"~s", [1]),
    (b"~s", [(1,)]),
    (b"no place", [1]),
    (b"~c", [b"a"]),
    (b"~tc", [-1]),
    (b"~b", [1.5]),
    (b"~b", [True]),
    (b"~.1b", [5]),
    (b"~.37b", [5]),
    (b"~f", [b"1"]),
    (b"~f", [1]),
    (b"~.0f", [2.5]),
    (b"~.1e", [2.5]),
    (b"~*s", [b"x", b"y"]),
    (b"~W", [1]),
    (b"~.16x", [255]),
    (1, []),
    ((1,), []),
    (f"~{MAX_WIDTH + 1}s".encode(), [b"x"]),
    (f"~{MAX_WIDTH + 1}c".encode(), [97]),
    (b"~99999999999n", []),
]


@pytest.mark.parametrize(("form", "arguments"), FAILS)
def test_a_format_that_does_not_fit_its_arguments_fails(
    form: Any, arguments: list[Any]
) -> None:
    assert render(form, arguments) is None


@pytest.mark.parametrize(
    ("characters", "expected"),
    [
        (b"", ""),
        ([], ""),
        (b"abc", "abc"),
        ([97, [98, [b"c"]], b"d"], "abcd"),
        (ImproperList([97], b"tail"), "atail"),
        ("\u20ac".encode(), "\u20ac"),
        (b"\xff", "\ufffd"),
        ([0x110000], None),
        ([-1], None),
        ([True], None),
        (97, None),
        (Atom("atom"), None),
        ([Atom("atom")], None),
        ([1.5], None),
        ((1,), None),
        (None, None),
        ({}, None),
    ],
)
def test_chardata_is_flattened(characters: Any, expected: str | None) -> None:
    assert text(characters) == expected


def test_latin1_bytes_are_characters() -> None:
    assert text(b"\xe9", "latin-1") == "\u00e9"


def test_deep_chardata_needs_no_stack() -> None:
    deep: Any = b"x"
    for _ in range(100_000):
        deep = [deep]
    assert text(deep) == "x"


terms = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.binary(max_size=5),
    st.lists(st.integers(0, 300), max_size=4),
    st.sampled_from([Atom("a"), True, None, (1,), Charlist("c")]),
)


@given(st.text(alphabet="~spwbBcfegnixX#+*.0123-t a", max_size=12), st.lists(terms))
def test_any_format_is_rendered_or_refused(form: str, arguments: list[Any]) -> None:
    before = list(arguments)
    result = render(form.encode(), arguments)
    assert result is None or isinstance(result, str)
    assert arguments == before
