"""The options of ``$saga_next``: how far and how long a transaction may go.

ergo knows three of them, and looks at no others. It takes an integer only in a form of
32 bits or more, and a key only as a charlist or an atom: a binary ends its connection.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Final

from etf import Charlist, FrozenList, TermMap, WideInteger

MAX_HOPS: Final = 65_535
"""Hops that a transaction may make at most; also what ergo takes if none are said."""
MAX_LIFESPAN: Final = 2**31 - 1
"""Seconds; what is longer is cut to that."""
DEFAULT_LIFESPAN: Final = 60

_HOP_LIMIT = Charlist("HopLimit")
_LIFESPAN = Charlist("Lifespan")
_TWO_PHASE_COMMIT = Charlist("TwoPhaseCommit")
_ERGOPY_COMMIT = Charlist("ErgopyCommit")
_VERSION = 1

_ALL = (_HOP_LIMIT, _LIFESPAN, _TWO_PHASE_COMMIT, _ERGOPY_COMMIT)

_NAMES: Final[dict[Any, Charlist]] = {
    **{name: name for name in _ALL},
    **{FrozenList(map(ord, name)): name for name in _ALL},
}

_WIDE: Final = [WideInteger(number) for number in range(256)]


def make(
    hop_limit: int, lifespan: float, two_phase_commit: bool, capable: bool
) -> dict[str, Any]:
    """Make the options: *hop_limit* from 0 to ``MAX_HOPS``, *lifespan* in seconds.

    *capable* says that the sender knows the commit of ergopy.
    """
    return _made(hop_limit, whole_seconds(lifespan), two_phase_commit, capable)


@lru_cache(maxsize=1024)
def _made(
    hop_limit: int, seconds: int, two_phase_commit: bool, capable: bool
) -> dict[str, Any]:
    # Those that are made at one time are mostly the same; nobody changes them.
    options: dict[str, Any] = {
        _HOP_LIMIT: _WIDE[hop_limit] if hop_limit < 256 else hop_limit,
        _LIFESPAN: _WIDE[seconds] if seconds < 256 else seconds,
        _TWO_PHASE_COMMIT: two_phase_commit,
    }
    if capable:
        options[_ERGOPY_COMMIT] = _VERSION
    return options


def whole_seconds(lifespan: float) -> int:
    """Round *lifespan* up to what can be said of it: a second is the least."""
    if lifespan >= MAX_LIFESPAN:
        return MAX_LIFESPAN
    return max(1, math.ceil(lifespan))


def read(options: Any) -> tuple[int, int, bool, bool] | None:
    """Return hop limit, lifespan, whether with two phases, and whether with ergopy's.

    What is missing, or of a wrong type, is as ergo has it by default; what is too large
    is cut. None if it is no map.
    """
    if options.__class__ is not dict and options.__class__ is not TermMap:
        return None
    hop_limit: Any = MAX_HOPS
    lifespan: Any = DEFAULT_LIFESPAN
    two_phase_commit = False
    version: Any = 0
    for key, value in options.items():
        # A charlist that came is a list. An atom is found as the text of the same name.
        name = _NAMES.get(key.decode("latin-1") if key.__class__ is bytes else key)
        if name is _HOP_LIMIT:
            hop_limit = value
        elif name is _LIFESPAN:
            lifespan = value
        elif name is _TWO_PHASE_COMMIT:
            two_phase_commit = value is True
        elif name is _ERGOPY_COMMIT:
            version = value
    return (
        _count(hop_limit, MAX_HOPS, MAX_HOPS),
        _count(lifespan, MAX_LIFESPAN, DEFAULT_LIFESPAN) or DEFAULT_LIFESPAN,
        two_phase_commit,
        # A later version is one that knows this one, too.
        two_phase_commit and _count(version, _VERSION, 0) == _VERSION,
    )


def _count(value: Any, most: int, default: int) -> int:
    if value.__class__ is not int and value.__class__ is not WideInteger:
        return default
    return min(int(value), most) if value >= 0 else default
