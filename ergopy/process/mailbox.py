"""The mailbox: a queue of messages and at most one parked task.

Rules that keep it fast and fair (measured, see the manual's page on performance):

* :meth:`Mailbox.deliver` never waits and wakes the receiver only if it is parked.
* :meth:`Mailbox.receive` is not a checkpoint while messages are there, except once
  every ``REDUCTIONS`` messages, so that no process keeps the others from running.
* A selective receive remembers how far it has looked; a message is tested once.
* A receive by reference passes over what was there before the reference was made.
* A cancelled receive has taken nothing: messages leave the queue only on return.
* An exit signal takes the rest of the budget, so that it is not overtaken by the
  messages that are there already.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any

import trio

from etf import Reference

from ..errors import LocalProtocolError, ReceiveTimeout
from .message_queue import NOTHING, MessageQueue, Newer, Search, carries

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from .message_queue import Match
    from .timers import Timers

REDUCTIONS = 4000
"""Messages a process may take or send before it has to let the others run."""


class Mailbox(MessageQueue):
    """Messages in the order in which they came."""

    __slots__ = ("_parked", "_timed_out", "budget", "spent", "timers")

    def __init__(self, timers: Timers) -> None:
        super().__init__()
        self.budget = REDUCTIONS
        self.spent = 0
        """What was used up of the budgets before this one, and one for each call."""
        self.timers = timers
        self._parked: trio.lowlevel.Task | None = None
        self._timed_out = False

    def deliver(self, message: Any) -> None:
        """Append *message*; wake the receiver if it waits. Never waits itself."""
        tail = self.tail
        if tail is None:
            tail = self.tail = self.queue = deque()
        tail.append(message)
        task = self._parked
        if task is not None:
            self._parked = None
            trio.lowlevel.reschedule(task)

    offer = deliver
    """Deliver for a sender of this node, which may be refused: see ``limits``."""

    def deliver_priority(self, message: Any) -> None:
        """Deliver before what is ordinary, behind earlier priority messages."""
        self.put_first(message)
        task = self._parked
        if task is not None:
            self._parked = None
            trio.lowlevel.reschedule(task)

    def receive(
        self,
        match: Match = None,
        timeout: float = math.inf,
    ) -> Coroutine[Any, Any, Any]:
        """Take the first message, or the first one that matches; like ``receive``.

        Args:
            match: A class, a function that says whether a message is wanted, or a
                reference: a tuple that has it as first or second element. The others
                stay where they are, in order. It must not wait.
            timeout: Seconds to wait; 0 looks only at what has arrived.

        Raises:
            ReceiveTimeout: Nothing (that matches) came in time.
            LocalProtocolError: Another task of this process is receiving.

        With a reference that this process made (``new_ref``, ``monitor``, ``alias``)
        it takes the same time whatever waits in the mailbox since before.
        It is a checkpoint only if it has to wait, or if the budget of messages
        is used up. Cancelling it loses no message.
        """
        # Most processes sleep in here most of the time: the frame of that is small.
        if match is None and timeout == math.inf:
            return self._receive_next()
        return self._receive(match, timeout)

    async def _receive_next(self) -> Any:
        self.budget -= 1
        if self.queue and self.budget >= 0:
            return self.queue.popleft()
        if self._parked is not None:
            raise LocalProtocolError("two tasks receive from one process")
        if self.budget <= 0:
            await self.let_others_run()
        while not self.queue and not self.advance():
            self.spent += REDUCTIONS - self.budget
            self.budget = REDUCTIONS
            self._parked = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._abort)
            if self.budget <= 0:
                await self.let_others_run()
        return self._take(None)

    async def _receive(self, match: Match, timeout: float) -> Any:
        queue = self.queue
        if match is None and queue and self.budget > 0:
            self.budget -= 1
            return queue.popleft()
        if self._parked is not None:
            raise LocalProtocolError("two tasks receive from one process")
        if not timeout >= 0:
            raise ValueError(f"a timeout is a number of seconds, not {timeout!r}")
        self.budget -= 1
        if self.budget <= 0:
            await self.let_others_run()
        search = None if match is None else self._search_for(match)
        deadline = trio.current_time() + timeout
        in_time = True
        self._search = search
        try:
            while (message := self._take(search)) is NOTHING:
                # The last look is after the end of the time: a message may have come
                # in the very step in which it ran out.
                remaining = deadline - trio.current_time()
                if not in_time or remaining <= 0:
                    raise ReceiveTimeout(timeout)
                in_time = await self.park(remaining)
                if self.budget <= 0:
                    await self.let_others_run()
        finally:
            self._search = None
        return message

    async def let_others_run(self) -> None:
        """Give every other task that can run a turn, and begin a new budget."""
        self.spent += REDUCTIONS - self.budget
        self.budget = REDUCTIONS
        await trio.lowlevel.checkpoint()

    def park(self, timeout: float = math.inf) -> Coroutine[Any, Any, bool]:
        """Wait for the next message to arrive; return whether one did.

        For the loops of behaviours, which look at :attr:`queue` themselves, and call
        :meth:`advance` when that is empty.
        """
        return self._park() if timeout == math.inf else self._park_until(timeout)

    async def _park(self) -> bool:
        if self._parked is not None:
            raise LocalProtocolError("two tasks receive from one process")
        self.spent += REDUCTIONS - self.budget
        self.budget = REDUCTIONS
        self._parked = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._abort)
        return True

    async def _park_until(self, timeout: float) -> bool:
        self._timed_out = False
        timer = self.timers.start(timeout, self._time_out)
        try:
            await self._park()
        finally:
            timer.drop()
        return not self._timed_out

    def number_of(self, ref: Reference) -> int:
        """Return how many references were made before and with *ref*; 0: not ours."""
        return 0

    def _search_for(self, match: Any) -> Search:
        if match.__class__ is Reference:
            match = Newer(match, carries(match))
        if match.__class__ is Newer:
            search = Search(match.match)
            self.skip_older(search, self.number_of(match.ref))
            return search
        if isinstance(match, type):
            wanted = match
            return Search(lambda message: isinstance(message, wanted))
        if not callable(match):
            raise TypeError(
                f"receive wants a class, a function or a reference, not {match!r}"
            )
        return Search(match)

    def _take(self, search: Search | None) -> Any:
        if search is not None:
            return self.take(search)
        queue = self.queue if self.queue or self.advance() else None
        return queue.popleft() if queue else NOTHING

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._parked = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _time_out(self) -> None:
        task = self._parked
        if task is not None:
            self._parked = None
            self._timed_out = True
            trio.lowlevel.reschedule(task)
