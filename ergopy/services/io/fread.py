"""``io_lib:fread``: input is read by a format, line by line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from etf import Atom

from ...process.atoms import ERROR, OK
from .chars import codes

if TYPE_CHECKING:
    from collections.abc import Callable

EOF = Atom("eof")
MAX_WIDTH = 10_000
"""The widest field that a peer may ask for."""

_WHITE = " \t\r\n"
_SPEC = re.compile(
    r"(?P<skip>\*?)(?P<width>\d*)(?P<unicode>t?)(?P<letter>.?)", re.DOTALL
)
_INTEGER = re.compile(r"[ \t\r\n]*[+-]?\d*")
_FLOAT = re.compile(r"[ \t\r\n]*[+-]?\d*(?:\.\d*(?:[eE][+-]?\d*)?)?")
_IS_FLOAT = re.compile(r"[+-]?\d+\.\d+(?:[eE][+-]?\d+)?")
_IS_INTEGER = re.compile(r"[+-]?\d+")
_BASE = re.compile(r"[ \t\r\n]*([+-]?\d+)#")
_STRING = re.compile(r"[ \t\r\n]*[^ \t\r\n]*")


class _Failed(Exception):
    """The input is not what the format says."""


def fread(form: str, buffer: str, at_end: bool) -> tuple[Any, str] | None:
    """Return the reply and the input that is left; None if it takes more input."""
    reading = _Reading(form)
    while True:
        line, newline, rest = buffer.partition("\n")
        if not newline and not at_end:
            return None
        ended = not newline and not line
        if newline and line.endswith("\r"):
            line, newline = line[:-1], "\r\n"
        try:
            left = reading.line(None if ended else line)
        except _Failed as failure:
            return (ERROR, (Atom("fread"), Atom(str(failure)))), rest
        if left is EOF:
            return EOF, ""
        if left is not None:
            return (OK, reading.results), left + newline + rest if left else rest
        reading.count += len(newline)
        buffer = rest


class _Field(NamedTuple):
    skip: bool
    width: int | None
    unicode: bool


class _Reading:
    """How far a format has come."""

    def __init__(self, form: str) -> None:
        self.form = form
        self.at = 0
        self.count = 0
        """Characters that were read, for ``~l``."""
        self.results: list[Any] = []

    def line(self, line: str | None) -> Any:
        """Go on with one line; None is the end of the input.

        Returns what is left of the line, None if more lines are needed, or EOF.
        """
        form = self.form
        while self.at < len(form):
            char = form[self.at]
            found = _SPEC.match(form, self.at + 1) if char == "~" else None
            if found is not None:
                if found["letter"] == "l":
                    self.at = found.end()
                    self._keep(bool(found["skip"]), self.count)
                    continue
            elif char in _WHITE:
                self.at += 1
                if line is not None:
                    stripped = line.lstrip(_WHITE)
                    self.count += len(line) - len(stripped)
                    line = stripped
                continue
            if line is None:
                if self.count or self.results:
                    raise _Failed("input")
                return EOF
            if not line:
                return None
            if found is not None:
                line = self._directive(found, line)
            elif char == line[0]:
                self.at += 1
                self.count += 1
                line = line[1:]
            else:
                raise _Failed("input")
        return "" if line is None else line

    def _keep(self, skip: bool, value: Any) -> None:
        if not skip:
            self.results.append(value)

    def _directive(self, found: re.Match[str], line: str) -> str:
        digits = found["width"]
        if len(digits) > 5 or int(digits or 0) > MAX_WIDTH:
            raise _Failed("format")
        width = int(digits) if digits else None
        field = _Field(bool(found["skip"]), width, bool(found["unicode"]))
        letter = found["letter"]
        self.at = found.end()
        if letter == "~":
            if line[0] != "~":
                raise _Failed("format")
            self.count += 1
            return line[1:]
        if letter not in _READERS or (field.unicode and letter not in "sac"):
            raise _Failed("format")
        value, taken = _READERS[letter](field, line)
        self._keep(field.skip, value)
        self.count += taken
        return line[taken:]


def _taken(field: _Field, line: str, pattern: re.Pattern[str]) -> tuple[str, int]:
    """Take what looks right, or just so many characters."""
    if field.width is not None:
        if len(line) < field.width:
            return "", field.width
        return line[: field.width].lstrip(_WHITE), field.width
    found = pattern.match(line)
    assert found is not None
    return found[0].lstrip(_WHITE), found.end()


def _float(field: _Field, line: str) -> tuple[Any, int]:
    text, size = _taken(field, line, _FLOAT)
    if not _IS_FLOAT.fullmatch(text) or (value := float(text)) in _ENDLESS:
        raise _Failed("float")
    return value, size


_ENDLESS = (float("inf"), float("-inf"))


def _integer(field: _Field, line: str) -> tuple[Any, int]:
    text, size = _taken(field, line, _INTEGER)
    if not _IS_INTEGER.fullmatch(text):
        raise _Failed("integer")
    return _number(text, 10, "integer"), size


def _unsigned(field: _Field, line: str) -> tuple[Any, int]:
    base = 10 if field.width is None else field.width
    if not 2 <= base <= 36:
        raise _Failed("format")
    size = _digits(line, base)
    return _number(line[:size], base, "unsigned"), size


def _based(field: _Field, line: str) -> tuple[Any, int]:
    within = line if field.width is None else line[: field.width]
    found = _BASE.match(within)
    if found is None or (field.width is not None and len(line) < field.width):
        raise _Failed("based")
    base = _number(found[1], 10, "based")
    if not 2 <= abs(base) <= 36 or (field.width is not None and base < 0):
        raise _Failed("based")
    size = _digits(within[found.end() :], abs(base))
    digits = within[found.end() : found.end() + size]
    if field.width is not None and found.end() + size < field.width:
        raise _Failed("based")
    value = _number(digits, abs(base), "based")
    return (-value if base < 0 else value), found.end() + size


def _digits(text: str, base: int) -> int:
    for place, char in enumerate(text):
        if not (char.isascii() and char.isalnum()) or int(char, 36) >= base:
            return place
    return len(text)


def _number(digits: str, base: int, kind: str) -> int:
    try:
        return int(digits, base)
    except ValueError:
        # No digits, or more of them than Python reads.
        raise _Failed(kind) from None


def _sign(_: _Field, line: str) -> tuple[Any, int]:
    if line[0] in "+-":
        return (1 if line[0] == "+" else -1), 1
    return 1, 0


def _string(field: _Field, line: str) -> tuple[Any, int]:
    text, size = _word(field, line, "string")
    return codes(text), size


def _atom(field: _Field, line: str) -> tuple[Any, int]:
    text, size = _word(field, line, "atom")
    try:
        return Atom(text), size
    except ValueError:
        raise _Failed("atom") from None


def _word(field: _Field, line: str, kind: str) -> tuple[str, int]:
    if field.width is not None and len(line) < field.width:
        raise _Failed(kind)
    text, size = _taken(field, line, _STRING)
    if not field.unicode:
        good = next((n for n, char in enumerate(text) if char > "\xff"), len(text))
        if good < len(text) and (not good or field.width is not None):
            raise _Failed(kind)
        size -= len(text) - good
        text = text[:good]
    return text.strip(_WHITE), size


def _chars(field: _Field, line: str) -> tuple[Any, int]:
    width = 1 if field.width is None else field.width
    text = line[:width]
    if len(text) < width or (not field.unicode and any(c > "\xff" for c in text)):
        raise _Failed("character")
    return codes(text), width


_READERS: dict[str, Callable[[_Field, str], tuple[Any, int]]] = {
    "f": _float,
    "d": _integer,
    "u": _unsigned,
    "-": _sign,
    "#": _based,
    "s": _string,
    "a": _atom,
    "c": _chars,
}
