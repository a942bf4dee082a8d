"""What all kinds of supervisors do: start, lose, restart and stop children.

A supervisor holds one :class:`Supervision`. A :class:`~.group.Group` has children that
are known by their ids, in an order; a :class:`~.crowd.Crowd` has any number of them,
known by their pids. Neither reads the mailbox: the behaviour hands over what came, and
ends when it is told so.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from etf import Atom

from ...errors import StartError
from ...process.atoms import GEN_CAST, NOCONNECTION
from ...process.mailbox import Mailbox
from ...process.reasons import is_clean
from ...process.reports import (
    progress_is_reported,
    progress_report,
    supervisor_report,
)
from .backoff import Backoff
from .checks import AutoShutdown, Restart, Strategy, refused
from .restarts import RestartWindow
from .starting import start_process
from .stopping import Stopping

if TYPE_CHECKING:
    from etf import Pid

    from ...process.process import Process
    from ...process.timers import Timer
    from .children import Child
    from .flags import Flags
    from .spec import ChildSpec

TRY_AGAIN = Atom("try_again_restart")
PAUSE_OVER = Atom("restart_after_pause")
FORCED_KILLS = Atom("$forced_kills")
"""Where a supervisor's dictionary says how many of its children had to be killed."""

_REACHED_MAX = Atom("reached_max_restart_intensity")

AWAY = Backoff(first=1.0)
"""The pauses before a child is restarted on a node that is not there."""


