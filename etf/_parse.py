"""Terms from text, as a person types them in Erlang or in Elixir.

Reads values only: nothing is evaluated, there are no variables, operators or calls.
The result is what ``decode`` would give for the same term: an Erlang ``"string"`` is a
list of integers, maps are dictionaries (``TermMap`` where one would lose a key), and
``true``, ``false`` and ``nil`` are Python's. Left out: pids, references and ports,
whose text lacks the creation of their node; of bit syntax, all but integers with a
size, text, ``utf8`` and ``binary``; triple quotes; sigils except ``~c``.

The text is bounded to 16 Mi characters, nesting to 10,000 levels; neither costs
recursion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ._containers import FrozenList
from ._frames import Frame, Root, opened
from ._lexer import ParseError, Token, tokens
from ._literals import Problem

if TYPE_CHECKING:
    from ._syntax import Syntax

MAX_TEXT: Final = 16 * 1024 * 1024
MAX_DEPTH: Final = 10_000


def parse(text: str, syntax: Syntax | None = None) -> Any:
    """Read one term written in Erlang or Elixir syntax.

    Without *syntax* both are taken, even mixed. What both know, but differently, is
    then read like this:

    - ``"abc"`` is a binary, as in Elixir, and so are its escapes;
    - ``'abc'`` is an atom, as in Erlang; for a charlist write ``~c"abc"``;
    - ``abc`` is an atom, as in Erlang, and ``Abc`` a module, as in Elixir;
    - ``%`` and ``#`` start a comment, except in ``%{``, ``%Name{`` and ``#{``.

    Args:
        text: The source of one term; comments are allowed, and in Erlang a final dot.
        syntax: ``"erlang"``, ``"elixir"``, or ``None`` for either.

    Raises:
        ParseError: It is no term; tells where and why.
        ValueError: An unknown syntax.
    """
    if syntax not in ("erlang", "elixir", None):
        raise ValueError(f'syntax is "erlang", "elixir" or None, not {syntax!r}')
    if len(text) > MAX_TEXT:
        raise ParseError(f"longer than {MAX_TEXT} characters", text, MAX_TEXT)
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise ParseError("a lone surrogate is no character", text, exc.start) from None
    parser = _Parser()
    for token in tokens(text, syntax):
        try:
            parser.feed(token)
        except Problem as exc:
            raise ParseError(exc.problem, text, token.position) from None
    return parser.result


class _Parser:
    """Puts tokens into the innermost container that is open.

    Either a value has to come, or what may follow one.
    """

    def __init__(self) -> None:
        self.result: Any = None
        self._frames: list[Frame] = [Root()]
        self._value_next = True
        self._just_opened = self._done = False

    def feed(self, token: Token) -> None:
        if self._done:
            if token.kind != "end":
                raise Problem("nothing may follow the dot")
        elif self._value_next:
            self._value(token)
        else:
            self._after_value(token)

    def _value(self, token: Token) -> None:
        frame, kind = self._frames[-1], token.kind
        just_opened, self._just_opened = self._just_opened, False
        if kind == "open":
            if len(self._frames) > MAX_DEPTH:
                raise Problem(f"nested deeper than {MAX_DEPTH} levels")
            self._frames.append(opened(token.text, frame.freezes))
            self._just_opened = True
        elif kind == "value" or kind == "text":
            self._value_next = False
            if kind == "text":
                frame.text(token.value)
            else:
                frame.add(_frozen(token.value) if frame.freezes else token.value)
        elif kind == "key":
            frame.key(token.value)
        elif kind == "close" and just_opened:
            self._close(token)
        elif kind == "end":
            raise Problem("the term is not complete" if token.position else "no term")
        else:
            raise Problem(f"expected a value, not {token.text}")

    def _after_value(self, token: Token) -> None:
        frame, kind = self._frames[-1], token.kind
        self._value_next = kind in ("comma", "arrow", "bar")
        if kind == "comma":
            frame.comma()
        elif kind == "arrow":
            frame.arrow()
        elif kind == "bar":
            frame.bar()
        elif kind == "segment":
            frame.segment(token.value)
        elif kind == "close":
            self._close(token)
        elif kind in ("end", "dot") and len(self._frames) == 1:
            self.result = frame.finish()
            self._done = True
        elif kind == "end":
            raise Problem(f"{frame.closes} is missing")
        else:
            wanted = f" , or {frame.closes}" if frame.closes else " the end"
            raise Problem(f"expected{wanted}, not {token.text}")

    def _close(self, token: Token) -> None:
        frame = self._frames[-1]
        if token.text != frame.closes:
            wanted = f"expected {frame.closes}, not" if frame.closes else "unexpected"
            raise Problem(f"{wanted} {token.text}")
        value = frame.finish()
        self._frames.pop()
        self._frames[-1].add(value)
        self._value_next = False


def _frozen(value: Any) -> Any:
    return FrozenList(value) if type(value) is list else value
