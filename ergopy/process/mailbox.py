"""The mailbox: a deque and at most one parked task.

Rules that keep it fast and fair (measured, see the manual's page on performance):

* :meth:`Mailbox.deliver` never waits and wakes the receiver only if it is parked.
* :meth:`Mailbox.receive` is not a checkpoint while messages are there, except once
  every ``REDUCTIONS`` messages, so that no process keeps the others from running.
* A selective receive remembers how far it has looked; a message is tested once.
* A cancelled receive has taken nothing: messages leave the queue only on return.
* An exit signal takes the rest of the budget, so that it is not overtaken by the
  messages that are there already.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

import trio

from ..errors import LocalProtocolError, ReceiveTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from .timers import Timers

REDUCTIONS = 4000
"""Messages a process may take or send before it has to let the others run."""


class Mailbox:
    """Messages in the order in which they came."""

    __slots__ = ("_looked_at", "_parked", "_timed_out", "budget", "queue", "timers")

    def __init__(self, timers: Timers) -> None:
        # An empty deque is 760 bytes: an idle process does without.
        self.queue: deque[Any] | None = None
        self.budget = REDUCTIONS
        self.timers = timers
        self._looked_at = 0
        self._parked: trio.lowlevel.Task | None = None
        self._timed_out = False

    def deliver(self, message: Any) -> None:
        """Append *message*; wake the receiver if it waits. Never waits itself."""
        queue = self.queue
        if queue is None:
            queue = self.queue = deque()
        queue.append(message)
        task = self._parked
        if task is not None:
            self._parked = None
            trio.lowlevel.reschedule(task)

    async def receive(
        self,
        match: Callable[[Any], object] | type | None = None,
        timeout: float = math.inf,
    ) -> Any:
        """Take the first message, or the first one that matches; like ``receive``.

        Args:
            match: A class, or a function that says whether a message is wanted.
                The others stay where they are, in order. It must not wait.
            timeout: Seconds to wait; 0 looks only at what has arrived.

        Raises:
            ReceiveTimeout: Nothing (that matches) came in time.
            LocalProtocolError: Another task of this process is receiving.

        It is a checkpoint only if it has to wait, or if the budget of messages
        is used up. Cancelling it loses no message.
        """
        if match is None and self.queue and self.budget > 0:
            self.budget -= 1
            return self.queue.popleft()
        if self._parked is not None:
            raise LocalProtocolError("two tasks receive from one process")
        if not timeout >= 0:
            raise ValueError(f"a timeout is a number of seconds, not {timeout!r}")
        if isinstance(match, type):
            wanted = match
            match = lambda message: isinstance(message, wanted)  # noqa: E731
        self.budget -= 1
        if self.budget <= 0:
            await self.let_others_run()
        self._looked_at = 0
        deadline = trio.current_time() + timeout
        in_time = True
        while (found := self._find(match)) is None:
            self._looked_at = len(self.queue or ())
            # The last look is after the end of the time: a message may have come in
            # the very step in which it ran out.
            remaining = deadline - trio.current_time()
            if not in_time or remaining <= 0:
                raise ReceiveTimeout(timeout)
            in_time = await self.park(remaining)
            if self.budget <= 0:
                await self.let_others_run()
        return self._take(found)

    async def let_others_run(self) -> None:
        """Give every other task that can run a turn, and begin a new budget."""
        self.budget = REDUCTIONS
        await trio.lowlevel.checkpoint()

    def remove(self, unwanted: Callable[[Any], object]) -> bool:
        """Take the first *unwanted* message out; return whether there was one."""
        for index, message in enumerate(self.queue or ()):
            if unwanted(message):
                self._take(index)
                # The body may be parked in a receive, and a helper in here.
                self._looked_at -= index < self._looked_at
                return True
        return False

    async def park(self, timeout: float = math.inf) -> bool:
        """Wait for the next message to arrive; return whether one did.

        For the loops of behaviours, which look at :attr:`queue` themselves.
        """
        if self._parked is not None:
            raise LocalProtocolError("two tasks receive from one process")
        self._timed_out = False
        self.budget = REDUCTIONS
        timer = (
            None if timeout == math.inf else self.timers.start(timeout, self._time_out)
        )
        self._parked = trio.lowlevel.current_task()
        try:
            await trio.lowlevel.wait_task_rescheduled(self._abort)
        finally:
            if timer is not None:
                timer.cancel()
        return not self._timed_out

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._parked = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _time_out(self) -> None:
        task = self._parked
        if task is not None:
            self._parked = None
            self._timed_out = True
            trio.lowlevel.reschedule(task)

    def _find(self, match: Callable[[Any], object] | None) -> int | None:
        queue, start = self.queue, self._looked_at
        if not queue or start >= len(queue):
            return None
        if match is None:
            return start
        # Indexing a deque, or walking past its beginning, costs its length: what is
        # new is taken from its end.
        new: Any = queue
        if start:
            new = reversed(list(islice(reversed(queue), len(queue) - start)))
        for index, message in enumerate(new, start):
            if match(message):
                return index
        return None

    def _take(self, index: int) -> Any:
        queue = self.queue
        assert queue is not None
        if index == 0:
            return queue.popleft()
        message = queue[index]
        del queue[index]
        return message
