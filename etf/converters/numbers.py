"""``Decimal``, of Elixir's library of that name, and ``Range``."""

from __future__ import annotations

from decimal import (
    MAX_EMAX,
    MAX_PREC,
    MIN_EMIN,
    Context,
    Decimal,
    Inexact,
    InvalidOperation,
    Overflow,
)
from typing import Any, Final

from .._errors import EncodeError
from .._types import Atom
from ..mapping.converter import Converter
from ..mapping.errors import MappingError
from . import structs

MAX_DIGITS: Final = 4300
"""Digits of a ``Decimal``: to convert more takes time with their square."""

_DECIMAL: Final = "Elixir.Decimal"
_RANGE: Final = "Elixir.Range"
_EXACT: Final = Context(
    prec=MAX_PREC,
    Emax=MAX_EMAX,
    Emin=MIN_EMIN,
    traps=[InvalidOperation, Overflow, Inexact],
)
_MAX_COEFFICIENT: Final = 10**MAX_DIGITS
_MAX_EXPONENT: Final = 2 * MAX_EMAX
_SPECIAL: Final = {"inf": "Infinity", "NaN": "NaN"}


def _load_decimal(term: Any) -> Decimal:
    sign, exponent = structs.integers(term, _DECIMAL, "sign", "exp")
    (digits,) = structs.take(term, _DECIMAL, "coef")
    if sign not in (1, -1):
        raise MappingError("1 or -1", sign, "sign")
    if abs(exponent) > _MAX_EXPONENT:
        # Far larger ones would take time with their square, too.
        raise MappingError("an exponent that Decimal has", exponent, "exp")
    if isinstance(digits, str) and digits in _SPECIAL:
        number = Decimal(_SPECIAL[digits])
    elif type(digits) is int and 0 <= digits < _MAX_COEFFICIENT:
        number = Decimal(digits).scaleb(exponent, _EXACT)
    else:
        raise MappingError(f"at most {MAX_DIGITS} digits", digits, "coef")
    return number if sign == 1 else number.copy_negate()


def _dump_decimal(value: Decimal) -> Any:
    sign, digits, exponent = value.as_tuple()
    coefficient: Any
    if value.is_snan():
        raise EncodeError("a signalling NaN")
    if isinstance(exponent, str):
        coefficient, exponent = Atom("NaN" if value.is_nan() else "inf"), 0
    elif len(digits) > MAX_DIGITS:
        raise EncodeError(f"a Decimal of more than {MAX_DIGITS} digits")
    else:
        coefficient = int("".join(map(str, digits)))
    return structs.make(
        _DECIMAL, sign=-1 if sign else 1, coef=coefficient, exp=exponent
    )


def _load_range(term: Any) -> range:
    first, last = structs.integers(term, _RANGE, "first", "last")
    step = term.get(Atom("step"))
    if step is None:
        # From before Elixir 1.12.
        step = 1 if first <= last else -1
    if type(step) is not int or not step:
        raise MappingError("an integer that is not 0", step, "step")
    return range(first, last + (1 if step > 0 else -1), step)


def _dump_range(value: range) -> Any:
    """Give the range of Elixir, whose last number is in it."""
    last = value[-1] if value else value.start - value.step
    return structs.make(_RANGE, first=value.start, last=last, step=value.step)


DECIMAL: Final = Converter(
    Decimal,
    encode=_dump_decimal,
    decode=_load_decimal,
    structs=(_DECIMAL,),
    expected="%Decimal{}",
)
RANGE: Final = Converter(
    range,
    encode=_dump_range,
    decode=_load_range,
    structs=(_RANGE,),
    expected="%Range{}",
)
