"""Stopping children: told, waited for, killed; one by one or all at once.

As in OTP a child is watched by a monitor while it is stopped, so that one that has
unlinked itself cannot hold the supervisor up, and the reason it ends with is looked at:
one that nobody asked for is reported. What is ours: a ceiling for the time of all, and
the way out when a process that was killed does not end.
"""

from __future__ import annotations

import math
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any, final

import trio

from ...errors import ReceiveTimeout
from ...process.atoms import KILL, KILLED, SHUTDOWN
from ...process.defunct import declare_defunct
from ...process.messages import Down
from ...process.reasons import is_clean
from .checks import Restart, Shutdown
from .ends import end_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from etf import Reference

    from ...process.process import Process
    from .children import Child

EFFORT = 20
"""What a child's start, to tell it to stop, or to hear of its end takes of the budget
for messages."""

DEFUNCT_AFTER = 5.0
"""Seconds that a killed child has to get to a checkpoint, before it is given up."""


@final
class Stopping:
    """Some children on their way out; each has its own time, and all have one.

    Args:
        supervisor: Who stops them; its mailbox is read, selectively.
        unexpected: Is told of each that ended with a reason that OTP reports.
        over: When, on Trio's clock, they all have to be gone.
    """

    def __init__(
        self,
        supervisor: Process,
        unexpected: Callable[[Child, Any], object],
        over: float = math.inf,
    ) -> None:
        self._supervisor = supervisor
        self._unexpected = unexpected
        self._over = over
        self._left: dict[Reference, Child] = {}
        self._killed: set[Reference] = set()
        self._deadlines: list[tuple[float, int, Reference]] = []
        self._order = count()
        self.forced = 0
        """How many were killed because their time was over."""

    async def stop(self, children: Iterable[Child]) -> None:
        """Stop *children*, all at the same time, and return when they are gone.

        Those that do not run are passed over. The specification of each decides
        whether it is told or killed, and how long it has.
        """
        for child in children:
            if child.is_running:
                await breathe(self._supervisor)
                self._tell(child)
        while self._left:
            await breathe(self._supervisor)
            down = await self._next_end()
            if down is not None:
                self._ended(down)

    def _tell(self, child: Child) -> None:
        supervisor, pid = self._supervisor, child.pid
        assert pid is not None
        ref = supervisor.monitor_nowait(pid)
        self._left[ref] = child
        if child.spec.shutdown is Shutdown.BRUTAL_KILL:
            self._kill(ref, child)
            return
        seconds = child.spec.shutdown
        seconds = math.inf if seconds is Shutdown.INFINITY else float(seconds)
        self._expect(ref, min(trio.current_time() + seconds, self._over))
        supervisor.exit_nowait(pid, SHUTDOWN)

    def _kill(self, ref: Reference, child: Child) -> None:
        assert child.pid is not None
        self._killed.add(ref)
        self._expect(ref, trio.current_time() + DEFUNCT_AFTER)
        self._supervisor.exit_nowait(child.pid, KILL)

    def _expect(self, ref: Reference, deadline: float) -> None:
        if deadline != math.inf:
            heappush(self._deadlines, (deadline, next(self._order), ref))

    async def _next_end(self) -> Down | None:
        """Return the next ``DOWN``; None if a deadline has passed instead."""
        deadlines = self._deadlines
        while deadlines and deadlines[0][2] not in self._left:
            heappop(deadlines)
        deadline = deadlines[0][0] if deadlines else math.inf
        patience = max(0.0, deadline - trio.current_time())
        try:
            down: Down = await self._supervisor.receive(self._is_end, patience)
        except ReceiveTimeout:
            self._lose_patience(heappop(deadlines)[2])
            return None
        return down

    def _is_end(self, message: Any) -> bool:
        return isinstance(message, Down) and message.ref in self._left

    def _lose_patience(self, ref: Reference) -> None:
        child = self._left[ref]
        if ref not in self._killed:
            self._kill(ref, child)
            return
        if child.process is not None:
            # Its DOWN is in the mailbox when this returns.
            declare_defunct(child.process)
            return
        self._supervisor.demonitor(ref)
        self._over_with(ref, KILLED)

    def _ended(self, down: Down) -> None:
        self._over_with(down.ref, down.reason)

    def _over_with(self, ref: Reference, reason: Any) -> None:
        child = self._left.pop(ref)
        assert child.pid is not None
        reason = end_of(self._supervisor, child.pid, reason)
        brutal = child.spec.shutdown is Shutdown.BRUTAL_KILL
        self.forced += ref in self._killed and not brutal and reason is KILLED
        if not is_expected(child, reason):
            self._unexpected(child, reason)


async def breathe(supervisor: Process) -> None:
    """Let others run now and then: there may be thousands of children."""
    supervisor.budget -= EFFORT
    if supervisor.budget <= 0:
        await supervisor.let_others_run()


def is_expected(child: Child, reason: Any) -> bool:
    """Tell whether a child that was stopped may end so; else OTP reports it.

    A permanent child is to end by what it was told; others may as well have been about
    to end by themselves, in good order.
    """
    brutal = child.spec.shutdown is Shutdown.BRUTAL_KILL
    if reason is (KILLED if brutal else SHUTDOWN):
        return True
    return child.spec.restart is not Restart.PERMANENT and is_clean(reason)
