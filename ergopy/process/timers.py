"""One timer heap for all the processes of a node.

A cancel scope or a task per timeout would cost more than the call it guards, so
every timeout is an entry of one heap that one task sleeps on. Cancelling marks the
entry; it leaves the heap when its time comes, or when half of the heap is dead.
"""

from __future__ import annotations

import heapq
import logging
import math
from typing import TYPE_CHECKING, final

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("ergopy.process")

_COMPACT_ABOVE = 1024


@final
class Timer:
    """A timeout that has not fired yet, unless it has or was cancelled."""

    __slots__ = ("_timers", "callback", "deadline")

    def __init__(
        self, timers: Timers, deadline: float, callback: Callable[[], object]
    ) -> None:
        self._timers = timers
        self.deadline = deadline
        self.callback: Callable[[], object] | None = callback

    def drop(self) -> None:
        """Stop it, if it is not too late."""
        if self.callback is not None:
            self.callback = None
            self._timers.dead += 1

    def cancel(self) -> float | None:
        """Stop it; return the seconds that were left, or None if it was too late."""
        left = self.read()
        self.drop()
        return left

    def read(self) -> float | None:
        """Return the seconds that are left, or None if it fired or was cancelled."""
        if self.callback is None:
            return None
        return max(0.0, self.deadline - trio.current_time())


@final
class Timers:
    """The heap, and the task that sleeps on it (:meth:`run`)."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = 0
        self._sleeper: trio.lowlevel.Task | None = None
        self._sleeps_until = -math.inf
        self.dead = 0

    def start(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call *callback*, which must not raise or wait, *seconds* from now."""
        deadline = trio.current_time() + seconds
        timer = Timer(self, deadline, callback)
        self._count += 1
        heapq.heappush(self._heap, (deadline, self._count, timer))
        if deadline < self._sleeps_until and self._sleeper is not None:
            trio.lowlevel.reschedule(self._sleeper)
            self._sleeper = None
        if self.dead > _COMPACT_ABOVE and self.dead * 2 > len(self._heap):
            self._compact()
        return timer

    async def run(self) -> None:
        """Fire what is due, for ever. Cancel it to stop; nothing is lost but time."""
        while True:
            self._fire(trio.current_time())
            self._sleeps_until = self._heap[0][0] if self._heap else math.inf
            with trio.CancelScope(deadline=self._sleeps_until):
                await self._sleep()

    async def _sleep(self) -> None:
        self._sleeper = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            self._sleeper = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def _fire(self, now: float) -> None:
        heap = self._heap
        while heap and heap[0][0] <= now:
            timer = heapq.heappop(heap)[2]
            callback, timer.callback = timer.callback, None
            if callback is None:
                self.dead -= 1
                continue
            try:
                callback()
            except Exception:
                # The timers of all the others run in this task.
                logger.exception("a timer could not do what it was started for")

    def _compact(self) -> None:
        # In place: a callback of _fire may have started the timer that leads here.
        self._heap[:] = [entry for entry in self._heap if entry[2].callback is not None]
        heapq.heapify(self._heap)
        self.dead = 0
