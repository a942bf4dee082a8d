"""``io_lib:format``: a format and its arguments become text.

A BEAM leaves formatting to the device, so ``io:format`` to one of ours arrives as a
format and its arguments (protocol 6.8). The directives are those of ``io_lib``, with
field width, precision, padding and the modifiers ``t``, ``l``, ``k`` and ``K``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import etf
from etf import Atom, ImproperList

from .chars import strict, text
from .floats import in_decimals, in_digits, with_exponent
from .pretty import pretty
from .writing import pieces

MAX_WIDTH = 10_000
"""The widest field, and the most repetitions, that a peer may ask for."""

MAX_TEXT = 4 * 2**20
"""The most characters that one format may become."""

MAX_BASE_BITS = 20_000
"""The size of an integer that is written in a base which is no power of two."""

MAX_DIRECTIVES = 50_000
"""Directives of one format."""

LINE = 80
"""Characters of a line, for ``~p``."""

_DIRECTIVE = re.compile(
    r"~(?P<width>-?(?:\d+|\*))?(?:\.(?P<precision>\d+|\*)?(?:\.(?P<pad>.))?)?"
    r"(?P<modifiers>[tlkK]*)(?P<letter>.?)",
    re.DOTALL,
)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_FORMATS = {2: "b", 8: "o", 16: "x"}


class _Failed(Exception):
    """The format and its arguments do not go together."""


def render(form: Any, arguments: list[Any], *, limit: int = MAX_TEXT) -> str | None:
    """Do what ``io_lib:format/2`` does; None if it fails or passes *limit*."""
    pattern = str(form) if isinstance(form, Atom) else text(form, "latin-1")
    if pattern is None:
        return None
    try:
        return _Rendering(arguments, limit).run(pattern)
    except (_Failed, LookupError, TypeError, ValueError, OverflowError):
        return None


def column_after(written: str, column: int = 0) -> int:
    """Return where the next character stands; the first one of a line is 0."""
    _, newline, last = written.rpartition("\n")
    if newline:
        column = 0
    for place, part in enumerate(last.split("\t")):
        if place:
            column = (column + 8) // 8 * 8
        column += len(part)
    return column


class _Rendering:
    """One format at work: what was written, and the arguments that are left."""

    def __init__(self, arguments: list[Any], limit: int) -> None:
        self.waiting = arguments[::-1]
        self.limit = limit
        self.size = 0
        self.column = 0
        self.out: list[str] = []

    def run(self, pattern: str) -> str:
        end = 0
        for number, found in enumerate(_DIRECTIVE.finditer(pattern)):
            if number == MAX_DIRECTIVES:
                raise _Failed
            self._add(pattern[end : found.start()])
            end = found.end()
            spec = self._spec(found)
            self._add(_DIRECTIVES[found["letter"]](spec, self.waiting))
        self._add(pattern[end:])
        if self.waiting:
            raise _Failed
        return "".join(self.out)

    def _add(self, written: str) -> None:
        self.size += len(written)
        if self.size > self.limit:
            raise _Failed
        self.column = column_after(written, self.column)
        self.out.append(written)

    def _spec(self, found: re.Match[str]) -> _Spec:
        waiting = self.waiting
        width = _number(found["width"], waiting)
        precision = _number(found["precision"], waiting)
        if precision is not None and precision < 0:
            raise _Failed
        pad = found["pad"] or " "
        if pad == "*":
            pad = chr(waiting.pop())
        modifiers = found["modifiers"]
        reverse = False
        for _ in range(modifiers.count("K")):
            order = waiting.pop()
            if order not in ("undefined", "ordered", "reversed"):
                # A function, which only its own node could call.
                raise _Failed
            modifiers += "k" * (order == "ordered")
            reverse = order == "reversed"
        return _Spec(
            None if width is None else abs(width),
            width is not None and width < 0,
            precision,
            pad,
            "t" in modifiers,
            "l" not in modifiers,
            "k" in modifiers or reverse,
            reverse,
            self.column + 1,
        )


class _Spec(NamedTuple):
    """What stands between the tilde and the letter."""

    width: int | None
    left: bool
    precision: int | None
    pad: str
    unicode: bool
    strings: bool
    ordered: bool
    reversed: bool
    column: int

    def adjust(self, characters: str, filling: int) -> str:
        padding = self.pad * filling
        return characters + padding if self.left else padding + characters

    def fit(self, characters: str) -> str:
        """Fill up to the width; what does not fit becomes stars."""
        width, precision = self.width, self.precision
        if width is None:
            width = precision
        if width is None:
            return characters
        most = width if precision is None else min(width, precision)
        if len(characters) > most:
            return self.adjust("*" * most, width - most)
        return self.adjust(characters, width - len(characters))

    def plain(self) -> _Spec:
        """Return the same without a precision, which had another meaning."""
        return self._replace(precision=None)

    def order(self, term: Any) -> Any:
        return _in_order(term, self.reversed) if self.ordered else term


def _number(digits: str | None, waiting: list[Any]) -> int | None:
    if digits is None:
        return None
    if digits[-1] == "*":
        number = _whole(waiting.pop()) * (-1 if digits[0] == "-" else 1)
    elif len(digits) > 10:
        raise _Failed
    else:
        number = int(digits)
    if abs(number) > MAX_WIDTH:
        raise _Failed
    return number


def _string(spec: _Spec, waiting: list[Any]) -> str:
    value = waiting.pop()
    encoding = "utf-8" if spec.unicode else "latin-1"
    if isinstance(value, Atom) or value is None or isinstance(value, bool):
        name = "nil" if value is None else str(value)
        characters: str | None = name.lower() if isinstance(value, bool) else name
        if not spec.unicode:
            str(characters).encode("latin-1")
    else:
        characters = strict(value, encoding)
    if characters is None:
        raise _Failed
    width, precision = spec.width, spec.precision
    if width is None and precision is None:
        return characters
    if width is None:
        width, spec = precision or 0, spec._replace(left=True)
        precision = None
    if precision is None or precision == width:
        return spec.adjust(characters[:width], max(0, width - len(characters)))
    if width < precision:
        raise _Failed
    # Inside of the field it stands at the left, whatever the field does.
    inner = characters[:precision] + spec.pad * (precision - len(characters))
    return spec.adjust(inner, width - precision)


def _term(spec: _Spec, waiting: list[Any], depth: int = -1) -> str:
    parts, size = [], 0
    for piece in pieces(spec.order(waiting.pop()), depth, unicode=spec.unicode):
        size += len(piece)
        if size > MAX_TEXT:
            raise _Failed
        parts.append(piece)
    return spec.fit("".join(parts))


def _pretty(spec: _Spec, waiting: list[Any], depth: int = -1) -> str:
    if spec.left:
        raise _Failed
    return pretty(
        spec.order(waiting.pop()),
        column=spec.column if spec.precision is None else spec.precision,
        width=LINE if spec.width is None else spec.width,
        depth=depth,
        unicode=spec.unicode,
        strings=spec.strings,
    )


def _to_some_depth(
    directive: Callable[[_Spec, list[Any], int], str], spec: _Spec, waiting: list[Any]
) -> str:
    value = waiting.pop()
    depth = _whole(waiting.pop())
    waiting.append(value)
    return directive(spec, waiting, depth)


def _character(spec: _Spec, waiting: list[Any]) -> str:
    code = _whole(waiting.pop())
    return _repeated(spec, chr(code if spec.unicode else code & 255))


def _tilde(spec: _Spec, _: list[Any]) -> str:
    return _repeated(spec, "~")


def _repeated(spec: _Spec, character: str) -> str:
    width, precision = spec.width, spec.precision
    if "\ud800" <= character <= "\udfff":
        raise _Failed
    if precision is None or width is None:
        times = width if precision is None else precision
        return character * (1 if times is None else times)
    if width < precision:
        raise _Failed
    return spec.adjust(character * precision, width - precision)


def _newline(spec: _Spec, _: list[Any]) -> str:
    if spec.left:
        raise _Failed
    return "\n" * (1 if spec.width is None else spec.width)


def _integer(
    spec: _Spec, waiting: list[Any], *, upper: bool = False, prefix: str | None = ""
) -> str:
    value, base = (
        _whole(waiting.pop()),
        10 if spec.precision is None else spec.precision,
    )
    digits = _in_base(abs(value), base)
    if upper:
        digits = digits.upper()
    if prefix is None:
        prefix = f"{base}#"
    return spec.plain().fit(f"{'-' * (value < 0)}{prefix}{digits}")


def _with_prefix(spec: _Spec, waiting: list[Any], *, upper: bool = False) -> str:
    value, prefix = waiting.pop(), waiting.pop()
    waiting.append(value)
    if isinstance(prefix, Atom):
        before: str | None = str(prefix)
    else:
        # A deep list, but without binaries.
        before = text(prefix) if isinstance(prefix, list | etf.Charlist) else None
    if before is None:
        raise _Failed
    return _integer(spec, waiting, upper=upper, prefix=before)


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise _Failed
    return value


def _in_base(number: int, base: int) -> str:
    if not 2 <= base <= 36:
        raise _Failed
    if base in _FORMATS:
        return format(number, _FORMATS[base])
    if number.bit_length() > MAX_BASE_BITS:
        raise _Failed
    digits = ""
    while number:
        number, digit = divmod(number, base)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def _float(spec: _Spec, waiting: list[Any], kind: str) -> str:
    value = waiting.pop()
    precision = 6 if spec.precision is None else spec.precision
    if type(value) is not float:
        raise _Failed
    if kind == "g":
        kind, precision = in_digits(value, precision)
    if precision < (2 if kind == "e" else 1):
        raise _Failed
    written = with_exponent if kind == "e" else in_decimals
    return spec.plain().fit(written(value, precision))


def _ignored(_: _Spec, waiting: list[Any]) -> str:
    waiting.pop()
    return ""


def _in_order(term: Any, backwards: bool) -> Any:
    """Return a term whose maps are in the order of their keys, as far as it is flat."""
    return _ordered(term, backwards, 100)


def _ordered(term: Any, backwards: bool, room: int) -> Any:
    if not room:
        raise _Failed
    inner = partial(_ordered, backwards=backwards, room=room - 1)
    if isinstance(term, Mapping):
        keys = sorted(term, key=etf.sort_key, reverse=backwards)
        pairs = [(key, inner(term[key])) for key in keys]
        return etf.TermMap(pairs)
    if isinstance(term, list):
        return [inner(item) for item in term]
    if type(term) is tuple:
        return tuple([inner(item) for item in term])
    if isinstance(term, ImproperList):
        return ImproperList([inner(item) for item in term.items], inner(term.tail))
    return term


_DIRECTIVES: dict[str, Callable[[_Spec, list[Any]], str]] = {
    "s": _string,
    "w": _term,
    "p": _pretty,
    "W": partial(_to_some_depth, _term),
    "P": partial(_to_some_depth, _pretty),
    "c": _character,
    "b": _integer,
    "B": partial(_integer, upper=True),
    "#": partial(_integer, upper=True, prefix=None),
    "+": partial(_integer, prefix=None),
    "x": _with_prefix,
    "X": partial(_with_prefix, upper=True),
    "f": partial(_float, kind="f"),
    "e": partial(_float, kind="e"),
    "g": partial(_float, kind="g"),
    "i": _ignored,
    "n": _newline,
    "~": _tilde,
}
