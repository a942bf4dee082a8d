"""Waiting for the end of one process, of this node or another, that was told to end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, final

from ...process.atoms import KILL, NOPROC
from ...process.defunct import declare_defunct
from ...process.slot import Slot
from .waiting import wait_for

if TYPE_CHECKING:
    from etf import Pid, Reference

    from ...process.process import Process

LAST_WORDS = 5.0
"""Seconds that a killed process has to get to a checkpoint, before it is given up."""


@final
class Departure:
    """Watches *pid* in the name of *process*, by any task: ``with Departure(...)``.

    It does from when it is made until the block is left.
    """

    def __init__(self, process: Process, pid: Pid) -> None:
        self._process = process
        self._pid = pid
        self._end = Slot()
        self._ref: Reference | None = None
        self.reason: Any = None
        """Why it has ended."""
        runtime = process.runtime
        way = runtime.remote(pid)
        self._other = runtime.find(pid) if way is None else None
        if way is not None:
            self._ref = runtime.new_reference()
            way.monitor(process.pid, pid, self._ref, self)
        elif self._other is not None:
            self._other.watchers[self] = self
        else:
            self.fire(NOPROC)

    def __enter__(self) -> Self:
        return self

    def fire(self, reason: Any) -> None:
        """Take its end."""
        self.reason = reason
        self._end.resolve(True)

    async def tell(self, reason: Any) -> None:
        """Send it an exit signal."""
        await self._process.exit(self._pid, reason)

    async def ended(self, seconds: float, *, kill: bool) -> bool:
        """Wait until it has ended; return whether it has.

        With *kill* it always has: what does not go in time is killed, and what does
        not even go then is declared to be over.
        """
        if await self._within(seconds):
            return True
        if not kill:
            return False
        await self.tell(KILL)
        if not await self._within(LAST_WORDS) and self._other is not None:
            declare_defunct(self._other)
        return True

    def __exit__(self, *_: object) -> None:
        if self._ref is not None:
            way = self._process.runtime.remote_node(self._pid.node)
            way.demonitor(self._process.pid, self._pid, self._ref)
        elif self._other is not None:
            self._other.watchers.pop(self, None)

    async def _within(self, seconds: float) -> bool:
        timers = self._process.timers
        found = await wait_for(self._end, timers, seconds, on_timeout=self._pass)
        return bool(found)

    def _pass(self) -> None:
        end, self._end = self._end, Slot()
        end.resolve(False)
