"""The line of a pool: what waits for a worker, and who gets one next."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any, final

from etf import Atom

from .jobs import Checkout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .jobs import Job, Relay
    from .slots import Slot, Slots

OVERLOADED = Atom("overloaded")


@final
class Line:
    """First come, first served. Nothing here waits, so that a worker's step may run it.

    Args:
        slots: The places.
        most: How many may wait.
        retries: How many more workers a call may have if one ends.
        idle: Is told of a place that has nothing to do, and is to go.
    """

    def __init__(
        self, slots: Slots, most: int, retries: int, idle: Callable[[Slot], object]
    ) -> None:
        self._slots = slots
        self._most = most
        self._retries = retries
        self._idle = idle
        self._jobs: deque[Job] = deque()
        self.counts: Counter[str] = Counter()
        """Numbers for the statistics."""

    def __len__(self) -> int:
        return len(self._jobs)

    def start(self, job: Job) -> bool:
        """Give *job* to a worker if nobody is before it; return whether it has one."""
        slot = None if self._jobs else self._slots.free_for(job)
        if slot is not None:
            job.give(slot)
        return slot is not None

    def join(self, job: Job) -> None:
        """Let *job* wait, or refuse it at once if too many do already."""
        if len(self._jobs) >= self._most:
            self._drop_abandoned()
        if len(self._jobs) < self._most:
            self._jobs.append(job)
        else:
            self.counts["rejected"] += 1
            job.fail(OVERLOADED)

    def served(self, slot: Slot) -> None:
        """Take it that a worker has answered a call."""
        self.counts["served"] += 1
        self.freed([slot])

    def freed(self, slots: Iterable[Slot]) -> None:
        """Take it that the workers in *slots* may have less to do than before."""
        self.go_on()
        for slot in slots:
            if slot.leaving and slot.is_idle:
                self._idle(slot)

    def go_on(self) -> None:
        """Give to workers what they may have now."""
        jobs = self._jobs
        while jobs:
            job = jobs[0]
            if not job.wanted:
                jobs.popleft()
                self.counts["abandoned"] += 1
                continue
            slot = self._slots.free_for(job)
            if slot is None:
                return
            jobs.popleft()
            job.give(slot)

    def lost(self, calls: list[Relay], reason: Any) -> None:
        """Take it that the worker that had *calls* has ended."""
        for call in calls:
            call.take_back()
        again: list[Relay] = []
        for call in calls:
            if call.attempts <= self._retries and call.wanted:
                again.append(call)
            else:
                self.counts["failed"] += 1
                call.fail(reason)
        self.counts["retried"] += len(again)
        self._jobs.extendleft(reversed(again))

    def withdraw(self, lease: Any) -> bool:
        """Take a wish for a worker back; return whether it was waiting."""
        for job in self._jobs:
            if isinstance(job, Checkout) and job.lease == lease:
                self._jobs.remove(job)
                return True
        return False

    def _drop_abandoned(self) -> None:
        wanted = [job for job in self._jobs if job.wanted]
        self.counts["abandoned"] += len(self._jobs) - len(wanted)
        self._jobs.clear()
        self._jobs.extend(wanted)
