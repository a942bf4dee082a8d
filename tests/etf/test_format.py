"""Terms as text: what BEAM shells print, and where we print otherwise."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from etf import format as format_term
from tests.etf.strategies import encodable
from tests.etf.texts import TEXTS

FUN = Fun("m", 1, bytes(16), 3, 3, 7, Pid("a@h", 1, 2, 3))


class Colour(IntEnum):
    RED = 1


class Replaced:
    def __etf__(self) -> object:
        return Atom("ok")


class Counted(list[int]):
    """A list that counts how many of its items were looked at."""

    seen = 0

    def __iter__(self) -> Any:
        for item in super().__iter__():
            self.seen += 1
            yield item


@pytest.mark.parametrize(("term", "plain", "unicode", "elixir"), TEXTS)
def test_erlang_text_is_that_of_a_shell(
    term: Any, plain: str, unicode: str, elixir: str
) -> None:
    # Lists are read as in a plain shell, binaries as in one with +pc unicode.
    assert format_term(term) in (plain, unicode)


@pytest.mark.parametrize(("term", "plain", "unicode", "elixir"), TEXTS)
def test_elixir_text_is_that_of_inspect(
    term: Any, plain: str, unicode: str, elixir: str
) -> None:
    text = format_term(term, "elixir")
    if "~c" in text:
        # Elixir 1.14, which wrote the fixture, still prints charlists in quotes.
        assert "'" in elixir
    else:
        assert text == elixir


CASES = [
    (Atom("a b"), "'a b'", ':"a b"'),
    (Atom("nil"), "nil", "nil"),
    ("é", '<<"é"/utf8>>', '"é"'),
    ("привет", '<<"привет"/utf8>>', '"привет"'),
    ([1087, 1088], "[1087,1088]", "[1087, 1088]"),
    (b"\xe9", '<<"é">>', "<<233>>"),
    (b"\xef\xbf\xbe", "<<239,191,190>>", "<<239, 191, 190>>"),
    (bytearray(b"a"), '<<"a">>', '"a"'),
    (memoryview(b"ab")[::2], '<<"a">>', '"a"'),
    (Charlist("ab"), '"ab"', '~c"ab"'),
    (FrozenList([1, 2]), "[1,2]", "[1, 2]"),
    (FrozenList([Atom("a"), 1]), "[a,1]", "[:a, 1]"),
    ([FrozenList([Atom("a"), 1])], "[[a,1]]", "[[:a, 1]]"),
    ([True, 97], "[true,97]", "[true, 97]"),
    ([97.0], "[97.0]", "[97.0]"),
    (Colour.RED, "1", "1"),
    (ImproperList([1], Atom("x")), "[1|x]", "[1 | :x]"),
    (BitBinary(b"\x01\xa0", 3), "<<1,5:3>>", "<<1, 5::size(3)>>"),
    (TermMap([(1, 2), (1.0, 3)]), "#{1 => 2,1.0 => 3}", "%{1 => 2, 1.0 => 3}"),
    (Export("Elixir.Enum", "map", 2), "fun 'Elixir.Enum':map/2", "&Enum.map/2"),
    (Pid("a@h", 1, 2, 3), "<a@h.1.2>", "#PID<a@h.1.2>"),
    (Port("a@h", 5, 3), "#Port<a@h.5>", "#Port<a@h.5>"),
    (Reference("a@h", 3, (1, 2)), "#Ref<a@h.2.1>", "#Reference<a@h.2.1>"),
    (Pid("a\x1b@h", 1, 2, 3), "<a\\x{1B}@h.1.2>", "#PID<a\\x{1B}@h.1.2>"),
    (FUN, "#Fun<m.3.7>", "#Function<3.7/1 in :m>"),
    (LocalTerm(b"abc"), "#Local<3 bytes>", "#Local<3 bytes>"),
    (Replaced(), "ok", ":ok"),
    (object(), "#Python<builtins.object>", "#Python<builtins.object>"),
    (math.nan, "#Python<nan>", "#Python<nan>"),
    ("a\ud800", "<<97,237,160,128>>", "<<97, 237, 160, 128>>"),
]


@pytest.mark.parametrize(("term", "erlang", "elixir"), CASES)
def test_values_that_no_fixture_has(term: object, erlang: str, elixir: str) -> None:
    assert format_term(term) == erlang
    assert format_term(term, "elixir") == elixir


def test_a_terminal_gets_no_control_characters() -> None:
    text = "\x1b[31m\u202ered\u00a0\u2028"
    assert format_term(text) == r'<<"\e[31m\x{202E}red\x{A0}\x{2028}"/utf8>>'
    assert format_term(text, "elixir") == r'"\e[31m\u{202E}red\u{A0}\u{2028}"'


def test_a_number_too_long_for_decimal_is_written_in_base_16() -> None:
    number = -(1 << 40_000)
    assert format_term(number) == "-16#1" + "0" * 10_000
    assert format_term(number, "elixir") == "-0x1" + "0" * 10_000


def test_a_list_inside_itself_ends() -> None:
    term: list[Any] = [1]
    term += [term, [2], [2]]
    assert format_term(term) == "[1,...,[2],[2]]"


def test_the_same_list_twice_is_printed_twice() -> None:
    part = [1]
    assert format_term((part, part)) == "{[1],[1]}"


def test_nesting_costs_no_recursion() -> None:
    term: Any = ()
    for _ in range(20_000):
        term = (term,)
    assert format_term(term) == "{" * 20_001 + "}" * 20_001


@pytest.mark.parametrize(
    ("limit", "text"),
    [(0, ""), (2, ".."), (3, "..."), (5, "[1..."), (7, "[1,2..."), (9, "[1,2,300]")],
)
def test_text_past_the_limit_ends_in_dots(limit: int, text: str) -> None:
    assert format_term([1, 2, 300], limit=limit) == text


def test_what_the_limit_hides_is_not_looked_at() -> None:
    term = Counted([1000] * 100_000)
    text = format_term(term, limit=50)
    assert len(text) == 50
    assert term.seen < 200


@pytest.mark.parametrize("size", [40, 41, 42, 43])
def test_a_long_text_cut_inside_a_character_stays_text(size: int) -> None:
    text = format_term("é" * 1_000_000, limit=size)
    assert text == '<<"' + "é" * (size - 6) + "..."
    assert format_term("é".encode() * 1_000_000, "elixir", limit=size) == (
        '"' + "é" * (size - 4) + "..."
    )


def test_a_long_bit_string_is_cut() -> None:
    term = BitBinary(b"\1" * 100_000, 1)
    assert format_term(term, limit=10) == "<<1,1,1..."


def test_a_long_list_of_pairs_is_cut_as_keywords() -> None:
    term = [(Atom("a"), 1)] * 1_000
    assert format_term(term, "elixir", limit=12) == "[a: 1, a:..."


@pytest.mark.parametrize(("syntax", "limit"), [("json", None), ("erlang", -1)])
def test_a_wrong_argument_is_refused(syntax: Any, limit: int | None) -> None:
    with pytest.raises(ValueError, match=r"syntax is|limit is"):
        format_term(1, syntax, limit=limit)


@given(
    term=encodable(),
    syntax=st.sampled_from(["erlang", "elixir"]),
    limit=st.integers(0, 40),
)
def test_a_limit_only_cuts(term: Any, syntax: Any, limit: int) -> None:
    whole, cut = format_term(term, syntax), format_term(term, syntax, limit=limit)
    assert whole.isprintable()
    if len(whole) <= limit:
        assert cut == whole
    else:
        assert cut == (whole[: max(limit - 3, 0)] + "...")[:limit]
