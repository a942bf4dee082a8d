"""Processes whose time is limited: told to end when it is over, and killed if need be.

The signal comes from the parent, as far as the process can see: so a behaviour that
traps exits cleans up in ``terminate`` and goes, as it does for its supervisor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from etf import Atom

from ..atoms import SHUTDOWN

if TYPE_CHECKING:
    from ..process import Process

OVER = (SHUTDOWN, Atom("lifetime"))
"""Why such a process ends: no crash, so a transient child is not started again."""

GRACE = 5.0
"""Seconds between the word and the kill."""


@final
class Lifetime:
    """The time of one process."""

    __slots__ = ("_process", "_timer")

    def __init__(self, process: Process, seconds: float) -> None:
        self._process = process
        self._timer = process.timers.start(seconds, self._end)
        process.watchers[self] = self

    def fire(self, reason: Any) -> None:
        """Take the end of the process."""
        self._timer.cancel()

    def _end(self) -> None:
        process = self._process
        self._timer = process.timers.start(GRACE, process.kill)
        process.exit_from(process.parent or process.pid, OVER, link=False)
