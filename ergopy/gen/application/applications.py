"""``node.applications``: the verbs that start and stop the applications of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import trio

from ...errors import (
    ApplicationNotStarted,
    ApplicationRunning,
    ApplicationStartError,
    ApplicationTerminated,
    LocalProtocolError,
)
from ...process import reasons
from ...process.shutdown import LAST_WORDS
from .catalogue import Catalogue
from .controller import NAME, ApplicationController
from .order import start_order
from .reports import STOPPED, exited_report, started_report
from .run import Run
from .spec import StartType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...process.process import Process

_TEMPORARY = StartType.TEMPORARY
_TRANSIENT = StartType.TRANSIENT

KERNEL = "kernel"
"""The application of the node's own services, which ends last."""


@final
class Applications(Catalogue):
    """The applications of a node; ``application`` of OTP.

    What is loaded stays so while the node is down. Where an *application* is asked for,
    its name will do, its class, or its :class:`ergopy.ApplicationSpec`.
    """

    def __init__(self, node: Any, environment: Mapping[str, Any]) -> None:
        super().__init__(node, environment)
        self._closing = False
        self._controller: Process | None = None
        self._lock = trio.Lock()

    async def start(
        self,
        *applications: Any,
        start_type: StartType | str | None = None,
        environment: Mapping[str, Any] | None = None,
        strict: bool = False,
    ) -> list[str]:
        """Start applications, and what they depend on first; ``ensure_all_started``.

        Classes and specs are loaded by that. Returns the names of those that this call
        has started, in that order; what runs already is no error. One that another
        task is starting is waited for.

        Args:
            applications: One or several.
            start_type: What the end of those means that do not say it themselves;
                ``"temporary"`` by default.
            environment: Set for these applications, as by :meth:`set_env`.
            strict: Do as ``application:start/2``: start no dependency, and complain of
                what runs already.

        Raises:
            ApplicationStartError: One did not come up; ``reason`` says why. Those that
                this call has started before are stopped again.
            ApplicationNotLoaded: One of them, or of what they need, is not known.
            DependencyCycle: They need each other. Nothing was started.
            ApplicationNotStarted, ApplicationRunning: With *strict*.

        Cancelled, it stops the one that is coming up, too, which may take as long as
        the node has for its own end.
        """
        kind = StartType(start_type or StartType.TEMPORARY)
        names = [self._take(application) for application in applications]
        order = self._strictly(names) if strict else start_order(names, self._needs())
        for name in names if environment else ():
            self._set(name, environment or {})
        started: list[str] = []
        try:
            for name in order:
                if await self._start_one(await self._parent(), name, kind):
                    started.append(name)
        except BaseException:
            with trio.CancelScope(shield=True):
                await self._stop_in_reverse(started, None)
            raise
        return started

    async def stop(self, application: Any, grace: float | None = None) -> int:
        """Stop one application; ``application:stop/1``. It stays loaded.

        Its callbacks ``prep_stop`` and ``stop`` run, before and after its processes
        end in the order that its supervisors keep. Others that depend on it go on, as
        in OTP. Returns how many processes had to be killed.

        Cancelled, it does not wait any longer. The application ends all the same, but
        nobody looks at the time, unless it is stopped again or the node ends.

        Args:
            application: Which.
            grace: Seconds that all of this may take; then who is left is killed. None
                is what the node has for its own end.

        Raises:
            ApplicationNotStarted: It does not run.
            ApplicationNotLoaded: It is not known.
        """
        name = self._name(application)
        run = self._runs.get(name)
        if run is None:
            raise ApplicationNotStarted(name)
        return await run.stop(self._node.grace if grace is None else grace)

    async def restart(self, application: Any, grace: float | None = None) -> None:
        """Stop one application and start it again, as what it was started."""
        name = self._name(application)
        run = self._runs.get(name)
        await self.stop(name, grace)
        assert run is not None
        await self.start(name, start_type=run.start_type)

    async def change_config(
        self, application: Any, environment: Mapping[str, Any]
    ) -> None:
        """Replace what was set for an application, and tell it if it runs.

        ``config_change(changed, new, removed)`` is called, as it is after a release
        upgrade in OTP, if there is any difference. What it raises is raised here.
        """
        name = self._name(application)
        before = self.get_all_env(name)
        self._replace(name, environment)
        after = self.get_all_env(name)
        changed = {k: v for k, v in after.items() if k in before and before[k] != v}
        new = {k: v for k, v in after.items() if k not in before}
        removed = [k for k in before if k not in after]
        run = self._runs.get(name)
        if run is not None and run.up and (changed or new or removed):
            await run.application.config_change(changed, new, removed)

    async def stop_all(self, over: float | None = None, *, but: str = "") -> int:
        """End all of them, the youngest first; none can be started any more.

        Who needs longer than until *over* is killed, but a second is left to each; by
        default each has what the node has for its own end. *but* that one goes on.
        """
        self._closing = True
        return await self._stop_in_reverse([n for n in self._runs if n != but], over)

    def reset(self) -> None:
        """Begin anew, with a node that is coming up."""
        self._closing = False

    def _take(self, application: Any) -> str:
        if isinstance(application, str):
            return self._name(application)
        return self.load(application)

    def _strictly(self, names: Sequence[str]) -> Sequence[str]:
        for name in names:
            if name in self._runs:
                raise ApplicationRunning(name)
            for needed in self._specs[name].needs:
                run = self._runs.get(needed)
                if run is None or not run.up:
                    raise ApplicationNotStarted(needed, name)
        return names

    async def _start_one(self, parent: Process, name: str, kind: StartType) -> bool:
        """Start it if it does not run; tell whether this has started it."""
        while (other := self._runs.get(name)) is not None:
            if other.up and not other.stopping:
                return False
            await (other.ended if other.stopping else other.settled).wait()
            if not other.up:
                raise ApplicationStartError(name, other.failure)
        if self._closing:
            raise LocalProtocolError(f"node {self._node.name} is not running")
        spec = self._specs[name]
        kind = StartType(spec.start_type or kind)
        env = self.get_all_env(name)
        run = self._runs[name] = Run(spec, kind, env, self._came_up, self._ended)
        try:
            run.begin(parent)
            await run.settled.wait()
        except BaseException:
            with trio.CancelScope(shield=True):
                await run.stop(self._node.grace)
            raise
        if not run.up:
            raise ApplicationStartError(name, run.failure)
        return True

    async def _parent(self) -> Process:
        """Return the controller; start it if this is a node without services."""
        async with self._lock:
            if self._controller is None:
                runtime = self._node.runtime
                pid = await runtime.root.start(
                    ApplicationController, name=NAME, applications=self
                )
                self._controller = runtime.processes[pid.id]
        return self._controller

    def lost_controller(self, reason: Any) -> None:
        """Hear that the controller has ended: as in OTP the node cannot go on."""
        self._controller = None
        if not self._closing:
            self._node.fail(ApplicationTerminated(KERNEL, reason, StartType.PERMANENT))

    def _came_up(self, run: Run) -> None:
        """Make *run* the last of those that run."""
        self._forget(run)
        self._runs[run.name] = run
        started_report(self._node.name, run)

    def _ended(self, run: Run, reason: Any) -> None:
        """Hear that *run* has ended, and draw the conclusions."""
        self._forget(run)
        if not run.up:
            # Who started it hears of that.
            return
        clean = run.stopping or (reasons.is_clean(reason) and not run.gave_up)
        told = STOPPED if run.stopping else reason
        exited_report(self._node.name, run, told, clean=clean)
        harmless = run.stopping or self._closing or run.start_type is _TEMPORARY
        if not (harmless or (clean and run.start_type is _TRANSIENT)):
            self._node.fail(
                ApplicationTerminated(run.name, reason, run.start_type, clean=clean)
            )

    def _forget(self, run: Run) -> None:
        if self._runs.get(run.name) is run:
            del self._runs[run.name]

    async def _stop_in_reverse(self, names: Sequence[str], over: float | None) -> int:
        killed = 0
        for name in reversed(names):
            run = self._runs.get(name)
            if run is not None:
                left = self._node.grace
                if over is not None:
                    left = max(over - trio.current_time(), LAST_WORDS)
                killed += await run.stop(left)
        return killed
