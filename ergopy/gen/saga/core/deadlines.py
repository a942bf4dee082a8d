"""The times at which a saga has to do something, in one heap, and its patience."""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_PATIENCE = 60.0
"""Seconds between two tries, in the end."""

_COMPACT_ABOVE = 1024


def backoff(tries: int) -> float:
    """Say for how many seconds to wait before one more try."""
    return min(2.0 ** min(tries, 10), MOST_PATIENCE)


@final
class Deadline:
    """An event that is due at a time, unless it is cancelled."""

    __slots__ = ("_all", "at", "event")

    def __init__(self, deadlines: Deadlines, at: float, event: Any) -> None:
        self._all = deadlines
        self.at = at
        self.event = event

    def cancel(self) -> None:
        """Take it back; nothing if it is over."""
        if self.event is not None:
            self.event = None
            self._all.live -= 1


@final
class Deadlines:
    """A heap of them. A cancelled one leaves it when its time comes, or when more
    than half of them are."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Deadline]] = []
        self._count = 0
        self.live = 0
        """How many there are that are not cancelled."""

    def __len__(self) -> int:
        return self.live

    @property
    def next(self) -> float:
        """When the first one is due, at the earliest; infinity if there is none.

        It may be one that was cancelled: that is looked at when its time comes.
        """
        heap = self._heap
        return heap[0][0] if heap else math.inf

    def start(self, at: float, event: Any) -> Deadline:
        """Have *event* come at that time."""
        deadline = Deadline(self, at, event)
        self._count += 1
        self.live += 1
        heap = self._heap
        heapq.heappush(heap, (at, self._count, deadline))
        if len(heap) > _COMPACT_ABOVE and len(heap) > 2 * self.live:
            heap[:] = [entry for entry in heap if entry[2].event is not None]
            heapq.heapify(heap)
        return deadline

    def due(self, now: float) -> Iterator[Any]:
        """Take out what is due, one after the other; each may cancel those behind."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            deadline = heapq.heappop(heap)[2]
            event, deadline.event = deadline.event, None
            if event is not None:
                self.live -= 1
                yield event
