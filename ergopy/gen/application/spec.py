"""What an application is, as data: what OTP has in the file ``NAME.app``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, final

from etf import Atom

from ...process import environment

if TYPE_CHECKING:
    from ..supervisor import Backoff
    from .application import Application

    Dependency: TypeAlias = "str | ApplicationSpec | type[Application]"


class StartType(StrEnum):
    """What the end of an application means for its node."""

    PERMANENT = "permanent"
    """Any end ends the node."""

    TRANSIENT = "transient"
    """An end that is not clean ends the node."""

    TEMPORARY = "temporary"
    """It is reported, and that is all."""


@final
@dataclass(frozen=True, kw_only=True)
class ApplicationSpec:
    """An application as data; a subclass of ``Application`` says the same as a class.

    Raises:
        TypeError, ValueError: A field has a value that cannot be.
    """

    name: str
    """What it is called, an atom on the wire."""
    args: Sequence[Any] = ()
    """What ``start`` is called with."""
    version: str = ""
    description: str = ""
    dependencies: Sequence[Dependency] = ()
    """What has to run before it: names, and classes and specs to load with it."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    """What its processes find in their ``env`` if nobody says otherwise."""
    children: Sequence[Any] = ()
    """What its top supervisor starts: as for :class:`ergopy.Supervisor`."""
    strategy: str | None = None
    intensity: int | None = None
    period: float | None = None
    auto_shutdown: str | None = None
    backoff: Backoff | None = None
    drain: str | None = None
    budget: float | None = None
    """These seven are of the top supervisor; None is what a ``Supervisor`` has."""
    start_type: StartType | str | None = None
    """What its end means. None leaves that to who starts it."""
    lifespan: float = math.inf
    """Seconds after which it ends by itself, with reason ``normal``."""
    start_phases: Sequence[tuple[str, Any]] = ()
    """Steps after the start: ``start_phase(name, argument)`` is called for each."""
    registered: Sequence[str] = ()
    """Names that its processes register; only to be looked at."""
    behaviour: type[Application] | None = None
    """The class with the callbacks; None is :class:`ergopy.Application` itself."""

    needs: tuple[str, ...] = field(init=False)
    """The names of its dependencies."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise TypeError(f"the name of an application is a str, not {self.name!r}")
        Atom(self.name)
        for what in ("args", "dependencies", "children", "start_phases", "registered"):
            value = getattr(self, what)
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise TypeError(f"{self.name}: {what}= is a list, not {value!r}")
        if self.start_type is not None:
            object.__setattr__(self, "start_type", StartType(self.start_type))
        if not self.lifespan > 0:
            raise ValueError(f"{self.name}: lifespan={self.lifespan!r} is no time")
        own = MappingProxyType(environment.checked(self.environment))
        object.__setattr__(self, "environment", own)
        object.__setattr__(self, "needs", tuple(map(name_of, self.dependencies)))

    @property
    def module(self) -> str | None:
        """The callback module as other nodes see it; None for a library."""
        kind = self.behaviour
        if kind is None:
            return "ergopy.Application" if self.children else None
        return f"{kind.__module__}.{kind.__qualname__}"[:255]


def as_spec(application: Any) -> ApplicationSpec:
    """Return the spec of what may be a class or a spec itself.

    Raises:
        TypeError: It is neither.
    """
    if isinstance(application, ApplicationSpec):
        return application
    if isinstance(application, type):
        make = getattr(application, "as_spec", None)
        if make is not None:
            return make()  # type: ignore[no-any-return]
    raise TypeError(f"not an application: {application!r}")


def name_of(application: Any) -> str:
    """Return the name of what may be a name, a class or a spec.

    Raises:
        TypeError: It is none of these.
    """
    if isinstance(application, str):
        return application
    if isinstance(application, ApplicationSpec):
        return application.name
    if isinstance(application, type) and hasattr(application, "as_spec"):
        # Not by its spec: that names others, which may name this one again.
        return getattr(application, "name", None) or _snake(application.__name__)
    raise TypeError(f"not an application: {application!r}")


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
