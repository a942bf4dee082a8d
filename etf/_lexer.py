"""Source text to tokens, for Erlang and for Elixir.

A scalar is one token with its value, also where the language has several: ``-1``,
``fun m:f/1``, ``&Mod.fun/1``. Text in double quotes is a ``str`` of characters in
Erlang and UTF-8 ``bytes`` in Elixir, and stays that way for the parser to place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

from . import _literals as literals
from ._errors import EtfError
from ._syntax import (
    ELIXIR,
    ELIXIR_ALIAS,
    ELIXIR_FUNCTION_OPERATORS,
    ELIXIR_NAME,
    ELIXIR_OPERATORS,
    ERLANG,
    ERLANG_ATOM,
    Syntax,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_EXCERPT: Final = 72


@final
class ParseError(EtfError):
    """Text that is not a term in Erlang or Elixir syntax.

    ``str()`` shows the line with a caret under the place.

    Attributes:
        problem: What is wrong and, where it helps, what to write instead.
        text: All of the text.
        position: The index in it of the first character that does not fit.
    """

    def __init__(self, problem: str, text: str, position: int) -> None:
        super().__init__(problem, text, position)
        self.problem = problem
        self.text = text
        self.position = position

    def __str__(self) -> str:
        start = self.text.rfind("\n", 0, self.position) + 1
        line = self.text.count("\n", 0, start) + 1
        shown_from = max(start, self.position - _EXCERPT // 2)
        shown = self.text[shown_from : shown_from + _EXCERPT].partition("\n")[0]
        shown = "".join([char if char.isprintable() else "?" for char in shown])
        caret = " " * (self.position - shown_from) + "^"
        where = f"line {line}, column {self.position - start + 1}"
        return f"{self.problem} ({where})\n  {shown}\n  {caret}"


class Token(NamedTuple):
    """A word of source text, of a kind that decides where it can stand."""

    kind: str
    value: Any
    text: str
    position: int


class _Rule(NamedTuple):
    kind: str
    pattern: str
    read: Callable[[str], Any] = str


def _either(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


# An atomic group: no second try at a long text whose closing quote is missing.
_DOUBLE = r'(?>"[^"\\]*(?:\\.[^"\\]*)*")'
_SINGLE = r"(?>'[^'\\]*(?:\\.[^'\\]*)*')"
_DIGITS = r"\d+(?:_\d+)*"
_ERLANG_NAME = rf"{ERLANG_ATOM}|{_SINGLE}"
_ELIXIR_PLAIN = rf"{_either(ELIXIR_OPERATORS)}|{ELIXIR_NAME}"
_fun = re.compile(
    rf"fun\s+({_ERLANG_NAME})\s*:\s*({_ERLANG_NAME})\s*/\s*(\d{{1,9}})", re.DOTALL
)
_capture = re.compile(
    rf"&({ELIXIR_ALIAS}|:(?:{_ELIXIR_PLAIN}|{_DOUBLE}))"
    rf"\.({_either(ELIXIR_FUNCTION_OPERATORS)}|{ELIXIR_NAME}|{_DOUBLE})/(\d{{1,9}})",
    re.DOTALL,
)
_number = re.compile(r"\d+")
_name = re.compile(r"[a-z]\w*")


def _function(
    pattern: re.Pattern[str], module: Callable[[str], Any], name: Callable[[str], Any]
) -> _Rule:
    """Make the rule of functions of a module, from how one says the two names."""

    def read(text: str) -> Any:
        found = pattern.fullmatch(text)
        assert found is not None
        said_module, said_name, arity = found.groups()
        return literals.function(module(said_module), name(said_name), arity)

    return _Rule("value", pattern.pattern, read)


def _read_segment(text: str) -> int | str:
    """Give the size or the type of a part of a binary: ``:3``, ``::utf8``."""
    number = _number.search(text)
    if number is not None and "utf" not in text:
        return int(number[0][:10])
    name = _name.search(text)
    return name[0] if name is not None else ""


_ALL = [
    _Rule("space", r"\s+"),
    _Rule(
        "opaque",
        r"#(?:PID|Ref|Reference|Port|Fun|Function|Local|Python)<|<[^<>\s,]*\.\d+\.\d+>",
        literals.opaque,
    ),
    _Rule("value", rf"[+-]?{_DIGITS}\.{_DIGITS}(?:[eE][+-]?\d+)?", literals.floating),
]
_NUMBER = _Rule("value", rf"[+-]?{_DIGITS}", literals.integer)
_PUNCTUATION = [
    _Rule("open", r"<<|[\[{]"),
    _Rule("close", r">>|[\]}]"),
    _Rule("comma", ","),
    _Rule("arrow", "=>"),
    _Rule("bar", r"\|"),
]
_ERLANG_VALUES = [
    _Rule("value", r"[+-]?\d\d?#\w+", literals.erlang_based),
    _Rule("value", rf"\$(?:{literals.ERLANG_ESCAPE}|[^\\])", literals.erlang_char),
    _function(_fun, literals.erlang_name, literals.erlang_name),
    _Rule("value", _ERLANG_NAME, literals.erlang_word),
    _Rule("open", r"#\{"),
    _Rule("segment", r":\s*\d+|/\s*[a-z]\w*", _read_segment),
    _Rule("dot", r"\.(?=\s|%|\Z)"),
]
_ELIXIR_VALUES = [
    _Rule("key", rf"(?:{_ELIXIR_PLAIN}|{_DOUBLE}):(?=\s)", literals.elixir_key),
    _Rule("value", r"[+-]?0(?:x[\da-fA-F_]+|o[0-7_]+|b[01_]+)", literals.elixir_based),
    _Rule("value", rf"\?(?:{literals.ELIXIR_ESCAPE}|[^\\])", literals.elixir_char),
    _function(_capture, literals.elixir_module, literals.elixir_name),
    _Rule("value", rf"~c(?:{_DOUBLE}|{_SINGLE})", literals.elixir_charlist),
    _Rule("text", _DOUBLE, literals.elixir_text),
    _Rule("segment", r"::\s*(?:size\(\s*\d+\s*\)|\w+)", _read_segment),
    _Rule("value", rf":(?:{_ELIXIR_PLAIN}|{_DOUBLE}|{_SINGLE})", literals.elixir_atom),
    _Rule("open", rf"%(?:{ELIXIR_ALIAS})?\{{"),
    _Rule("value", ELIXIR_ALIAS, literals.alias),
]
_VARIABLE = _Rule("variable", r"[^\W\d]\w*", literals.variable)

# Where both languages are read, what means one thing in each has one of the two
# meanings; ``parse`` documents which.
_RULES: Final[dict[str | None, list[_Rule]]] = {
    ERLANG: [
        *_ALL,
        _Rule("space", r"%[^\n]*"),
        _Rule("text", _DOUBLE, literals.erlang_text),
        *_ERLANG_VALUES,
        _VARIABLE,
    ],
    ELIXIR: [
        *_ALL,
        *_ELIXIR_VALUES,
        _Rule("space", r"#(?!\{)[^\n]*"),
        _Rule("value", _SINGLE, literals.elixir_charlist),
        _Rule("value", ELIXIR_NAME, literals.elixir_word),
    ],
    None: [
        *_ALL,
        *_ELIXIR_VALUES,
        _Rule("space", r"[%#](?!\{)[^\n]*"),
        *_ERLANG_VALUES,
        _VARIABLE,
    ],
}


class _Lexer:
    """The rules of one language as one pattern, whose groups are named by number."""

    def __init__(self, rules: list[_Rule]) -> None:
        self.rules = rules = [*rules, _NUMBER, *_PUNCTUATION]
        groups = [f"(?P<_{i}>{rule.pattern})" for i, rule in enumerate(rules)]
        self.match = re.compile("|".join(groups), re.DOTALL).match

    def rule(self, group: str | None) -> _Rule:
        assert group is not None
        return self.rules[int(group[1:])]


_LEXERS: Final = {syntax: _Lexer(rules) for syntax, rules in _RULES.items()}


def tokens(text: str, syntax: Syntax | None) -> Iterator[Token]:
    """Cut text into tokens, the last of which is of kind ``end``.

    Raises:
        ParseError: There is something that is no token of the language.
    """
    lexer, position = _LEXERS[syntax], 0
    while position < len(text):
        found = lexer.match(text, position)
        if found is None:
            raise ParseError(_no_token(text[position]), text, position)
        rule, word = lexer.rule(found.lastgroup), found.group()
        if rule.kind != "space":
            try:
                value = rule.read(word)
            except literals.Problem as exc:
                raise ParseError(exc.problem, text, position + exc.shift) from None
            yield Token(rule.kind, value, word, position)
        position = found.end()
    yield Token("end", None, "", len(text))


def _no_token(char: str) -> str:
    if char in "\"'":
        return "the closing quote is missing"
    return f"unexpected character {char!r}"
