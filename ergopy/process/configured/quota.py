"""How many processes may live at a time: those that one process and its own started.

A process with ``max_processes`` has a quota, in which all that it starts counts, and
all that these start. What counts in a quota inside of another one counts in both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from ...errors import SystemLimit

if TYPE_CHECKING:
    from etf import Pid


@final
class Quota:
    """The room that one process has for those it starts."""

    __slots__ = ("_above", "_count", "_limit", "_owner")

    def __init__(self, owner: Pid, limit: int, above: Quota | None) -> None:
        self._owner = owner
        self._limit = limit
        self._above = above
        self._count = 0

    def check(self) -> None:
        """Raise SystemLimit if there is no room for one more."""
        quota: Quota | None = self
        while quota is not None:
            if quota._count >= quota._limit:
                raise SystemLimit(quota._owner, quota._limit)
            quota = quota._above

    def count(self, change: int) -> None:
        """Count one process more, or one less, here and above."""
        quota: Quota | None = self
        while quota is not None:
            quota._count += change
            quota = quota._above
