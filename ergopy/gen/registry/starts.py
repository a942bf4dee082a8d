"""Starting and stopping the processes of a registry: one for each key."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import trio

from ...errors import (
    AlreadyStarted,
    CallTimeout,
    Ignored,
    NoProcess,
    NotRegistered,
    StartError,
    StartNotSupported,
)
from ...process import reasons
from ...process.atoms import SHUTDOWN, TIMEOUT
from ..supervisor import starting as supervisor_starting
from ..supervisor.children import Child
from .departure import Departure
from .keys import mark_of
from .reads import Reads
from .starting import (
    ABANDONED,
    ALREADY_STARTED,
    IGNORED,
    TIMED_OUT,
    Outcome,
    Patience,
    Starting,
    failure,
    pid_of,
)

if TYPE_CHECKING:
    from contextvars import Context

    from etf import Pid

    from ..supervisor.spec import ChildSpec


class Starts(Reads):
    """The verbs of a registry that start and stop processes."""

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
        return await supervisor_starting.start_process(self.process, child)

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
        mark = mark_of(key)
        entry = self._get(mark)
        if entry is not None:
            self._need_unique("lookup_or_start")
            return entry.pid, False
        outcome = await self._wait(self.join(key, mark, args), timeout)
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

    async def stop(
        self,
        key: Any,
        reason: Any = "shutdown",
        timeout: float | None = 5.0,
        *,
        wait: bool = True,
        kill: bool = True,
    ) -> Any:
        """Take *key* out and end its process; return the reason it has ended with.

        It is unregistered first, then told *reason* by an exit signal of the registry,
        then waited for. One that has not ended in *timeout* seconds is killed. A
        behaviour that traps exits ends nevertheless if the registry has started it; a
        plain process that traps them may go on, which only *wait* or *kill* set to
        False let it: it then lives without being registered.

        Args:
            key: Whose process. While that is being started, the start is awaited.
            reason: The exit reason; ``"kill"`` kills.
            timeout: Seconds; ``None`` waits for ever.
            wait: Without it nobody waits, and None is returned.
            kill: Without it what does not end in time is left alone.

        Raises:
            NotRegistered: Nobody has the key.
            CallTimeout: It has not ended, and was not to be killed.

        Cancelling it leaves the process as it is, unregistered.
        """
        self._need_unique("stop")
        mark = mark_of(key)
        under_way = self._reserved.get(mark)
        if under_way is not None:
            outcome = await self._wait(under_way, timeout)
            if outcome is TIMED_OUT:
                raise failure(self.dest, key, timeout, outcome)
        entry = self._get(mark)
        if entry is None:
            raise NotRegistered(key)
        pid = entry.pid
        self._drop(entry)
        departure = Departure(self.process, pid)
        await departure.tell(reasons.as_reason(reason))
        if not wait:
            departure.close()
            return None
        seconds = math.inf if timeout is None else timeout
        if await departure.ended(seconds, kill=kill):
            return departure.reason
        raise CallTimeout(pid, seconds)

    def join(self, key: Any, mark: Any, args: tuple[Any, ...]) -> Starting:
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
        starting = self._reserved[mark] = Starting(key, mark, abort=self._abort)
        # The process is the registry's, whoever asks for it; so is its context.
        self._context.copy().run(self.process.start_soon, self._start, starting, args)
        return starting

    def _cancel_starts(self) -> None:
        for starting in self._reserved.values():
            starting.scope.cancel()
            starting.finish(ABANDONED)

    async def _wait(self, starting: Starting, timeout: float | None) -> Outcome:
        patience = Patience(starting)
        timer = None
        if timeout is not None and timeout != math.inf:
            timer = self.process.timers.start(timeout, patience.time_out)
        try:
            outcome: Outcome = await patience.wait(patience.leave)
        finally:
            if timer is not None:
                timer.cancel()
        return outcome

    async def _start(self, starting: Starting, args: tuple[Any, ...]) -> None:
        outcome = ABANDONED
        try:
            with starting.scope as scope:
                scope.deadline = trio.current_time() + self._start_timeout
                outcome = await self._attempt(starting, args)
            if scope.cancelled_caught and trio.current_time() >= scope.deadline:
                outcome = Outcome(None, TIMEOUT)
        finally:
            self._reserved.pop(starting.mark, None)
            starting.finish(outcome)

    async def _attempt(self, starting: Starting, args: tuple[Any, ...]) -> Outcome:
        try:
            pid = pid_of(await self.start_process(starting.key, *args))
        except Ignored:
            return Outcome(None, IGNORED)
        except AlreadyStarted as taken:
            return Outcome(None, (ALREADY_STARTED, taken.pid))
        except StartError as error:
            return Outcome(None, reasons.as_reason(error.reason))
        except Exception as error:
            return Outcome(None, reasons.from_exception(error))
        if pid is None:
            return Outcome(None, IGNORED)
        for entry in self._table.at(starting.mark):
            if entry.pid != pid:
                # It has registered itself meanwhile. One process per key.
                await self.process.exit(pid, SHUTDOWN)
                return Outcome(entry.pid, fresh=False)
        self._adopt(starting, pid, args)
        return Outcome(pid)

    def _adopt(self, starting: Starting, pid: Pid, args: tuple[Any, ...]) -> None:
        owner = self._owners.get(pid)
        if owner is None:
            try:
                owner = self._add(starting.key, starting.mark, pid, None)
            except NoProcess:
                # It has ended already, as it might have a moment later.
                return
        child = Child(self._child_spec, args)
        child.came_up(pid, self.process.runtime.find(pid))
        owner.adopt(child)
