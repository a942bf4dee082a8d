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


def _read_fun(text: str) -> Any:
    found = _fun.fullmatch(text)
    assert found is not None
    return literals.function(literals.erlang_name, *found.groups())


def _read_capture(text: str) -> Any:
    found = _capture.fullmatch(text)
    assert found is not None
    return literals.function(literals.elixir_name, *found.groups())


def _read_segment(text: str) -> int | str:
    """Give the size or the type of a part of a binary: ``:3``, ``::utf8``."""
    number = _number.search(text)
    if number is not None and "utf" not in text:
        return int(number[0][:10])
    name = _name.search(text)
    return name[0] if name is not None else ""
