"""What a configuration comes to while its process lives: room, time, a way to copy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, final

import trio

from .quota import Quota

if TYPE_CHECKING:
    from etf import Pid

    from .config import ProcessConfig
    from .copying import Copier


@final
class Allowance:
    """What one process has of that, and those that it starts share with it."""

    __slots__ = ("_counted", "_quota", "config", "copier", "deadline")

    def __init__(
        self,
        owner: Pid,
        config: ProcessConfig,
        above: Allowance | None,
        copier: Copier,
    ) -> None:
        self.config = config
        self.copier = copier
        """Makes what a local send hands over; None hands over the object itself."""
        self.deadline: float = math.inf if above is None else above.deadline
        """When the process is to end, by Trio's clock; infinity if that is open."""
        counted: Quota | None = None if above is None else above._quota
        self._counted: Quota | None = counted
        self._quota: Quota | None = counted
        if config.max_processes is not None:
            self._quota = Quota(owner, config.max_processes, self._counted)
        if config.lifetime is not None:
            deadline = trio.current_time() + config.lifetime
            self.deadline = min(self.deadline, deadline)

    def check_room(self) -> None:
        """Raise SystemLimit if the process cannot start one more."""
        if self._quota is not None:
            self._quota.check()

    def take(self) -> None:
        """Count the process itself where it counts."""
        if self._counted is not None:
            self._counted.count(1)

    def give_back(self) -> None:
        """Count it no more. One that was declared defunct ends twice."""
        counted, self._counted = self._counted, None
        if counted is not None:
            counted.count(-1)