class Supervision(ABC):
    """The children of one supervisor, and what it does about them."""

    def __init__(self, process: Process, flags: Flags) -> None:
        self.process = process
        self.flags = flags
        self.window = RestartWindow(flags.intensity, flags.period)
        self.forced_kills = 0
        """How many processes below had to be killed because their time was over."""
        self.stopping = False
        """Whether the supervisor is about to end."""
        self.gave_up = False
        """Whether that is because of too many restarts."""

    @abstractmethod
    def find_running(self, pid: Pid) -> Child | None:
        """Return the child that runs, or ran until now, under that pid."""

    @abstractmethod
    def find_waiting(self, key: Any) -> Child | None:
        """Return the child of that :meth:`key` if it is to be restarted."""

    @abstractmethod
    def key(self, child: Child) -> Any:
        """Return what a message to the supervisor itself calls *child*."""

    @abstractmethod
    def wait(self, child: Child, pause: Timer | None = None) -> None:
        """Note that *child* is to be restarted, when *pause* is over if it has one."""

    @abstractmethod
    def drop(self, child: Child) -> None:
        """Note that *child* has ended and is not to be restarted."""

    async def attempt(self, child: Child) -> None:
        """Restart *child*, and whom else the strategy says; do not count it."""
        try:
            await self.start(child)
        except StartError as error:
            self.report("start_error", error.reason, child)
            self.try_again(child, error.reason)

    @abstractmethod
    def has_significant(self) -> bool:
        """Tell whether a significant child is left."""

    @abstractmethod
    async def stop_all(self) -> None:
        """Stop all children, because the supervisor ends."""

    def renew(self, flags: Flags, specs: list[ChildSpec]) -> None:
        """Go on with other flags, and other specifications where there are any.

        Raises:
            SpecError: They cannot be those of this supervisor; nothing has changed.
        """
        simple = Strategy.SIMPLE_ONE_FOR_ONE
        if (flags.strategy is simple) is not (self.flags.strategy is simple):
            raise refused("invalid_strategy", flags.strategy)
        self.flags = flags
        self.window = self.window.renewed(flags.intensity, flags.period)

    async def start(self, child: Child, *, told: bool = True) -> Pid | None:
        """Start *child*; *told*: with a progress report.

        Raises:
            StartError: It did not come up; the child is as it was.
        """
        pid = await start_process(self.process, child)
        process = None if pid is None else self.process.runtime.find(pid)
        child.came_up(pid, process)
        if told and pid is not None and progress_is_reported():
            progress_report(self.process, child.offender())
        return pid

    async def ended(self, pid: Pid, reason: Any) -> bool:
        """Take the exit signal of *pid*; return whether the supervisor is to end."""
        child = self.find_running(pid)
        if child is None:
            # Somebody is linked to the supervisor who is no child of it.
            return False
        self._inherit(child, reason)
        restart = child.spec.restart
        clean = is_clean(reason)
        if restart is Restart.PERMANENT or not clean:
            self.report("child_terminated", reason, child)
        if restart is Restart.TEMPORARY or (restart is Restart.TRANSIENT and clean):
            self.drop(child)
            return self._ends_without(child)
        return await self.restart(child)

    async def restart(self, child: Child) -> bool:
        """Count a restart, and make it; return whether it was one too many."""
        if not self.window.add(trio.current_time()):
            self.gave_up = True
            self.report("shutdown", _REACHED_MAX, child)
            self.drop(child)
            return True
        seconds = self._pause(child)
        if seconds is None:
            self.wait(child)
            await self.attempt(child)
        else:
            again = partial(self._tell_self, PAUSE_OVER, child)
            self.wait(child, self.process.timers.start(seconds, again))
        return False

    def try_again(self, child: Child, reason: Any) -> None:
        """Note that a restart failed; the next one is behind what is in the mailbox."""
        child.reason = reason
        self.wait(child)
        self._tell_self(TRY_AGAIN, child)

    async def told_self(self, message: Any) -> bool | None:
        """Go on with a restart; None if the message says nothing of that sort."""
        match message:
            case (Atom("try_again_restart"), key):
                child = self.find_waiting(key)
                if child is not None and child.retry is None:
                    return await self.restart(child)
            case (Atom("restart_after_pause"), key):
                child = self.find_waiting(key)
                if child is not None:
                    await self.attempt(child)
            case _:
                return None
        return False

    def _tell_self(self, what: Atom, child: Child) -> None:
        # Past a limit that the mailbox may have: this must not get lost.
        Mailbox.deliver(self.process, (GEN_CAST, (what, self.key(child))))

    def _pause(self, child: Child) -> float | None:
        """Return how many seconds to wait before a restart, or None."""
        backoff = self.flags.backoff
        if backoff is None and child.spec.node and child.reason is NOCONNECTION:
            backoff = AWAY
        if backoff is None:
            return None
        child.attempts += 1
        return backoff.pause(child.attempts)

    def _inherit(self, child: Child, reason: Any) -> None:
        """Take from a process that has ended what is to be remembered of it."""
        child.reason = reason
        steady = self.flags.backoff or AWAY
        if child.uptime >= steady.reset:
            child.attempts = 0
        self._take_over_count(child)

    def _take_over_count(self, child: Child) -> None:
        """Add what a supervisor that has ended says of those below it."""
        if child.process is not None:
            self._force(child.process.dictionary.get(FORCED_KILLS, 0))

    def _force(self, killed: int) -> None:
        if killed:
            self.forced_kills += killed
            self.process.dictionary[FORCED_KILLS] = self.forced_kills

    def _ends_without(self, child: Child) -> bool:
        ending = self.flags.auto_shutdown
        if ending is AutoShutdown.NEVER or not child.spec.significant:
            return False
        return ending is AutoShutdown.ANY_SIGNIFICANT or not self.has_significant()

    async def stop_one(self, child: Child) -> None:
        """Stop a child; what is kept of it is as after an end of its own."""
        await self.stop(self.stopping_now(), [child])
        self.drop(child)

    def stopping_now(self, over: float = math.inf) -> Stopping:
        """Return what stops children, and reports who ends otherwise than told."""
        return Stopping(self.process, self._report_shutdown_error, over)

    def _report_shutdown_error(self, child: Child, reason: Any) -> None:
        self.report("shutdown_error", reason, child)

    def last_moment(self) -> float:
        """Return when all children have to be gone if the supervisor ends now."""
        budget = self.flags.budget
        return math.inf if budget is None else trio.current_time() + budget

    async def stop(self, stopping: Stopping, children: list[Child]) -> None:
        """Stop *children* at the same time; they run no more when this returns."""
        await stopping.stop(children)
        for child in children:
            self._take_over_count(child)
        self._force(stopping.forced)
        stopping.forced = 0

    def report(self, context: str, reason: Any, child: Child) -> None:
        """Make the supervisor report of OTP."""
        supervisor_report(self.process, context, reason, child.offender())
