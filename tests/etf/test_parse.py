"""Text to terms, in Erlang, in Elixir and in either."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import etf._parse
from etf import (
    Atom,
    BitBinary,
    Export,
    FrozenList,
    ImproperList,
    ParseError,
    TermMap,
    parse,
    same,
)
from etf import format as format_term
from tests.etf.exact import exactly
from tests.etf.strategies import encodable, terms
from tests.etf.texts import TEXTS

SYNTAX = st.sampled_from(["erlang", "elixir"])

ok, a, b = Atom("ok"), Atom("a"), Atom("b")

ERLANG = [
    ("{ok, 'A b', \"abc\"}.", (ok, Atom("A b"), [97, 98, 99])),
    ("[a|b]", ImproperList([a], b)),
    ("[a|[b]]", [a, b]),
    ("[a|[b|1]]", ImproperList([a, b], 1)),
    ('[1|"a"]', [1, 97]),
    ("#{a=>1, [1]=>#{}}", {a: 1, FrozenList([1]): {}}),
    ('#{"a" => 1}', {FrozenList([97]): 1}),
    ("#{#{a=>[1]}=>a}", {TermMap([(a, FrozenList([1]))]): a}),
    ("#{[1|2]=>a}", {ImproperList((1,), 2): a}),
    ("#{1=>a,1.0=>b}", TermMap([(1, a), (1.0, b)])),
    ("fun lists:map/2", Export("lists", "map", 2)),
    ("fun 'A b' : 'C' / 0", Export("A b", "C", 0)),
    ("16#fF", 255),
    ("-16#ff", -255),
    ("1_000", 1000),
    ("+5", 5),
    ("-0.0", -0.0),
    ("1.5e-3", 0.0015),
    ("[$a, $\\n, $\\x{410}, $\\s, $']", [97, 10, 0x410, 32, 39]),
    ("% one\n{a, % two\n b}", (a, b)),
    ("'nil'", None),
    ("[true,false,nil,undefined]", [True, False, None, Atom("undefined")]),
    ('"a\\x{410}\\x41\\101\\^a\\d\\q"', [97, 0x410, 65, 65, 1, 127, 113]),
    ('<<"é">>', b"\xe9"),
    ('<<"é"/utf8>>', "é".encode()),
    ("<<1,2,5:3>>", BitBinary(b"\x01\x02\xa0", 3)),
    ('<<1:4,"a",15:4>>', b"\x16\x1f"),
    ("<<300, -1, 7/integer, 0:0>>", b",\xff\x07"),
    ("<<258:16>>", b"\x01\x02"),
    ("éa", Atom("éa")),
    ("''", Atom("")),
    ("{}", ()),
    ("[]", []),
    ('""', []),
    ("#{}", {}),
    ("<<>>", b""),
]
ELIXIR = [
    (":ok", ok),
    (':"a b"', Atom("a b")),
    (":foo?", Atom("foo?")),
    (":..//", Atom("..//")),
    ("Foo.Bar", Atom("Elixir.Foo.Bar")),
    ("Elixir.Foo", Atom("Elixir.Foo")),
    ("Elixir", Atom("Elixir")),
    ("[nil, true, false, :nil]", [None, True, False, None]),
    ("[a: 1, b: 2]", [(a, 1), (b, 2)]),
    ("[1, a: 2]", [1, (a, 2)]),
    ('[+: 1, {}: 2, "a b": 3]', [(Atom("+"), 1), (Atom("{}"), 2), (Atom("a b"), 3)]),
    ('%{a: 1, "k" => 2}', {a: 1, b"k": 2}),
    ('%{"k" => 2, a: 1}', TermMap([(b"k", 2), (a, 1)])),
    ("%{[a: 1] => 2}", {FrozenList([(a, 1)]): 2}),
    ("%{~c\"a\" => 2, 'b' => 3}", {FrozenList([97]): 2, FrozenList([98]): 3}),
    (
        "%Foo.Bar{a: 1}",
        {Atom("__struct__"): Atom("Elixir.Foo.Bar"), a: 1},
    ),
    ("%Foo{}", {Atom("__struct__"): Atom("Elixir.Foo")}),
    ("'abc'", [97, 98, 99]),
    ("~c'a\\'b'", [97, 39, 98]),
    ('~c"é"', [233]),
    ('"a\\#{b}\\u00e9\\u{1F600}\\xff\\\nc"', "a#{b}é😀".encode() + b"\xffc"),
    ('"a\nb"', b"a\nb"),
    ('<<"é", 1>>', "é".encode() + b"\1"),
    ("<<1, 2, 5::3>>", BitBinary(b"\x01\x02\xa0", 3)),
    ('<<5::size(3), "é"::utf8, "a"::binary, 0::5>>', b"\xb8u, "),
    ("[?a, ?\\n, ?\\xff, ?é]", [97, 10, 255, 233]),
    ("&Enum.map/2", Export("Elixir.Enum", "map", 2)),
    ("&:lists.map/2", Export("lists", "map", 2)),
    ('&:"A b"."C d"/0', Export("A b", "C d", 0)),
    ("&Foo.+/2", Export("Elixir.Foo", "+", 2)),
    ("[1 | 2]", ImproperList([1], 2)),
    ("[0xff, 0b11, -0o17, 1_000]", [255, 3, -15, 1000]),
    ("# one\n{:a, # two\n :b}", (a, b)),
]
EITHER = [
    ('"abc"', b"abc"),
    ("'abc'", Atom("abc")),
    ("abc", Atom("abc")),
    ("Abc", Atom("Elixir.Abc")),
    ("{ok, :ok}.", (ok, ok)),
    ("#{a => %{b: 1}} % end", {a: {b: 1}}),
    ("16#ff # end", 255),
    ("[$a, ?a]", [97, 97]),
    ("[<<5:3>>, <<5::3>>]", [BitBinary(b"\xa0", 3)] * 2),
    ("[fun m:f/1, &:m.f/1]", [Export("m", "f", 1)] * 2),
    ("{ok, [a: 1]}", (ok, [(a, 1)])),
]
CASES = [
    *[("erlang", *case) for case in ERLANG],
    *[("elixir", *case) for case in ELIXIR],
    *[(None, *case) for case in EITHER],
]


@pytest.mark.parametrize(("syntax", "text", "term"), CASES)
def test_text_is_read_as_the_term_it_stands_for(
    syntax: Any, text: str, term: object
) -> None:
    assert same(parse(text, syntax), term)


@pytest.mark.parametrize(("term", "plain", "unicode", "elixir"), TEXTS)
def test_what_a_shell_printed_is_read_back(
    term: Any, plain: str, unicode: str, elixir: str
) -> None:
    assert exactly(parse(plain, "erlang"), term)
    assert exactly(parse(unicode, "erlang"), term)
    assert exactly(parse(elixir, "elixir"), term)


WRONG = [
    ("erlang", "", 0, "no term"),
    ("erlang", "{a, ", 4, "not complete"),
    ("erlang", "{a", 2, "} is missing"),
    ("erlang", "{a]", 2, "expected }"),
    ("erlang", "{a}}", 3, "unexpected }"),
    ("erlang", "{a,}", 3, "expected a value"),
    ("erlang", "a, b", 1, "one term is enough"),
    ("erlang", "a b", 2, "expected the end, not b"),
    ("erlang", "a. b", 3, "nothing may follow"),
    ("erlang", "{a. }", 2, "expected , or }"),
    ("erlang", "Foo", 0, "Foo is a variable"),
    ("erlang", "[case]", 1, "write 'case'"),
    ("erlang", "fun case:a/1", 0, "reserved word"),
    ("erlang", "fun a:b/256", 0, "at most 255 arguments"),
    ("erlang", "'abc", 0, "closing quote"),
    ("erlang", f"'{'a' * 256}'", 0, "255"),
    ("erlang", '["a\\x{110000}"]', 3, "not a character"),
    ("erlang", "$\\x{D800}", 0, "not a character"),
    ("erlang", "[1.0e999]", 1, "too large"),
    ("erlang", "99#1", 0, "2 to 36"),
    ("erlang", "2#3", 0, "not a number in base 2"),
    ("erlang", "1" * 5_000, 0, "base 16"),
    ("erlang", "<0.1.2>", 0, "no source form"),
    ("erlang", "{#Ref<0.1.2.3>}", 1, "no source form"),
    ("erlang", "[1|2|3]", 4, "one tail"),
    ("erlang", "[1|2,3]", 4, "the tail ends"),
    ("erlang", "{1|2}", 2, "tail of a list"),
    ("erlang", "[1=>2]", 2, "in a map"),
    ("erlang", "#{a}", 3, "expected =>"),
    ("erlang", "#{a, b}", 3, "expected =>"),
    ("erlang", "#{a=>1=>2}", 6, "expected , or }"),
    ("erlang", "#{a=>1,a=>2}", 7, "there already"),
    ("erlang", "[1:2]", 2, "in <<..>>"),
    ("erlang", "<<a>>", 2, "integers and text"),
    ("erlang", "<<1.0>>", 2, "integers and text"),
    ("erlang", "<<1:2:3>>", 5, "one size or type"),
    ("erlang", "<<1/utf16>>", 3, "unknown type utf16"),
    ("erlang", '<<"a"/float>>', 5, "unknown type float"),
    ("erlang", '<<"\\x{400}">>', 11, "/utf8"),
    ("erlang", "<<1:999999999>>", 3, "more than"),
    ("erlang", "\ud800", 0, "surrogate"),
    ("erlang", "~", 0, "unexpected character '~'"),
    ("erlang", "#{a=>1:2}", 6, "in <<..>>"),
    ("elixir", '<<"a"::size(8)>>', 5, "unknown type 8"),
    ("elixir", "foo", 0, "write :foo"),
    ("elixir", '"a#{b}"', 2, "\\#{"),
    ("elixir", '"a\\u12"', 2, "hexadecimal"),
    ("elixir", ':"\\xff"', 0, "UTF-8"),
    ("elixir", "[a: b: 1]", 4, "expected a value"),
    ("elixir", "%{a: b: 1}", 5, "expected a value"),
    ("elixir", "[a: 1, 2]", 7, "keywords come last"),
    ("elixir", "[a: ]", 4, "expected a value"),
    ("elixir", "{a: 1}", 1, "a keyword stands in"),
    ("elixir", "#PID<0.1.2>", 0, "no source form"),
    ("elixir", "%Foo{__struct__: Foo}", 5, "there already"),
    (None, "_a", 0, "variable"),
]


@pytest.mark.parametrize(("syntax", "text", "position", "problem"), WRONG)
def test_what_is_wrong_is_told_with_its_place(
    syntax: Any, text: str, position: int, problem: str
) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text, syntax)
    assert problem in caught.value.problem
    assert caught.value.position == position


def test_an_error_shows_its_line_with_a_caret() -> None:
    with pytest.raises(ParseError) as caught:
        parse("{a,\n \x1b[Foo]}", "erlang")
    assert str(caught.value).splitlines() == [
        "unexpected character '\\x1b' (line 2, column 2)",
        "   ?[Foo]}",
        "   ^",
    ]


def test_an_error_far_into_a_line_shows_only_its_surroundings() -> None:
    with pytest.raises(ParseError) as caught:
        parse("[" + "1, " * 1_000 + "Foo]", "erlang")
    line, caret = str(caught.value).splitlines()[1:]
    assert len(line) < 80
    assert line[caret.index("^") :].startswith("Foo]")


def test_an_error_can_be_pickled() -> None:
    with pytest.raises(ParseError) as caught:
        parse("{", "erlang")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_nesting_is_bounded_without_recursion() -> None:
    depth = etf._parse.MAX_DEPTH
    deep = parse("[" * depth + "]" * depth)
    assert format_term(deep) == "[" * depth + "]" * depth
    with pytest.raises(ParseError, match="deeper"):
        parse("[" * (depth + 1))


def test_maps_in_keys_of_maps_cost_no_recursion() -> None:
    text = "#{" * 3_000 + "a=>1}" + "=>1}" * 2_999
    assert parse(text)


@pytest.mark.parametrize("deep", [0, 3_000])
def test_keys_of_one_hash_stay_apart(deep: int) -> None:
    assert hash(-1) == hash(-2)
    keys = ["{" * deep + number + "}" * deep for number in ("-1", "-2")]
    assert len(parse(f"#{{{keys[0]} => 1, {keys[1]} => 2}}")) == 2
    # python -bb minds these.
    assert len(parse('#{<<"a">> => 1, a => 2, <<>> => 3, 0 => 4}')) == 4


def test_a_text_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etf._parse, "MAX_TEXT", 10)
    assert parse("1" * 10) == 1111111111
    with pytest.raises(ParseError, match="longer than 10"):
        parse("1" * 11)


def test_an_unknown_syntax_is_refused() -> None:
    with pytest.raises(ValueError, match="syntax is"):
        parse("1", "json")  # type: ignore[arg-type]


def has_source(term: Any) -> bool:
    text = format_term(term)
    return not any(mark in text for mark in ("@", "#Ref<", "#Port<", "#Fun<", "<true."))


@given(term=terms().filter(has_source), syntax=SYNTAX)
def test_reading_undoes_printing(term: Any, syntax: Any) -> None:
    assert exactly(parse(format_term(term, syntax), syntax), term)


@given(term=encodable().filter(has_source), syntax=SYNTAX)
def test_reading_gives_the_same_term_whatever_class_held_it(
    term: Any, syntax: Any
) -> None:
    assert same(parse(format_term(term, syntax), syntax), term)


def refused(text: str, syntax: Any) -> ParseError | None:
    try:
        parse(text, syntax)
    except ParseError as error:
        return error
    return None


@given(text=st.text(), syntax=st.sampled_from(["erlang", "elixir", None]))
def test_any_text_is_read_or_refused(text: str, syntax: Any) -> None:
    error = refused(text, syntax)
    assert error is None or 0 <= error.position <= len(text)
    assert error is None or str(error)


@given(
    term=encodable(),
    syntax=SYNTAX,
    reader=st.sampled_from(["erlang", "elixir", None]),
    data=st.data(),
)
def test_damaged_source_is_read_or_refused(
    term: Any, syntax: Any, reader: Any, data: Any
) -> None:
    text = format_term(term, syntax)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    text = text[:start] + data.draw(st.text(max_size=2)) + text[end:]
    error = refused(text, reader)
    assert error is None or 0 <= error.position <= len(text)
