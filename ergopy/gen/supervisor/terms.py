"""Child specifications as terms: what BEAMs are told of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from etf import Atom

from ...process.atoms import UNDEFINED
from ..portable import portable
from .checks import Shutdown

if TYPE_CHECKING:
    from .spec import ChildSpec

ID = Atom("id")
START = Atom("start")
RESTART = Atom("restart")
SIGNIFICANT = Atom("significant")
SHUTDOWN = Atom("shutdown")
TYPE = Atom("type")
MODULES = Atom("modules")
_CHILD = Atom("child")


def to_map(spec: ChildSpec) -> dict[Atom, Any]:
    """Return the map that ``supervisor:get_childspec`` shows, with all its keys."""
    return {
        ID: spec.id,
        START: shown_mfa(spec),
        RESTART: Atom(spec.restart),
        SIGNIFICANT: spec.significant,
        SHUTDOWN: milliseconds(spec.shutdown),
        TYPE: spec.type,
        MODULES: spec.modules,
    }


def to_record(spec: ChildSpec) -> tuple[Any, ...]:
    """Return the ``#child{}`` that the answer to a start that failed has in it."""
    return (
        _CHILD,
        UNDEFINED,
        spec.id,
        shown_mfa(spec),
        Atom(spec.restart),
        spec.significant,
        milliseconds(spec.shutdown),
        spec.type,
        spec.modules,
    )


def milliseconds(shutdown: float | Shutdown) -> int | Atom:
    """Return a ``shutdown`` as OTP writes it; never too short a time."""
    if isinstance(shutdown, Shutdown):
        return Atom(shutdown)
    return math.ceil(round(shutdown * 1000, 3))


def shown_mfa(spec: ChildSpec) -> Any:
    """Return the start; arguments that are no terms are shown as text."""
    module, function, args = spec.mfa
    return (module, function, portable(args))
