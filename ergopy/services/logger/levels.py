"""Levels: those of ``logger`` and those of Python's ``logging``."""

from __future__ import annotations

import logging
from typing import Any, Final

from etf import Atom

LEVELS: Final[dict[str, int]] = {
    "emergency": logging.CRITICAL + 20,
    "alert": logging.CRITICAL + 10,
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "notice": logging.INFO + 5,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}
"""By the names of OTP, the worst first; Python has no names for three of them."""

_NAMED: Final = {
    **LEVELS,
    "emergency": logging.CRITICAL,
    "alert": logging.CRITICAL,
    "notice": logging.INFO,
}


def level_name(level: int) -> Atom:
    """Return what OTP calls a level of Python; one between two is the lower one."""
    for name, number in LEVELS.items():
        if level >= number:
            return Atom(name)
    return Atom("debug")


def level_number(name: Any) -> int:
    """Return the level of Python that has a name, for one of OTP; others are errors."""
    known = isinstance(name, str) and name in _NAMED
    return _NAMED[name] if known else logging.ERROR
