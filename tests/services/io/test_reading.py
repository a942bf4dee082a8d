"""Taking input apart; expectations as OTP 25 has them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ergopy.services.io.fread import fread
from ergopy.services.io.reading import characters, encoded, line
from ergopy.services.io.scanning import tokens
from etf import Atom

A = Atom
EOF = A("eof")


def error(what: str) -> Any:
    return (A("error"), (A("fread"), A(what)))


def ok(*values: Any) -> Any:
    return (A("ok"), list(values))


def codes(text: str) -> list[int]:
    return list(map(ord, text))


FREAD = [
    ("~d", "42\n", ok(42), ""),
    ("~d ~d", "1\n  2 rest\n", ok(1, 2), " rest\n"),
    ("~d,~d", " -7,+8\n", ok(-7, 8), ""),
    ("~2d~d", "1234\n", ok(12, 34), ""),
    ("~*d ~d", "1 2\n", ok(2), ""),
    ("~f", "1.5e3\n", ok(1500.0), ""),
    ("~f", "1\n", error("float"), ""),
    ("~f", "1.0e999\n", error("float"), ""),
    ("~s ~s", "two words\n", ok(codes("two"), codes("words")), ""),
    ("~3s", "abcdef\n", ok(codes("abc")), "def\n"),
    ("~9s", "abc\n", error("string"), ""),
    ("~s", "\u0436\n", error("string"), ""),
    ("~ts", "\u0436\n", ok(codes("\u0436")), ""),
    ("~s", "a\u0436\n", ok(codes("a")), "\u0436\n"),
    ("~a", "foo bar\n", ok(A("foo")), " bar\n"),
    ("~a", "x" * 300 + "\n", error("atom"), ""),
    ("~c~2c", "abc\n", ok(codes("a"), codes("bc")), ""),
    ("~2c", "a\n", error("character"), ""),
    ("~u", "17\n", ok(17), ""),
    ("~16u", "fF\n", ok(255), ""),
    ("~u", "-1\n", error("unsigned"), ""),
    ("~1u", "1\n", error("format"), ""),
    ("~-~u", "-1\n", ok(-1, 1), ""),
    ("~-~u", "+1\n", ok(1, 1), ""),
    ("~-~u", "1\n", ok(1, 1), ""),
    ("~#", "16#ff\n", ok(255), ""),
    ("~#", "99#1\n", error("based"), ""),
    ("~#", "12\n", error("based"), ""),
    ("~d~l", "42\n", ok(42, 2), ""),
    ("a~~b", "a~b\n", ok(), ""),
    ("~~", "a\n", error("format"), ""),
    ("abc", "abd\n", error("input"), ""),
    ("~y", "a\n", error("format"), ""),
    ("~td", "1\n", error("format"), ""),
    ("~99999d", "1\n", error("format"), ""),
    ("~d", "x\n", error("integer"), ""),
    ("~d", "9" * 5000 + "\n", error("integer"), ""),
    ("~s", "a\r\nb", ok(codes("a")), "b"),
    ("", "abc\n", ok(), "abc\n"),
]


@pytest.mark.parametrize(("form", "given_", "reply", "left"), FREAD)
def test_input_is_read_by_a_format(
    form: str, given_: str, reply: Any, left: str
) -> None:
    assert fread(form, given_, at_end=False) == (reply, left)


def test_a_format_waits_for_lines_until_the_input_ends() -> None:
    assert fread("~d ~d", "1\n", at_end=False) is None
    assert fread("~d ~d", "1\n2", at_end=False) is None
    assert fread("~d ~d", "1\n2", at_end=True) == (ok(1, 2), "")
    assert fread("~d ~d", "1\n", at_end=True) == (error("input"), "")
    assert fread("~d", "", at_end=True) == (EOF, "")
    assert fread("~d", "  ", at_end=True) == (error("integer"), "")


def test_lines() -> None:
    assert line("a\nb\n", False) == ("a\n", "b\n")
    assert line("a\r\n", False) == ("a\n", "")
    assert line("a", False) is None
    assert line("a", True) == ("a", "")
    assert line("", True) == (EOF, "")


def test_characters() -> None:
    assert characters(2)("abc", False) == ("ab", "c")
    assert characters(0)("", False) == ("", "")
    assert characters(2)("a", False) is None
    assert characters(2)("a", True) == ("a", "")
    assert characters(2)("", True) == (EOF, "")


def test_a_reply_is_a_string_or_a_binary() -> None:
    euro = "\u20ac"
    assert encoded(euro, encoding="unicode", binary=False) == [0x20AC]
    assert encoded(euro, encoding="unicode", binary=True) == euro.encode()
    assert encoded("\xe9", encoding="latin1", binary=True) == b"\xe9"
    failure = (A("error"), (A("no_translation"), A("unicode"), A("latin1")))
    assert encoded(euro, encoding="latin1", binary=False) == failure
    assert encoded(EOF, encoding="unicode", binary=True) is EOF
    assert encoded((A("ok"), []), encoding="unicode", binary=True) == (A("ok"), [])


TOKENS = [
    ("a.\n", [(A("atom"), 1, A("a")), (A("dot"), 1)], 2),
    ("1\n.\n", [(A("integer"), 1, 1), (A("dot"), 2)], 3),
    ("'an atom'. ", [(A("atom"), 1, A("an atom")), (A("dot"), 1)], 1),
    ("X. ", [(A("var"), 1, A("X")), (A("dot"), 1)], 1),
    ("case. ", [(A("case"), 1), (A("dot"), 1)], 1),
    ("1.5e3. ", [(A("float"), 1, 1500.0), (A("dot"), 1)], 1),
    ("16#fF. ", [(A("integer"), 1, 255), (A("dot"), 1)], 1),
    ("1_000. ", [(A("integer"), 1, 1000), (A("dot"), 1)], 1),
    ("$a. ", [(A("char"), 1, 97), (A("dot"), 1)], 1),
    ("$\\n. ", [(A("char"), 1, 10), (A("dot"), 1)], 1),
    (
        '"a\\x{2603}\\"\\101". ',
        [(A("string"), 1, [97, 9731, 34, 65]), (A("dot"), 1)],
        1,
    ),
    ("% remark\na. ", [(A("atom"), 2, A("a")), (A("dot"), 2)], 2),
    ("=:= .\n", [(A("=:="), 1), (A("dot"), 1)], 2),
    (
        "{<<1>>}.\n",
        [
            *((A("{"), 1), (A("<<"), 1), (A("integer"), 1, 1)),
            *((A(">>"), 1), (A("}"), 1), (A("dot"), 1)),
        ],
        2,
    ),
]


@pytest.mark.parametrize(("text", "found", "end"), TOKENS)
def test_text_becomes_tokens(text: str, found: list[Any], end: int) -> None:
    assert tokens(text + "rest", False, 1) == ((A("ok"), found, end), "rest")


def test_columns_are_counted_as_well() -> None:
    taken = tokens("a\n b.\n", False, (1, 1))
    assert taken is not None
    found = [(A("atom"), (1, 1), A("a")), (A("atom"), (2, 2), A("b"))]
    assert taken[0] == (A("ok"), [*found, (A("dot"), (2, 3))], (3, 1))


@pytest.mark.parametrize("text", ["", "a", "a\n", '"a.\n', "'a. ", "{a", "a.", "$"])
def test_tokens_go_on_to_the_dot(text: str) -> None:
    assert tokens(text, False, 1) is None


def test_tokens_end_with_the_input() -> None:
    assert tokens("", True, 1) == ((EOF, 1), "")
    assert tokens("\n\n", True, 1) == ((EOF, 3), "")
    assert tokens("a", True, 1) == ((A("ok"), [(A("atom"), 1, A("a"))], 1), "")
    assert tokens("a.", True, 1) is not None


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("'" + "x" * 300 + "'. ", "atom"),
        ("1.0e999. ", "float"),
        ("99#1. ", "base"),
        ("2#9. ", "based"),
        ("9" * 5000 + ". ", "integer"),
        ("\u20ac. ", "character"),
        ('"\\x{FFFFFFF}". ', "character"),
    ],
)
def test_what_is_no_token_is_an_error_and_its_line_is_dropped(
    text: str, what: str
) -> None:
    reply = (A("error"), (1, A("erl_scan"), (A("illegal"), A(what))), 1)
    assert tokens(text + "\nrest", False, 1) == (reply, "rest")


@given(st.text(alphabet="aX'\"$\\.1#_ \n%{[<=x", max_size=12), st.booleans())
def test_any_text_is_tokens_or_an_error(text: str, at_end: bool) -> None:
    taken = tokens(text, at_end, 1)
    assert taken is not None or not at_end
    if taken is not None:
        assert text.endswith(taken[1])


@given(
    st.text(alphabet="~dsacfu#-l*12t \nx", max_size=10),
    st.text(alphabet="a1-+.#e \n~x", max_size=12),
)
def test_any_format_reads_or_fails(form: str, text: str) -> None:
    taken = fread(form, text, at_end=True)
    assert taken is not None
    assert text.endswith(taken[1])
