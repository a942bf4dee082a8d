"""Source text to tokens, for Erlang and for Elixir.

A scalar is one token with its value, also where the language has several: ``-1``,
``fun m:f/1``, ``&Mod.fun/1``. Text in double quotes is a ``str`` of characters in
Erlang and UTF-8 ``bytes`` in Elixir, and stays that way for the parser to place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any, Final, NamedTuple, final

from ._errors import EtfError
from ._syntax import (
    ELIXIR,
    ELIXIR_ALIAS,
    ELIXIR_ESCAPES,
    ELIXIR_NAME,
    ELIXIR_OPERATORS,
    ERLANG,
    ERLANG_ATOM,
    ERLANG_ESCAPES,
    ERLANG_WORDS,
    Syntax,
)
from ._types import Atom, Export

_EXCERPT: Final = 72


@final
class ParseError(EtfError):
    """Text that is not a term in Erlang or Elixir syntax.

    ``str()`` shows the line with a caret under the place.

    Attributes:
        problem: What is wrong, and where it helps, what to write instead.
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
        column = self.position - start
        shown_from = max(start, self.position - _EXCERPT // 2)
        shown = self.text[shown_from : shown_from + _EXCERPT].partition("\n")[0]
        shown = "".join([char if char.isprintable() else "?" for char in shown])
        caret = " " * (self.position - shown_from) + "^"
        where = f"line {line}, column {column + 1}"
        return f"{self.problem} ({where})\n  {shown}\n  {caret}"


class Token(NamedTuple):
    """One word of source text; ``kind`` is the name of its rule."""

    kind: str
    value: Any
    text: str
    position: int


class Problem(Exception):
    """What is wrong with one token; *shift* is how far inside it."""

    def __init__(self, problem: str, shift: int = 0) -> None:
        super().__init__(problem)
        self.problem = problem
        self.shift = shift


def tokens(text: str, syntax: Syntax | None) -> Iterator[Token]:
    """Cut text into tokens, the last of which is of kind ``end``.

    Raises:
        ParseError: There is something that is no token of the language.
    """
    match, position = _MATCHERS[syntax], 0
    while position < len(text):
        found = match(text, position)
        if found is None:
            raise ParseError(_no_token(text[position]), text, position)
        kind = found.lastgroup or ""
        if kind != "space":
            try:
                value = _VALUES[kind](found.group())
            except Problem as exc:
                place = position + exc.shift
                raise ParseError(exc.problem, text, place) from None
            yield Token(_GROUPS.get(kind, "value"), value, found.group(), position)
        position = found.end()
    yield Token("end", None, "", len(text))


def _no_token(char: str) -> str:
    if char in "\"'":
        return "the closing quote is missing"
    return f"unexpected character {char!r}"


def atom_value(name: str) -> Atom | bool | None:
    """Give the value that stands for an atom: ``True`` for ``true``."""
    if name in _CONSTANTS:
        return _CONSTANTS[name]
    return atom(name)


def atom(name: str) -> Atom:
    """Make an atom, refusing what is too long for one."""
    try:
        return Atom(name)
    except ValueError as exc:
        raise Problem(str(exc)) from None


_CONSTANTS: Final[dict[str, bool | None]] = {"true": True, "false": False, "nil": None}
