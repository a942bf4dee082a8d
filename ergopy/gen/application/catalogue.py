"""What is known of the applications of a node: their specs, states and environments.

The environment of an application is, each above the former: that of its spec, that of
the node, and what was set for it. A running one has what this was at its start, what
was set since, and what its own callbacks have put there. Its processes have inherited
it; so one that runs already does not see a later change, but can ask for it here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import (
    ApplicationAlreadyLoaded,
    ApplicationNotLoaded,
    ApplicationRunning,
    ErgopyError,
)
from ...process.environment import checked, extend
from . import info, terms
from .spec import as_spec, name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etf import Pid

    from .info import ApplicationInfo
    from .run import Run
    from .spec import ApplicationSpec


class Catalogue:
    """The applications that are loaded; :class:`~.applications.Applications` runs them.

    They are known by name. Where an *application* is asked for, a class or a spec will
    do as well.
    """

    def __init__(self, node: Any, environment: Mapping[str, Any]) -> None:
        self._node = node
        self._environment = environment
        self._specs: dict[str, ApplicationSpec] = {}
        self._changes: dict[str, dict[str, Any]] = {}
        self._runs: dict[str, Run] = {}

    def __repr__(self) -> str:
        return f"<Applications {', '.join(self._specs)}>"

    def load(
        self, application: Any, environment: Mapping[str, Any] | None = None
    ) -> str:
        """Make an application known, and those it names as its dependencies.

        ``application:load/1``. Nothing is started. *environment* is set for it, as by
        :meth:`set_env`. Returns the name. To load the same again does nothing, and so
        does a load that raises.

        Raises:
            ApplicationAlreadyLoaded: Another one of that name is loaded.
            TypeError: *application* is neither a class nor a spec.
        """
        found: dict[str, ApplicationSpec] = {}
        name = self._gather(application, found)
        values = checked(environment or {})
        self._specs |= found
        self._set(name, values)
        return name

    def _gather(self, application: Any, found: dict[str, ApplicationSpec]) -> str:
        """Put *application* and what it brings with it into *found*."""
        spec = as_spec(application)
        name = spec.name
        if found.get(name, spec) != spec or self._specs.get(name, spec) != spec:
            raise ApplicationAlreadyLoaded(name)
        if name not in found:
            found[name] = spec
            for dependency in spec.dependencies:
                if not isinstance(dependency, str):
                    self._gather(dependency, found)
        return name

    def unload(self, application: Any) -> None:
        """Forget an application, and what was set for it; ``application:unload/1``.

        Raises:
            ApplicationRunning: It runs.
            ApplicationNotLoaded: It is not known.
        """
        name = self._name(application)
        if name in self._runs:
            raise ApplicationRunning(name)
        del self._specs[name]
        self._changes.pop(name, None)

    def loaded(self) -> list[ApplicationInfo]:
        """Return all that are loaded, in that order; ``loaded_applications/0``."""
        return [info.take(spec, self._runs.get(n)) for n, spec in self._specs.items()]

    def which(self) -> list[ApplicationInfo]:
        """Return those that run, in the order of their start; ``which_applications``.

        OTP returns the youngest first, and so do other nodes hear it.
        """
        runs = [run for run in self._runs.values() if run.up]
        return [info.take(run.application.spec, run) for run in runs]

    def info(self, application: Any) -> ApplicationInfo:
        """Look at one application.

        Raises:
            ApplicationNotLoaded: It is not known.
        """
        name = self._name(application)
        return info.take(self._specs[name], self._runs.get(name))

    def find(self, name: Any) -> ApplicationInfo | None:
        """Look at one by its name; None if it is not known."""
        known = isinstance(name, str) and name in self._specs
        return self.info(name) if known else None

    def application_of(self, pid: Pid) -> str | None:
        """Return whose process that is, or None; ``get_application/1``.

        As in OTP the group leader of a process says so.
        """
        process = self._node.runtime.find(pid)
        for name, run in self._runs.items() if process is not None else ():
            master = run.master
            if master is not None and process.group_leader == master.pid:
                return name
        return None

    def application_with(self, module: Any) -> str | None:
        """Return which application has that callback module, or None."""
        found = (n for n, spec in self._specs.items() if spec.module == module)
        return next(found, None)

    def get_env(self, application: Any, key: str, default: Any = None) -> Any:
        """Return a variable of an application, as it is now; ``get_env/3``.

        Raises:
            ApplicationNotLoaded: It is not known.
        """
        return self.get_all_env(application).get(key, default)

    def get_all_env(self, application: Any) -> dict[str, Any]:
        """Return all variables of an application, as they are now; ``get_all_env/1``.

        Raises:
            ApplicationNotLoaded: It is not known.
        """
        name = self._name(application)
        run = self._runs.get(name)
        if run is not None and run.starter is not None:
            return dict(run.starter.environment)
        return self._configured(name)

    def set_env(self, application: Any, key: str, value: Any) -> None:
        """Set a variable of an application; ``set_env/3``.

        It is kept until the application is unloaded. In one that runs, what is started
        later by the process of its callbacks begins with it.

        Raises:
            ApplicationNotLoaded: It is not known.
            TypeError: The key is no ``str``.
        """
        self._set(self._name(application), {key: value})

    def keys(self, name: Any) -> dict[str, Any] | None:
        """Return what ``get_all_key/1`` tells, by key; None if it is not known."""
        known = isinstance(name, str) and name in self._specs
        return terms.keys(self._specs[name]) if known else None

    def _set(self, name: str, values: Mapping[str, Any]) -> None:
        values = checked(values)
        self._changes.setdefault(name, {}).update(values)
        run = self._runs.get(name)
        if run is not None and run.starter is not None:
            extend(run.starter, values)

    def _replace(self, name: str, values: Mapping[str, Any]) -> None:
        """Have *values* instead of all that was set before."""
        self._changes[name] = checked(values)
        run = self._runs.get(name)
        if run is not None and run.starter is not None:
            run.starter.environment = self._configured(name)

    def _configured(self, name: str) -> dict[str, Any]:
        """Return what an application begins with."""
        try:
            base = self._node.env
        except ErgopyError:
            # The node is down, and will begin with this.
            base = self._environment
        own = self._specs[name].environment
        return {**own, **base, **self._changes.get(name, {})}

    def _needs(self) -> dict[str, tuple[str, ...]]:
        return {name: spec.needs for name, spec in self._specs.items()}

    def _name(self, application: Any) -> str:
        """Return the name of an application that is loaded."""
        name = name_of(application)
        if name not in self._specs:
            raise ApplicationNotLoaded(name)
        return name
