"""Starting the processes of a registry: one for each key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from ...errors import (
    AlreadyStarted,
    NameTaken,
    NoProcess,
    RegistryClosed,
    StartNotSupported,
)
from ...process.atoms import KILL, SHUTDOWN
from ...process.reasons import is_clean, shown
from ...process.reports import (
    progress_is_reported,
    progress_report,
    supervisor_report,
)
from ..supervisor import starting as supervisor_starting
from ..supervisor.children import Child
from .answers import Answered, Answers
from .keys import kept, mark_of
from .reads import Reads
from .starting import (
    ABANDONED,
    NO_PROCESS,
    TOOK_TOO_LONG,
    Outcome,
    Patience,
    Starting,
    came_to_nothing,
    failure,
    pid_of,
)
from .waiting import check_timeout, wait_for

if TYPE_CHECKING:
    from contextvars import Context

    from etf import Pid

    from ..supervisor.spec import ChildSpec
    from .owners import Owner


class Starts(Reads):
    """The verbs of a registry that start processes."""

    _answers: Answers
    _context: Context
    """That of the registry's process, in which the processes are started."""
    _spec: ChildSpec | None
    _child_spec: ChildSpec
    _start_timeout: float
    _abort: bool

    async def start_process(self, key: Any, *args: Any) -> Any:
        """Start the process for *key*; override it for what ``start=`` cannot say.

        It runs in a helper task of the registry's process (``self.process``), several
        at a time for several keys. Return the pid; the registry links to it, if it is
        not linked yet. ``IGNORE`` or ``Stop(reason)`` is an answer, too, and an
        exception is a failed start, which harms nobody else.
        """
        assert self._spec is not None
        child = Child(self._spec, (*(self._spec.args or ()), *args))
        if self._spec.node is None:
            return await supervisor_starting.start_process(self.process, child)
        process: Any = Answered(self.process, self._answers)
        with self._answers:
            return await supervisor_starting.start_process(process, child)

    @property
    def can_start(self) -> bool:
        """Whether the registry was told what to start."""
        overridden = type(self).start_process is not Starts.start_process
        return self._spec is not None or overridden

    async def lookup_or_start(
        self, key: Any, *args: Any, timeout: float | None = 5.0
    ) -> Pid:
        """Return the process under *key*; start it with *args* if there is none.

        There is at most one living process per key: who asks while it is being started
        waits for the same one. *args* go to its ``init``, and are those of whoever
        comes first. ``GenRegistry.lookup_or_start/4``; :meth:`ensure` tells as well
        whether this call has started it.

        It waits only for a start. Cancelled, or past *timeout* seconds, only the
        waiting ends; the process comes up and is registered, unless the registry was
        made with ``abandoned="abort"`` and nobody else waits.

        Raises:
            StartError: Its ``init`` failed, for all who wait; ``reason`` says why.
            Ignored: Its ``init`` returned ``IGNORE``.
            StartNotSupported: The registry has no ``start=``.
            CallTimeout: It takes longer than *timeout*.
            RegistryFull, RegistryClosed: As for `register` and `lookup`.
        """
        return (await self.ensure(key, *args, timeout=timeout))[0]

    async def ensure(
        self, key: Any, *args: Any, timeout: float | None = 5.0
    ) -> tuple[Pid, bool]:
        """Do :meth:`lookup_or_start`; return the pid, and if this has started it."""
        self._need_unique("lookup_or_start")
        check_timeout(timeout)
        mark = mark_of(key)
        entry = self._get(mark)
        if entry is not None:
            return entry.pid, False
        outcome = await self._wait(self._join(key, mark, args), timeout)
        if outcome.pid is None:
            raise failure(self.dest, key, timeout, outcome)
        return outcome.pid, outcome.fresh

    async def start(self, key: Any, *args: Any, timeout: float | None = 5.0) -> Pid:
        """Start a process under *key*, which must be free; ``GenRegistry.start/4``.

        Raises:
            AlreadyStarted: There is one, or it came up meanwhile; ``pid`` says which.
            StartError and others: As for :meth:`lookup_or_start`.
        """
        pid, fresh = await self.ensure(key, *args, timeout=timeout)
        if not fresh:
            raise AlreadyStarted(key, pid)
        return pid

    def _join(self, key: Any, mark: Any, args: tuple[Any, ...]) -> Starting:
        """Return the start under way for a key, and begin it if there is none.

        Raises:
            StartNotSupported, RegistryFull: There cannot be one.
        """
        starting = self._reserved.get(mark)
        if starting is not None:
            return starting  # type: ignore[no-any-return]
        if not self.can_start:
            raise StartNotSupported(key)
        self._check_room()
        starting = Starting(kept(key, mark), mark, abort=self._abort)
        self._reserved[mark] = starting
        # The process is the registry's, whoever asks for it; so is its context.
        self._context.copy().run(self.process.start_soon, self._start, starting, args)
        return starting

    def _cancel_starts(self) -> None:
        for starting in self._reserved.values():
            starting.scope.cancel()
            starting.finish(ABANDONED)

    async def _wait(self, starting: Starting, timeout: float | None) -> Outcome:
        patience = Patience(starting)
        outcome: Outcome = await wait_for(
            patience,
            self.process.timers,
            timeout,
            on_timeout=patience.time_out,
            on_cancel=patience.leave,
        )
        return outcome

    async def _start(self, starting: Starting, args: tuple[Any, ...]) -> None:
        outcome = ABANDONED
        try:
            with starting.scope as scope:
                scope.deadline = trio.current_time() + self._start_timeout
                pid = pid_of(await self.start_process(starting.key, *args))
                outcome = self._take_in(starting, pid, args)
            if scope.cancelled_caught and trio.current_time() >= scope.deadline:
                outcome = TOOK_TOO_LONG
        except Exception as error:
            outcome = came_to_nothing(error)
        finally:
            self._reserved.pop(starting.mark, None)
            self._report(starting, outcome, args)
            starting.finish(outcome)

    def _take_in(
        self, starting: Starting, pid: Pid | None, args: tuple[Any, ...]
    ) -> Outcome:
        """Register what has come up, unless somebody has the key meanwhile."""
        if pid is None:
            return NO_PROCESS
        try:
            owner = self._add(starting.key, starting.mark, pid, None)
        except NameTaken:
            (entry,) = self._table.at(starting.mark)
            if entry.pid != pid:
                self.process.exit_nowait(pid, SHUTDOWN)
                return Outcome(entry.pid, fresh=False)
            owner = self._owners[pid]
        except NoProcess as gone:
            if isinstance(gone, RegistryClosed):
                self.process.exit_nowait(pid, KILL)
            # Else it has ended already, as it might have a moment later.
            return Outcome(pid)
        child = Child(self._child_spec, args)
        child.came_up(pid, self.process.runtime.find(pid))
        owner.adopt(child)
        if progress_is_reported():
            progress_report(self.process, offender(child, starting.key))
        return Outcome(pid)

    def _gone(self, owner: Owner, reason: Any) -> None:
        (entry, *_) = self._table.of(owner.pid)
        super()._gone(owner, reason)
        if owner.child is not None and not is_clean(reason):
            whom = offender(owner.child, entry.key)
            supervisor_report(self.process, "child_terminated", reason, whom)

    def _report(
        self, starting: Starting, outcome: Outcome, args: tuple[Any, ...]
    ) -> None:
        """Report a start that has failed; that nobody waited is no failure."""
        unwanted = outcome is ABANDONED or outcome is NO_PROCESS
        if outcome.pid is None and not unwanted:
            whom = offender(Child(self._child_spec, args), starting.key)
            supervisor_report(self.process, "start_error", outcome.reason, whom)


def offender(child: Child, key: Any) -> dict[str, Any]:
    """Describe what was started for a report; its id is the text of the key."""
    return {**child.offender(), "id": shown(key)}
