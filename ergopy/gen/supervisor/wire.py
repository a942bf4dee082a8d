"""Child specifications as terms: what BEAMs send in, and what they are told.

A specification comes as a map, or as the tuple of six that OTP took before there were
maps. Its ``shutdown`` is in milliseconds. It is checked as a supervisor of OTP checks
it, and refused with the same reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from etf import Atom

from ...errors import SpecError
from ...node.checks import is_atom
from ...process.atoms import UNDEFINED
from ..system import portable
from . import checks
from .checks import SHUTDOWN_SECONDS, SUPERVISOR, WORKER, AutoShutdown, Shutdown
from .spec import ChildSpec

_ID = Atom("id")
_START = Atom("start")
_RESTART = Atom("restart")
_SIGNIFICANT = Atom("significant")
_SHUTDOWN = Atom("shutdown")
_TYPE = Atom("type")
_MODULES = Atom("modules")
_CHILD = Atom("child")

_KEYS = (_ID, _START, _RESTART, _SHUTDOWN, _TYPE, _MODULES)


def from_term(term: Any, ending: AutoShutdown | None = None) -> ChildSpec:
    """Read a specification; *ending* is the ``auto_shutdown`` of its supervisor.

    Raises:
        SpecError: A supervisor of OTP refuses it with that reason.
    """
    if isinstance(term, tuple) and len(term) == len(_KEYS):
        term = dict(zip(_KEYS, term, strict=True))
    if not isinstance(term, Mapping):
        raise SpecError((Atom("invalid_child_spec"), term))
    for key in (_ID, _START):
        if key not in term:
            raise SpecError(Atom(f"missing_{key}"))
    mfa = _mfa(term[_START])
    restart = checks.restart(term.get(_RESTART, "permanent"))
    significant = checks.significant(term.get(_SIGNIFICANT, False), restart, ending)
    kind = checks.child_type(term.get(_TYPE, WORKER))
    usual = Shutdown.INFINITY if kind is SUPERVISOR else SHUTDOWN_SECONDS
    return ChildSpec(
        mfa,
        # The atom nil is None here, which says nothing to a ChildSpec.
        id=Atom("nil") if term[_ID] is None else term[_ID],
        restart=restart,
        significant=significant,
        type=kind,
        shutdown=_seconds(term[_SHUTDOWN]) if _SHUTDOWN in term else usual,
        modules=_modules(term[_MODULES]) if _MODULES in term else None,
    )


def _mfa(start: Any) -> Any:
    if isinstance(start, tuple) and len(start) == 3:
        module, function, args = start
        if is_atom(module) and is_atom(function) and isinstance(args, list):
            return start
    raise checks.refused("invalid_mfa", start)


def _seconds(shutdown: Any) -> float | Shutdown:
    if isinstance(shutdown, float):
        raise checks.refused("invalid_shutdown", shutdown)
    seconds = shutdown / 1000 if type(shutdown) is int else shutdown
    try:
        return checks.shutdown(seconds)
    except SpecError:
        raise checks.refused("invalid_shutdown", shutdown) from None


def _modules(modules: Any) -> Any:
    # None is the atom nil, which is no list.
    if modules is None or isinstance(modules, tuple):
        raise checks.refused("invalid_modules", modules)
    return modules


def to_map(spec: ChildSpec) -> dict[Atom, Any]:
    """Return the map that ``supervisor:get_childspec`` shows, with all its keys."""
    return {
        _ID: spec.id,
        _START: shown_mfa(spec),
        _RESTART: Atom(spec.restart),
        _SIGNIFICANT: spec.significant,
        _SHUTDOWN: milliseconds(spec.shutdown),
        _TYPE: spec.type,
        _MODULES: spec.modules,
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
