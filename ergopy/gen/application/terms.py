"""Applications as other nodes see them: ``application:which_applications`` and so on.

The shapes are OTP's, text is a charlist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Charlist

from ...process.atoms import UNDEFINED
from ..portable import portable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .info import ApplicationInfo
    from .spec import ApplicationSpec

_INFINITY = Atom("infinity")


def descriptions(infos: Iterable[ApplicationInfo]) -> list[tuple[Any, ...]]:
    """Return ``[{Name, Description, Version}]``, the youngest first."""
    told = [
        (Atom(info.name), Charlist(info.description), Charlist(info.version))
        for info in infos
    ]
    return told[::-1]


def keys(spec: ApplicationSpec) -> dict[str, Any]:
    """Return what ``application:get_all_key/1`` tells, but the environment."""
    module = spec.module
    modules = [] if module is None else [Atom(module)]
    phases = [(Atom(name), portable(value)) for name, value in spec.start_phases]
    return {
        "description": Charlist(spec.description),
        "id": [],
        "vsn": Charlist(spec.version),
        "modules": modules,
        "maxP": _INFINITY,
        "maxT": _INFINITY,
        "registered": [Atom(name) for name in spec.registered],
        "included_applications": [],
        "optional_applications": [],
        "applications": [Atom(name) for name in spec.needs],
        "mod": (modules[0], portable(list(spec.args))) if modules else [],
        "start_phases": phases or UNDEFINED,
    }
