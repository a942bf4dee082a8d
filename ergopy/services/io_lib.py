"""The text that an I/O request stands for: chardata, and ``io_lib:format``.

A BEAM leaves formatting to the device, so ``io:format`` to one of ours arrives as a
format and its arguments (protocol 6.8). The directives are those of ``io_lib`` with
field width, precision and padding; a term is written on one line, by ``~w`` as by
``~p``, and ``~W`` and ``~P`` do not cut it.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import etf
from etf import Atom

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_WIDTH = 10_000
"""The widest field, and the most repetitions, that a peer may ask for."""

_DIRECTIVE = re.compile(
    r"~(?P<width>-?\d+|\*)?(?:\.(?P<precision>\d+|\*)?(?:\.(?P<pad>.))?)?"
    r"[tlkK]*(?P<letter>.?)",
    re.DOTALL,
)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def text(characters: Any, encoding: str = "utf-8") -> str | None:
    """Flatten chardata: binaries and code points in nested lists; None if it is not."""
    if isinstance(characters, int):
        return None
    parts: list[str] = []
    stack = [characters]
    try:
        while stack:
            match stack.pop():
                case bytes() as data:
                    parts.append(data.decode(encoding, "replace"))
                case str() as binary if not isinstance(binary, Atom):
                    # A node may have its binaries decoded.
                    parts.append(binary.encode().decode(encoding, "replace"))
                case bool():
                    return None
                case int() as point:
                    parts.append(chr(point))
                case list() as items:
                    stack.extend(reversed(items))
                case etf.ImproperList(items=items, tail=tail):
                    stack.append(tail)
                    stack.extend(reversed(items))
                case _:
                    return None
    except (ValueError, OverflowError):
        return None
    return "".join(parts)


def render(form: Any, arguments: list[Any]) -> str | None:
    """Do what ``io_lib:format`` does; None where that fails."""
    pattern = str(form) if isinstance(form, Atom) else text(form)
    if pattern is None:
        return None
    waiting = arguments[::-1]
    try:
        rendered = _DIRECTIVE.sub(lambda found: _directive(found, waiting), pattern)
    except (LookupError, TypeError, ValueError, OverflowError):
        return None
    return None if waiting else rendered


class _Field(NamedTuple):
    width: int | None
    left: bool
    precision: int | None
    pad: str

    def fit(self, characters: str) -> str:
        """Fill up to the width; a number that does not fit becomes stars."""
        if self.width is None:
            return characters
        if len(characters) > self.width:
            return "*" * self.width
        filling = self.pad * (self.width - len(characters))
        return characters + filling if self.left else filling + characters


def _directive(found: re.Match[str], waiting: list[Any]) -> str:
    width = _number(found["width"], waiting)
    precision = _number(found["precision"], waiting)
    pad = found["pad"] or " "
    if pad == "*":
        pad = chr(waiting.pop())
    field = _Field(
        None if width is None else abs(width),
        width is not None and width < 0,
        precision,
        pad,
    )
    return _DIRECTIVES[found["letter"]](field, waiting)


def _number(digits: str | None, waiting: list[Any]) -> int | None:
    if digits is None:
        return None
    number = int(waiting.pop() if digits == "*" else digits)
    if abs(number) > MAX_WIDTH:
        raise ValueError(f"{number} is more than {MAX_WIDTH}")
    return number


def _string(field: _Field, waiting: list[Any]) -> str:
    value = waiting.pop()
    if value is None or isinstance(value, bool):
        characters: str | None = {None: "nil", True: "true", False: "false"}[value]
    else:
        characters = str(value) if isinstance(value, Atom) else text(value)
    if characters is None:
        raise TypeError("~s takes chardata or an atom")
    most = field.width if field.precision is None else field.precision
    return field.fit(characters[:most])


def _term(field: _Field, waiting: list[Any]) -> str:
    return field.fit(etf.format(waiting.pop()))


def _pretty(_: _Field, waiting: list[Any]) -> str:
    # The width of ~p is that of the line, and ours does not end.
    return etf.format(waiting.pop())


def _to_some_depth(field: _Field, waiting: list[Any]) -> str:
    value = waiting.pop()
    waiting[-1] = value
    return _term(field, waiting)


def _character(field: _Field, waiting: list[Any]) -> str:
    times = field.width if field.precision is None else field.precision
    return field.fit(chr(waiting.pop()) * (1 if times is None else times))


def _integer(field: _Field, waiting: list[Any], prefix: str = "") -> str:
    value, base = _whole(waiting.pop()), field.precision or 10
    return field.fit(f"{'-' * (value < 0)}{prefix}{_in_base(abs(value), base)}")


def _with_base(field: _Field, waiting: list[Any]) -> str:
    return _integer(field, waiting, f"{field.precision or 10}#")


def _with_prefix(field: _Field, waiting: list[Any], *, upper: bool = False) -> str:
    value, prefix = _whole(waiting.pop()), _string(_PLAIN, waiting)
    digits = _in_base(abs(value), field.precision or 10)
    sign = "-" * (value < 0)
    return field.fit(f"{sign}{prefix}{digits.upper() if upper else digits}")


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is no integer")
    return value


def _in_base(number: int, base: int) -> str:
    if not 2 <= base <= 36:
        raise ValueError(f"no base {base}")
    if base == 10:
        return str(number)
    digits = ""
    while number:
        number, digit = divmod(number, base)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def _float(field: _Field, waiting: list[Any], kind: str = "f") -> str:
    value = waiting.pop()
    precision = 6 if field.precision is None else field.precision
    if type(value) is not float or precision < (2 if kind == "e" else 1):
        raise TypeError("a float, and a precision that shows something of it")
    if kind == "g":
        before = sum(abs(value) >= limit for limit in (1, 10, 100, 1000))
        if 0.1 <= abs(value) < 10_000 and precision > before:
            kind, precision = "f", precision - before
        else:
            kind, precision = "e", max(precision, 2)
    # The BEAM rounds a half upwards.
    with localcontext() as context:
        context.rounding = ROUND_HALF_UP
        decimals = precision - 1 if kind == "e" else precision
        rounded = f"{Decimal(value):.{decimals}{kind}}"
    return field.fit(rounded if value else re.sub(r"e.*", "e+0", rounded))


def _repeated(character: str) -> Callable[[_Field, list[Any]], str]:
    return lambda field, _: character * (1 if field.width is None else field.width)


def _ignored(_: _Field, waiting: list[Any]) -> str:
    waiting.pop()
    return ""


_PLAIN = _Field(None, False, None, " ")
_DIRECTIVES: dict[str, Callable[[_Field, list[Any]], str]] = {
    "s": _string,
    "w": _term,
    "p": _pretty,
    "W": _to_some_depth,
    "P": _to_some_depth,
    "c": _character,
    "b": _integer,
    "B": lambda field, waiting: _integer(field, waiting).upper(),
    "#": lambda field, waiting: _with_base(field, waiting).upper(),
    "+": _with_base,
    "x": _with_prefix,
    "X": lambda field, waiting: _with_prefix(field, waiting, upper=True),
    "f": _float,
    "e": lambda field, waiting: _float(field, waiting, "e"),
    "g": lambda field, waiting: _float(field, waiting, "g"),
    "i": _ignored,
    "n": _repeated("\n"),
    "~": _repeated("~"),
}
