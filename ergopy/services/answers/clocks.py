"""Time in the units of Erlang; here a native one is a nanosecond."""

from __future__ import annotations

import time
from typing import Any, Final

from etf import Atom

NATIVE: Final = Atom("native")

_PER_SECOND: Final = {
    "second": 1,
    "seconds": 1,
    "millisecond": 10**3,
    "milli_seconds": 10**3,
    "microsecond": 10**6,
    "micro_seconds": 10**6,
    "nanosecond": 10**9,
    "nano_seconds": 10**9,
    "native": 10**9,
    "perf_counter": 10**9,
}


def ticks(nanoseconds: int, unit: Any) -> int:
    """Return a time in *unit*: a name, or how many there are in a second.

    Raises:
        ValueError: There is no such unit.
    """
    if isinstance(unit, str) and unit in _PER_SECOND:
        unit = _PER_SECOND[unit]
    if not isinstance(unit, int) or isinstance(unit, bool) or unit < 1:
        raise ValueError(f"no unit of time: {unit!r}")
    return nanoseconds * unit // 10**9


def monotonic_ns() -> int:
    """Return the time of the clock that processes wait by."""
    return time.perf_counter_ns()


STARTED: Final = time.perf_counter_ns()
"""When this program began, or nearly so."""


def uptime_ms() -> int:
    """Return how long the program has run."""
    return (time.perf_counter_ns() - STARTED) // 10**6
