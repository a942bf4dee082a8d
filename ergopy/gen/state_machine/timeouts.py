"""The timeouts of a state machine, as data: one of each kind at most.

Those that have time to run are started by a function that the machine gives, and come
back as a token in a message; one whose token is not that of its kind any more was
stopped too late, and is nothing. Those of zero seconds are *due*: they come before any
message from outside, and after the events that wait inside the machine.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol, final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .actions import Kind, SetTimeout


class Timer(Protocol):
    """What can be stopped."""

    def cancel(self) -> object:
        """Stop it; too late is no error."""


@final
class _Entry:
    __slots__ = ("content", "kind", "timer", "token")

    def __init__(self, kind: Kind, content: Any) -> None:
        self.kind = kind
        self.content = content
        self.token = 0
        self.timer: Timer | None = None


@final
class Timeouts:
    """All that run or are due.

    Args:
        start: ``start(action, token)`` starts a timer for a :class:`SetTimeout`, whose
            end is told to :meth:`expire`.
    """

    __slots__ = ("_due", "_entries", "_start", "_tokens")

    def __init__(self, start: Callable[[SetTimeout, int], Timer]) -> None:
        self._start = start
        self._tokens = 0
        self._entries: dict[Any, _Entry] = {}
        # In the order in which they will come.
        self._due: dict[Any, None] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def pending(self) -> list[tuple[Kind, Any]]:
        """Return kind and content of each."""
        return [(entry.kind, entry.content) for entry in self._entries.values()]

    def set(self, actions: Iterable[SetTimeout]) -> None:
        """Carry out *actions*; of each kind the last one alone."""
        last: dict[Any, SetTimeout] = {}
        for action in actions:
            last.pop(action.key, None)
            last[action.key] = action
        for action in last.values():
            self._set(action)

    def _set(self, action: SetTimeout) -> None:
        key, seconds = action.key, action.seconds
        if seconds is None and key in self._entries:
            self._entries[key].content = action.content
            return
        self.cancel(key)
        if seconds == math.inf:
            return
        entry = self._entries[key] = _Entry(action.kind, action.content)
        if not seconds:
            self._due[key] = None
            return
        self._tokens = entry.token = self._tokens + 1
        entry.timer = self._start(action, entry.token)

    def cancel(self, key: Any) -> None:
        """Stop the one of a kind, if there is any."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        if entry.timer is None:
            del self._due[key]
        else:
            entry.timer.cancel()

    def next_due(self) -> tuple[Kind, Any] | None:
        """Take the first that is due."""
        for key in self._due:
            del self._due[key]
            entry = self._entries.pop(key)
            return entry.kind, entry.content
        return None

    def expire(self, key: Any, token: int) -> tuple[Kind, Any] | None:
        """Take the one whose timer has ended, unless that was stopped before."""
        entry = self._entries.get(key)
        if entry is None or entry.token != token:
            return None
        del self._entries[key]
        return entry.kind, entry.content

    def clear(self) -> None:
        """Stop all."""
        for key in list(self._entries):
            self.cancel(key)
