"""One application from its start to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import trio

from ...process.atoms import NORMAL, SHUTDOWN
from ...process.shutdown import kill_all
from .application import Application
from .master import lead
from .reports import killed_report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...process.process import Process
    from .spec import ApplicationSpec, StartType


@final
class Run:
    """What is known of a running application; it is told when its master ends.

    Args:
        spec: What is to run.
        start_type: What its end will mean.
        environment: What its processes begin with.
        on_up: Called with this when its start is over and went well.
        on_end: Called with this and the exit reason, in the step of the end.
    """

    def __init__(
        self,
        spec: ApplicationSpec,
        start_type: StartType,
        environment: Mapping[str, Any],
        on_up: Callable[[Run], object],
        on_end: Callable[[Run, Any], object],
    ) -> None:
        self.name = spec.name
        self.start_type = start_type
        self.environment = environment
        self.application = (spec.behaviour or Application)(spec)
        self.master: Process | None = None
        self.top: Process | None = None
        """Its top process, while that lives."""
        self.gave_up = False
        """Whether it has ended because its top supervisor had too many restarts."""
        self.since = trio.current_time()
        self.up = False
        """Whether its start is over, and went well."""
        self.failure: Any = None
        """The exit reason if it did not come up."""
        self.settled = trio.Event()
        """Set when its start is over."""
        self.stopping = False
        """Whether its end was asked for."""
        self.ended = trio.Event()
        """Set when its master has ended."""
        self._on_up = on_up
        self._on_end = on_end

    @property
    def starter(self) -> Process | None:
        """The process of its callbacks, once there is one."""
        return getattr(self.application, "process", None)

    @property
    def is_library(self) -> bool:
        """Whether it has nothing to run."""
        application = self.application
        starts = type(application).start is not Application.start
        return not (starts or application.spec.children)

    def begin(self, parent: Process) -> None:
        """Start its master, linked to *parent*; a library has none, and is up."""
        if self.is_library:
            self.come_up()
            return
        master = parent.runtime.spawn(lead, (self,), parent=parent)
        parent.link_nowait(master.pid)
        master.label = f"application_master {self.name}"
        master.watchers[self] = self
        self.master = master

    def come_up(self) -> None:
        """Its start is over, and went well."""
        self.up = True
        self.settled.set()
        self._on_up(self)

    def lost_top(self) -> None:
        """Its top process has ended."""
        assert self.top is not None
        supervisor = self.top.supervisor
        is_one = supervisor is not None and supervisor.process is self.top
        self.gave_up = is_one and supervisor.gave_up
        self.top = None

    def members(self) -> list[Process]:
        """Return the living processes of the application, but its master."""
        master = self.master
        if master is None:
            return []
        return [
            process
            for process in master.runtime.processes.values()
            if process.group_leader == master.pid and process is not master
        ]

    async def stop(self, grace: float) -> int:
        """End it, once its start is over; kill what is left after *grace* seconds.

        Returns how many were killed. Several may ask for it, and wait.
        """
        if not self.stopping:
            self.stopping = True
            self._tell()
        with trio.move_on_after(grace):
            await self.ended.wait()
        if self.ended.is_set() or self.master is None:
            return 0
        killed = await kill_all([*self.members(), self.master])
        killed_report(self.master, self.name, killed)
        return killed

    def _tell(self) -> None:
        master = self.master
        if master is None:
            self.fire(NORMAL)
        elif master.parent is not None:
            master.exit_from(master.parent, SHUTDOWN, link=True)

    def fire(self, reason: Any) -> None:
        """Hear that the master has ended; or that a library is to."""
        if not self.up:
            self.failure = reason
        self.settled.set()
        self.ended.set()
        self._on_end(self, reason)
