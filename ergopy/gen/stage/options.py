"""The options of a subscription, from Python or off the wire."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from etf import Atom

from ...errors.text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_DEMAND = 1000
"""Events asked for at first, unless told."""

INFINITY = 2**59 - 1
"""What is asked for without a limit: the largest integer that is small on a BEAM."""

PERMANENT = Atom("permanent")
TRANSIENT = Atom("transient")
TEMPORARY = Atom("temporary")
AUTOMATIC = Atom("automatic")
MANUAL = Atom("manual")

_CANCEL = Atom("cancel")
_INFINITY = Atom("infinity")
_MAX_DEMAND = Atom("max_demand")
_MIN_DEMAND = Atom("min_demand")
_PARTITION = Atom("partition")


@final
@dataclass(frozen=True, slots=True)
class Options:
    """How a consumer wants a subscription to be."""

    max_demand: int
    """How many events may be on the way, or not handled yet."""
    min_demand: int
    """When no more than these are to come, it asks for more."""
    cancel: str
    """``permanent``, ``transient`` or ``temporary``."""
    given: tuple[tuple[Atom, Any], ...]
    """All options, for the producer and its dispatcher."""


def read(given: Mapping[Any, Any]) -> Options:
    """Check the options of a subscription.

    Raises:
        ValueError: One makes no sense; the text says which, and why.
    """
    options = {Atom(key): _value(key, value) for key, value in given.items()}
    most = options.get(_MAX_DEMAND, MAX_DEMAND)
    if isinstance(most, str) and most == _INFINITY:
        most = INFINITY
    most = _integer("max_demand", most, 1, INFINITY)
    least = options.get(_MIN_DEMAND)
    if least is None:
        options.pop(_MIN_DEMAND, None)
        least = most // 2
    least = _integer("min_demand", least, 0, most - 1)
    mode = check_cancel(options.get(_CANCEL, PERMANENT))
    return Options(most, least, mode, tuple(options.items()))


def check_cancel(mode: Any) -> Atom:
    """Return the cancel mode *mode*, or raise ``ValueError``."""
    if isinstance(mode, str) and mode in (PERMANENT, TRANSIENT, TEMPORARY):
        return Atom(mode)
    raise ValueError(f"cancel= is permanent, transient or temporary, not {shown(mode)}")


def keywords(options: Any) -> dict[Atom, Any] | None:
    """Read a keyword list as it comes from a peer; None if it is none.

    Of a key that is there twice the first one counts, as in Elixir.
    """
    if not isinstance(options, list):
        return None
    found: dict[Atom, Any] = {}
    for option in options:
        match option:
            case (Atom() as key, value):
                found.setdefault(key, value)
            case _:
                return None
    return found


def _value(key: str, value: Any) -> Any:
    if value == math.inf:
        return _INFINITY
    # The names of modes and partitions are atoms.
    is_name = type(value) is str and key in (_CANCEL, _PARTITION)
    return Atom(value) if is_name else value


def _integer(name: str, value: Any, least: int, most: int) -> int:
    if type(value) is not int:
        raise ValueError(f"{name}= is a number of events, not {shown(value)}")
    if not least <= value <= most:
        raise ValueError(f"{name}= is from {least} to {most}, not {shown(value)}")
    return value
