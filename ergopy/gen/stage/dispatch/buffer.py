"""The buffer of a producer: events that nobody wants yet.

Events come out in the order they went in. It has a size; beyond that the oldest events
are thrown away (``keep="last"``) or the newest (``keep="first"``), and counted. Info
messages have their place between events, and are never thrown away.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import islice
from typing import Any, final


@final
class Buffer:
    """Events, oldest first, and info messages that are to follow some of them.

    Args:
        size: How many events it has room for, 0 or more; ``math.inf`` for no limit.
        keep: Which it keeps when there are more, ``"first"`` or ``"last"``.
    """

    __slots__ = ("_base", "_events", "_infos", "_keep_last", "_size")

    def __init__(self, size: float = math.inf, keep: str = "last") -> None:
        self._size = size
        self._keep_last = keep == "last"
        self._events: deque[Any] = deque()
        self._infos: deque[tuple[int, Any]] = deque()
        self._base = 0
        """How many events have left it: places are counted from the very first one."""

    def __len__(self) -> int:
        return len(self._events)

    def store(self, events: list[Any]) -> tuple[int, list[Any]]:
        """Put *events* at the end.

        Returns how many events were thrown away for that, and the info messages that
        only waited for such.
        """
        excess = len(self._events) + len(events) - self._size
        if excess <= 0:
            self._events.extend(events)
            return 0, []
        excess = int(excess)
        if not self._keep_last:
            self._events.extend(islice(events, len(events) - excess))
            return excess, []
        self._events.extend(events)
        self._drop(excess)
        return excess, self._due()

    def store_info(self, message: Any) -> bool:
        """Put an info message behind all events; False if there are none."""
        if not self._events:
            return False
        self._infos.append((self._base + len(self._events), message))
        return True

    def take(self, count: int) -> tuple[list[Any], list[Any]]:
        """Take up to *count* events from the front, and none beyond an info message.

        Returns them, and the messages that are right behind the last one of them.
        """
        events = self._events
        if self._infos:
            count = min(count, self._infos[0][0] - self._base)
        if count >= len(events):
            taken = list(events)
            events.clear()
        else:
            pop = events.popleft
            taken = [pop() for _ in range(count)]
        self._base += len(taken)
        return taken, self._due() if taken else []

    def put_back(self, events: list[Any], infos: list[Any]) -> None:
        """Undo part of the last :meth:`take`: its last *events*, and all its infos."""
        place = self._base
        self._events.extendleft(reversed(events))
        self._base -= len(events)
        self._infos.extendleft((place, message) for message in reversed(infos))

    def _drop(self, count: int) -> None:
        events = self._events
        if count >= len(events):
            events.clear()
        else:
            for _ in range(count):
                events.popleft()
        self._base += count

    def _due(self) -> list[Any]:
        """Take out the infos that have no event before them any more."""
        infos, due = self._infos, []
        while infos and infos[0][0] <= self._base:
            due.append(infos.popleft()[1])
        return due
