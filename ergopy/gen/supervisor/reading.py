"""Reading child specifications, in whatever form a program or a BEAM gives them.

A BEAM sends a map, or the tuple of six that OTP took before there were maps, with
``shutdown`` in milliseconds. It is checked as a supervisor of OTP checks it, and
refused with the same reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from etf import Atom

from ...errors import SpecError
from ...node.checks import is_atom
from . import checks
from .checks import SHUTDOWN_SECONDS, SUPERVISOR, WORKER, AutoShutdown, Shutdown
from .spec import ChildSpec
from .terms import ID, MODULES, RESTART, SHUTDOWN, SIGNIFICANT, START, TYPE

_KEYS = (ID, START, RESTART, SHUTDOWN, TYPE, MODULES)


def as_spec(child: Any, ending: AutoShutdown | None = None) -> ChildSpec:
    """Take whatever a program, or another node, may give as a child.

    *ending* is the ``auto_shutdown`` of its supervisor, if that is known.

    Raises:
        SpecError: It is none.
    """
    if isinstance(child, ChildSpec):
        return child
    if callable(child):
        return ChildSpec(child)
    if isinstance(child, tuple) and child and callable(child[0]):
        return ChildSpec(*child)
    return from_term(child, ending)


def from_term(term: Any, ending: AutoShutdown | None = None) -> ChildSpec:
    """Read a specification; *ending* is the ``auto_shutdown`` of its supervisor.

    Raises:
        SpecError: A supervisor of OTP refuses it with that reason.
    """
    if isinstance(term, tuple) and len(term) == len(_KEYS):
        term = dict(zip(_KEYS, term, strict=True))
    if not isinstance(term, Mapping):
        raise SpecError((Atom("invalid_child_spec"), term))
    for key in (ID, START):
        if key not in term:
            raise SpecError(Atom(f"missing_{key}"))
    mfa = _mfa(term[START])
    restart = checks.restart(term.get(RESTART, "permanent"))
    significant = checks.significant(term.get(SIGNIFICANT, False), restart, ending)
    kind = checks.child_type(term.get(TYPE, WORKER))
    usual = Shutdown.INFINITY if kind is SUPERVISOR else SHUTDOWN_SECONDS
    return ChildSpec(
        mfa,
        # The atom nil is None here, which says nothing to a ChildSpec.
        id=Atom("nil") if term[ID] is None else term[ID],
        restart=restart,
        significant=significant,
        type=kind,
        shutdown=seconds(term[SHUTDOWN]) if SHUTDOWN in term else usual,
        modules=_modules(term[MODULES]) if MODULES in term else None,
    )


def _mfa(start: Any) -> Any:
    if isinstance(start, tuple) and len(start) == 3:
        module, function, args = start
        if is_atom(module) and is_atom(function) and isinstance(args, list):
            return start
    raise checks.refused("invalid_mfa", start)


def seconds(shutdown: Any) -> float | Shutdown:
    """Read a ``shutdown`` as OTP writes it.

    Raises:
        SpecError: It is none.
    """
    if isinstance(shutdown, float):
        raise checks.refused("invalid_shutdown", shutdown)
    told = shutdown / 1000 if type(shutdown) is int else shutdown
    try:
        return checks.shutdown(told)
    except SpecError:
        raise checks.refused("invalid_shutdown", shutdown) from None


def _modules(modules: Any) -> Any:
    # None is the atom nil, which is no list.
    if modules is None or isinstance(modules, tuple):
        raise checks.refused("invalid_modules", modules)
    return modules
