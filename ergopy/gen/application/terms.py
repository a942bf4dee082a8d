"""Applications as other nodes see them: ``application:which_applications`` and so on.

The shapes are OTP's, text is a charlist. What is in an environment is not for everybody
who has the cookie: that is exported separately.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Charlist, Pid

from ...process.atoms import OK, UNDEFINED
from ..portable import portable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .applications import Applications
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


def functions(applications: Applications) -> dict[str, dict[str, Callable[..., Any]]]:
    """Return what other nodes may call, by module; nothing of it changes anything."""

    def which(_: Any = None) -> Any:
        return descriptions(applications.which())

    def loaded() -> Any:
        return descriptions(applications.loaded())

    def get_all_key(name: Any) -> Any:
        told = applications.keys(name)
        return UNDEFINED if told is None else (OK, _properties(told))

    def get_key(name: Any, key: Any) -> Any:
        told = applications.keys(name) or {}
        return (OK, told[key]) if key in told else UNDEFINED

    def get_application(what: Any) -> Any:
        if isinstance(what, Pid):
            name = applications.application_of(what)
        else:
            name = applications.application_with(what)
        return UNDEFINED if name is None else (OK, Atom(name))

    def get_supervisor(name: Any) -> Any:
        info = applications.find(name)
        return UNDEFINED if info is None or info.top is None else (OK, info.top)

    def get_master(name: Any) -> Any:
        info = applications.find(name)
        return UNDEFINED if info is None or info.pid is None else info.pid

    both: dict[str, Callable[..., Any]] = {
        "get_all_key": get_all_key,
        "get_application": get_application,
        "get_key": get_key,
        "loaded_applications": loaded,
        "which_applications": which,
    }
    return {
        "application": {**both, "get_supervisor": get_supervisor},
        "application_controller": {**both, "get_master": get_master},
    }


def environments(applications: Applications) -> dict[str, Callable[..., Any]]:
    """Return the functions that show what is in an environment."""

    def get_all_env(name: Any) -> Any:
        if applications.find(name) is None:
            return []
        return _properties(applications.get_all_env(name))

    def get_env(name: Any, key: Any, *default: Any) -> Any:
        if applications.find(name) is not None:
            told = applications.get_all_env(name)
            if key in told:
                value = portable(told[key])
                return value if default else (OK, value)
        return default[0] if default else UNDEFINED

    return {"get_all_env": get_all_env, "get_env": get_env}


def _properties(told: Mapping[str, Any]) -> list[tuple[Atom, Any]]:
    return [(Atom(key), portable(value)) for key, value in told.items()]
