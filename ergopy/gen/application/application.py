"""Application: what a program is made of, with one way to start and to stop it."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, final

from ..supervisor import Supervisor, SupervisorSpec
from ..supervisor.flags import NAMES
from .spec import ApplicationSpec, name_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etf import Pid

    from ...process.environment import Environment
    from ...process.process import Process
    from ..supervisor import Backoff
    from .spec import Dependency, StartType


class Application:
    """A part of a program that is started and stopped as one; ``application``.

    ::

        class Shop(ergopy.Application):
            version = "1.2"
            dependencies = [Stock]
            environment = {"currency": "EUR"}
            start_type = "permanent"
            children = [Till, (Shelf, 10)]

    The attributes are those of :class:`ergopy.ApplicationSpec`; the name is by default
    that of the class, as ``shop_front`` for ``ShopFront``. The children run under a top
    supervisor. One that has no children and no ``start`` of its own runs nothing, like
    a library application of OTP: it is there to have dependencies and an environment.

    The callbacks are those of OTP and run in a process of the application's own, which
    is :attr:`process`. State is on ``self``: each start makes a new instance. It is no
    behaviour, because ``start`` and ``stop`` are the callbacks here.
    """

    name: ClassVar[str]
    args: ClassVar[Sequence[Any]]
    version: ClassVar[str]
    description: ClassVar[str]
    dependencies: ClassVar[Sequence[Dependency]]
    environment: ClassVar[Mapping[str, Any]]
    children: ClassVar[Sequence[Any]]
    strategy: ClassVar[str]
    intensity: ClassVar[int]
    period: ClassVar[float]
    auto_shutdown: ClassVar[str]
    backoff: ClassVar[Backoff | None]
    drain: ClassVar[str]
    budget: ClassVar[float | None]
    start_type: ClassVar[StartType | str]
    lifespan: ClassVar[float]
    start_phases: ClassVar[Sequence[tuple[str, Any]]]
    registered: ClassVar[Sequence[str]]

    process: Process
    """The process that the callbacks run in; there from before ``start``."""

    def __init__(self, spec: ApplicationSpec) -> None:
        self.spec = spec

    @classmethod
    def as_spec(cls) -> ApplicationSpec:
        """Return the attributes of the class as data."""
        told = {
            field.name: getattr(cls, field.name)
            for field in fields(ApplicationSpec)
            if field.init and hasattr(cls, field.name)
        }
        return ApplicationSpec(**told | {"name": name_of(cls), "behaviour": cls})

    @property
    def node(self) -> Any:
        """The node it runs on."""
        return self.process.node

    @property
    def env(self) -> Environment:
        """What the processes of this application find in their ``env``."""
        return self.process.env

    async def start(self, *args: Any) -> Pid:
        """Start the top process, linked to :attr:`process`; return its pid.

        ``start/2``, without a start type: it is always ``normal``. By default this is a
        supervisor of ``children``. *args* are those of the spec.
        """
        spec = self.spec
        flags = {name: getattr(spec, name) for name in NAMES}
        children = SupervisorSpec(spec.children, **flags)
        return await self.process.start(TopSupervisor, children, spec.name, link=True)

    async def start_phase(self, phase: str, argument: Any) -> None:
        """Do one of ``start_phases``, when the top process is up; ``start_phase/3``."""

    async def prep_stop(self) -> None:
        """Prepare for the end, while the processes still run; ``prep_stop/1``."""

    async def stop(self) -> None:
        """Clean up when the processes have ended, whatever the reason; ``stop/1``."""

    async def config_change(
        self, changed: Mapping[str, Any], new: Mapping[str, Any], removed: Sequence[str]
    ) -> None:
        """Take a change of the environment of the running one; ``config_change/3``."""


@final
class TopSupervisor(Supervisor):
    """The supervisor of an application's children, which has its name in logs."""

    async def init(self, children: Any = (), name: str = "") -> Any:
        self.process.label = f"{name}_sup"
        return children
