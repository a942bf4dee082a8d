"""The one timer of a saga: it wakes it up when the first of its deadlines is due."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, final

from ...process.mailbox import Mailbox
from .core.events import Tick

if TYPE_CHECKING:
    from ...process.process import Process
    from ...process.timers import Timer

_TICK = Tick()


@final
class Alarm:
    """Puts a :class:`Tick` into the mailbox, once; no limit keeps it out.

    It is no ``send_after``: that would copy the message, or be refused, as what the
    saga itself sends. It ends with the process.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._timer: Timer | None = None
        self.at = math.inf
        """When it rings."""
        watcher: Any = self
        process.watchers[watcher] = watcher

    def set(self, at: float, now: float) -> None:
        """Ring at that time, and not when it was set for."""
        self.fire(None)
        self.at = at
        timers = self._process.runtime.timers
        self._timer = timers.start(max(0.0, at - now), self._ring)

    def _ring(self) -> None:
        self.at, self._timer = math.inf, None
        Mailbox.deliver(self._process, _TICK)

    def fire(self, reason: Any) -> None:
        """Be quiet: the process has ended, or there is another time."""
        if self._timer is not None:
            self._timer.drop()
            self._timer = None
