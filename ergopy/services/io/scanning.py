"""``erl_scan:tokens``: what ``io:read`` and its relatives ask a device for.

The tokens go to who asked, and are parsed there. Nothing here means anything to us.
"""

from __future__ import annotations

import re
from typing import Any

from etf import Atom
from etf._syntax import ERLANG_WORDS

from ...process.atoms import ERROR, OK
from .chars import codes

EOF = Atom("eof")
Location = int | tuple[int, int]

_TOKEN = re.compile(
    r"""
      (?P<white>[\x00-\x20\x80-\xa0]+|%[^\n]*)
    | (?P<dot>\.(?:[\x00-\x20\x80-\xa0]|(?=%)|\Z))
    | (?P<float>\d+(?:_\d+)*\.\d+(?:_\d+)*(?:[eE][+-]?\d+)?)
    | (?P<based>\d+(?:_\d+)*\#[0-9A-Za-z]+)
    | (?P<integer>\d+(?:_\d+)*)
    | (?P<atom>[a-zß-öø-ÿ][\w@]*)
    | (?P<var>[A-Z_À-ÖØ-Þ][\w@]*)
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<quoted>'(?:[^'\\]|\\.)*')
    | (?P<char>\$(?:\\(?:x\{[0-9a-fA-F]+\}|x[0-9a-fA-F]{2}|[0-7]{1,3}|\^.|.)|[^\\]))
    | (?P<sign>=:=|=/=|\.\.\.|<<|>>|->|<-|<=|=>|:=|::|==|/=|=<|>=|\+\+|--|\|\||\?=|\.\.
        |[(){}\[\],;:|=<>+\-*/!?\#.\\^`~&])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(?:x\{(?P<hex>[0-9a-fA-F]+)\}|x(?P<two>[0-9a-fA-F]{2})|(?P<octal>[0-7]{1,3})"
    r"|\^(?P<control>.)|(?P<letter>.))",
    re.DOTALL,
)
_LETTERS = dict(zip("nrtvbfesd", "\n\r\t\v\b\f\x1b \x7f", strict=True))


class _Illegal(Exception):
    """What stands there is no token."""


def tokens(buffer: str, at_end: bool, start: Location) -> tuple[Any, str] | None:
    """Return the reply and the input that is left; None if it takes more input.

    The reply is ``{ok, Tokens, End}`` up to a dot or the end of the input,
    ``{eof, End}`` or ``{error, {Where, erl_scan, What}, End}``.
    """
    found: list[Any] = []
    where, at = start, 0
    while at < len(buffer):
        match = _TOKEN.match(buffer, at)
        if match is None:
            if not at_end and buffer[at] in "\"'$":
                return None
            return _error(where, "illegal", Atom("character")), _next_line(buffer, at)
        kind, text = match.lastgroup, match[0]
        assert kind is not None
        if kind == "dot" and text == "." and match.end() == len(buffer) and not at_end:
            return None
        try:
            token = _token(kind, text, where)
        except _Illegal as illegal:
            what = Atom(str(illegal))
            return _error(where, "illegal", what), _next_line(buffer, at)
        at, where = match.end(), _moved(where, text)
        if token is not None:
            found.append(token)
        if kind == "dot":
            return (OK, found, where), buffer[at:]
    if not at_end:
        return None
    return ((OK, found, where) if found else (EOF, where)), ""


def _error(where: Location, *what: Any) -> Any:
    described = tuple(Atom(part) for part in what)
    return (ERROR, (where, Atom("erl_scan"), described), where)


def _next_line(buffer: str, at: int) -> str:
    return buffer[at:].partition("\n")[2]


def _moved(where: Location, text: str) -> Location:
    lines = text.count("\n")
    if isinstance(where, int):
        return where + lines
    line, column = where
    if lines:
        return line + lines, len(text) - text.rindex("\n")
    return line, column + len(text)


def _token(kind: str, text: str, where: Location) -> Any:
    match kind:
        case "white":
            return None
        case "dot":
            return (Atom("dot"), where)
        case "sign":
            return (Atom(text), where)
        case "atom" if text in ERLANG_WORDS - {"maybe", "else"}:
            return (Atom(text), where)
        case "atom" | "var":
            return (Atom(kind), where, _atom(text))
        case "quoted":
            return (Atom("atom"), where, _atom(_unescaped(text[1:-1])))
        case "string":
            return (Atom("string"), where, codes(_unescaped(text[1:-1])))
        case "char":
            return (Atom("char"), where, ord(_unescaped(text[1:])))
    try:
        return _number(kind, text.replace("_", ""), where)
    except (ValueError, OverflowError):
        raise _Illegal(kind) from None


def _number(kind: str, text: str, where: Location) -> Any:
    if kind == "float":
        value = float(text)
        if value == float("inf"):
            raise _Illegal("float")
        return (Atom("float"), where, value)
    base, _, digits = text.rpartition("#")
    if base and not 2 <= int(base) <= 36:
        raise _Illegal("base")
    return (Atom("integer"), where, int(digits, int(base or 10)))


def _atom(name: str) -> Atom:
    try:
        return Atom(name)
    except ValueError:
        raise _Illegal("atom") from None


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        return _ESCAPE.sub(_character, text)
    except (ValueError, OverflowError):
        raise _Illegal("character") from None


def _character(found: re.Match[str]) -> str:
    if found["hex"] or found["two"]:
        return chr(int(found["hex"] or found["two"], 16))
    if found["octal"]:
        return chr(int(found["octal"], 8))
    if found["control"]:
        return chr(ord(found["control"]) & 31)
    return _LETTERS.get(found["letter"], found["letter"])
