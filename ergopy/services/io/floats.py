"""Floats as ``~f``, ``~e`` and ``~g`` write them.

OTP takes 21 decimal digits of a float and rounds these, a half upwards; what lies
behind them is zeros. So does this.
"""

from __future__ import annotations

from math import copysign

_DIGITS = 20


def in_decimals(value: float, decimals: int) -> str:
    """Write *value* with so many digits behind the point; ``~f``."""
    digits, exponent = _scientific(value)
    if exponent < 0:
        digits, exponent = "0" * -exponent + digits, 0
    before = exponent + 1
    rounded = _rounded(digits, before + decimals)
    return f"{_sign(value)}{rounded[:-decimals]}.{rounded[-decimals:]}"


def with_exponent(value: float, significant: int) -> str:
    """Write *value* with so many digits and an exponent; ``~e``."""
    digits, exponent = _scientific(value)
    rounded = _rounded(digits, significant)
    if len(rounded) > significant:
        rounded, exponent = rounded[:-1], exponent + 1
    return f"{_sign(value)}{rounded[0]}.{rounded[1:]}e{exponent:+d}"


def in_digits(value: float, significant: int) -> tuple[str, int]:
    """Say which of the two ``~g`` takes, and with which precision."""
    size = abs(value)
    before = sum(size >= limit for limit in (1, 10, 100, 1000))
    if 0.1 <= size < 10_000 and (significant > before):
        return "f", significant - before
    if 0.1 <= size < 1 and significant == 1:
        return "f", 1
    return "e", max(significant, 2) if significant >= 1 else significant


def _scientific(value: float) -> tuple[str, int]:
    mantissa, _, exponent = f"{abs(value):.{_DIGITS}e}".partition("e")
    return mantissa.replace(".", ""), int(exponent)


def _rounded(digits: str, count: int) -> str:
    """Round to *count* digits; one more if the first one was carried over."""
    padded = digits.ljust(count + 1, "0")
    kept = padded[:count]
    if padded[count] < "5":
        return kept
    # Digit by digit: thousands of them are no number that Python reads.
    head = kept.rstrip("9")
    nines = "0" * (count - len(head))
    return (f"{head[:-1]}{int(head[-1]) + 1}" if head else "1") + nines


def _sign(value: float) -> str:
    return "-" if copysign(1.0, value) < 0 else ""
