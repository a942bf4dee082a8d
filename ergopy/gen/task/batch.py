"""The tasks of a stream that are at work: each with its item, its time and its answer.

Their messages arrive in an inbox of their own, so that nothing of a stream is ever
found in the mailbox of its owner. A batch ends with its owner.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, final

from ...process.atoms import KILL
from ...process.messages import Down
from .inbox import Inbox
from .waiting import ref_of

if TYPE_CHECKING:
    from etf import Pid, Reference

    from ...process.process import Process
    from ...process.timers import Timer
    from ..apply import Function
    from .starting import Start

NOTHING: Any = object()
"""The value of a task that has given none."""


@final
class Job:
    """One item, and the task that has it."""

    __slots__ = ("item", "pid", "position", "timed_out", "timer", "value")

    def __init__(self, position: int, item: Any, pid: Pid) -> None:
        self.position = position
        self.item = item
        self.pid = pid
        self.value: Any = NOTHING
        self.timed_out = False
        self.timer: Timer | None = None


@final
class Batch:
    """See the module. :meth:`begin` adds a task, :meth:`next_end` waits for one."""

    def __init__(self, owner: Process, start: Start, timeout: float | None) -> None:
        self._owner = owner
        self._start = start
        self._timeout = math.inf if timeout is None else timeout
        self._inbox = Inbox(owner)
        self._jobs: dict[Reference, Job] = {}
        self.over = False
        """Whether it has been ended."""
        if owner is not owner.runtime.root:
            owner.watchers[self] = self

    def __len__(self) -> int:
        return len(self._jobs)

    async def begin(
        self, position: int, item: Any, function: Function, args: tuple[Any, ...]
    ) -> None:
        """Start the task of an item."""
        pid, ref = await self._start(self._inbox, function, (item, *args))
        job = self._jobs[ref] = Job(position, item, pid)
        if self._timeout != math.inf:
            give_up = partial(self._time_out, job, ref)
            job.timer = self._owner.timers.start(self._timeout, give_up)

    async def next_end(self) -> tuple[Job, Any]:
        """Wait until a task has ended; return its job and the exit reason."""
        while True:
            message = await self._inbox.receive()
            ref = ref_of(message)
            job = None if ref is None else self._jobs.get(ref)
            if job is None:
                # Whoever knows a reference may send there.
                continue
            if message.__class__ is not Down:
                job.value = message[1]
                continue
            del self._jobs[message.ref]
            if job.timer is not None:
                job.timer.cancel()
            return job, message.reason

    def _time_out(self, job: Job, ref: Reference) -> None:
        # It may have ended in time, and nobody has asked for the next outcome since.
        job.timed_out = not any(_ends(m, ref) for m in self._inbox.messages())
        self._kill(job)

    def _kill(self, job: Job) -> None:
        self._owner.unlink(job.pid)
        self._owner.exit_nowait(job.pid, KILL)

    def end(self) -> None:
        """Kill them all. Never waits."""
        self.over = True
        self._owner.watchers.pop(self, None)
        for job in self._jobs.values():
            self._kill(job)

    async def close(self) -> None:
        """Kill them all, and wait until they have ended."""
        self.end()
        while self._jobs:
            await self.next_end()

    def fire(self, reason: Any) -> None:
        """Take the end of the owner: nobody wants the values any more."""
        self.end()


def _ends(message: Any, ref: Reference) -> bool:
    return message.__class__ is Down and message.ref == ref
