"""What may stand in a child specification, and the word OTP has for what may not.

Each check returns the value in our form, or raises :exc:`ergopy.SpecError` with the
reason that ``supervisor`` of OTP gives. The order in which they are made is OTP's too.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

import etf
from etf import Atom

from ...errors import SpecError
from ...node.checks import is_atom
from ...process.reasons import as_reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    E = TypeVar("E", bound=StrEnum)


class Strategy(StrEnum):
    """Whom a supervisor restarts when one child has to be."""

    ONE_FOR_ONE = "one_for_one"
    """That child alone."""
    ONE_FOR_ALL = "one_for_all"
    """All: the others are stopped first, the youngest first."""
    REST_FOR_ONE = "rest_for_one"
    """That child and those started after it."""
    SIMPLE_ONE_FOR_ONE = "simple_one_for_one"
    """That child; all are of one specification and are started at run time."""


class Restart(StrEnum):
    """When a child that has ended is restarted."""

    PERMANENT = "permanent"
    """Always."""
    TRANSIENT = "transient"
    """Unless it ended with ``normal``, ``shutdown`` or ``{shutdown, _}``."""
    TEMPORARY = "temporary"
    """Never; with it goes its specification."""


class Shutdown(StrEnum):
    """How a child is stopped, besides a number of seconds."""

    BRUTAL_KILL = "brutal_kill"
    """It is killed at once."""
    INFINITY = "infinity"
    """It is told ``shutdown``, and waited for as long as it takes."""


class AutoShutdown(StrEnum):
    """Whether a supervisor ends when its significant children have."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    ALL_SIGNIFICANT = "all_significant"


WORKER = Atom("worker")
SUPERVISOR = Atom("supervisor")
DYNAMIC = Atom("dynamic")

SHUTDOWN_SECONDS = 5.0
"""What a worker has for its end if its specification does not say."""


def refused(what: str, value: Any) -> SpecError:
    """Make the error ``{What, Value}``; a plain ``str`` as value means an atom."""
    return SpecError((Atom(what), as_reason(value)))


def strategy(value: Any) -> Strategy:
    """Check the strategy of a supervisor."""
    return one_of(Strategy, value, "invalid_strategy")


def intensity(value: Any) -> int:
    """Check how many restarts are fine."""
    if type(value) is int and value >= 0:
        return value
    raise refused("invalid_intensity", value)


def period(value: Any) -> float:
    """Check a number of seconds; OTP takes whole ones only."""
    if type(value) in (int, float) and 0 < value < math.inf:
        return float(value)
    raise refused("invalid_period", value)


def auto_shutdown(value: Any) -> AutoShutdown:
    """Check when a supervisor ends by itself."""
    return one_of(AutoShutdown, value, "invalid_auto_shutdown")


def identity(value: Any) -> Any:
    """Check the id of a child, which has to be a term; OTP knows nothing else."""
    value = as_reason(value)
    if value.__class__ is not Atom:
        try:
            etf.encode(value)
        except etf.EncodeError:
            raise refused("invalid_id", repr(value).encode()) from None
    return value


def restart(value: Any) -> Restart:
    """Check when a child is restarted."""
    return one_of(Restart, value, "invalid_restart_type")


def significant(
    value: Any, restarted: Restart, ending: AutoShutdown | None = None
) -> bool:
    """Check whether a child may be significant; *ending* is None if not known yet."""
    if value is True and ending is AutoShutdown.NEVER:
        raise _bad_combination("auto_shutdown", ending)
    if value is True and restarted is Restart.PERMANENT:
        raise _bad_combination("restart", restarted)
    if type(value) is bool:
        return value
    raise refused("invalid_significant", value)


def child_type(value: Any) -> Atom:
    """Check ``worker`` or ``supervisor``."""
    for known in (WORKER, SUPERVISOR):
        if isinstance(value, str) and value == known:
            return known
    raise refused("invalid_child_type", value)


def shutdown(value: Any) -> float | Shutdown:
    """Check seconds, or a word; ``math.inf`` is ``infinity``."""
    if isinstance(value, str):
        return one_of(Shutdown, value, "invalid_shutdown")
    if type(value) in (int, float) and value >= 0:
        return Shutdown.INFINITY if value == math.inf else float(value)
    raise refused("invalid_shutdown", value)


def modules(value: Any) -> Sequence[Any] | Atom:
    """Check a list of modules, or ``dynamic``."""
    if isinstance(value, str) and value == DYNAMIC:
        return DYNAMIC
    if not isinstance(value, list | tuple):
        raise refused("invalid_modules", value)
    checked = [as_reason(module) for module in value]
    for module in checked:
        if not is_atom(module):
            raise refused("invalid_module", module)
    return checked


def one_of(kind: type[E], value: Any, what: str) -> E:
    """Return the member of *kind* that a plain text names."""
    # An enum would look a bytes or a number up as well, and find nothing.
    if isinstance(value, str):
        try:
            return kind(value)
        except ValueError:
            pass
    raise refused(what, value)


def _bad_combination(key: str, value: StrEnum) -> SpecError:
    pairs = [(Atom(key), Atom(value)), (Atom("significant"), True)]
    return SpecError((Atom("bad_combination"), pairs))
