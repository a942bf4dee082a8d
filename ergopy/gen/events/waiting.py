"""Who waits for an event to be registered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from ...process.atoms import ERROR, OK
from ...process.refusals import is_watched

if TYPE_CHECKING:
    from etf import Atom

    from ...process.process import Process


@final
class Waiting:
    """Calls by the key of an event, to be answered when there is one.

    Of those who wait no more nobody tells; they are found when there is no room.
    """

    def __init__(self, server: Process, most: int) -> None:
        self._server = server
        self._most = most
        self._calls: dict[Any, list[Any]] = {}
        self._count = 0

    def add(self, key: Any, from_: Any, limit: Atom) -> None:
        """Let a call wait, or answer *limit* if too many do."""
        if self._count >= self._most:
            self._clear()
        if self._count >= self._most:
            self._server.reply_nowait(from_, (ERROR, limit))
        else:
            self._calls.setdefault(key, []).append(from_)
            self._count += 1

    def registered(self, key: Any) -> None:
        """Answer those who have waited for this event."""
        calls = self._calls.pop(key, [])
        self._count -= len(calls)
        for from_ in calls:
            self._server.reply_nowait(from_, OK)

    def _clear(self) -> None:
        for key, calls in list(self._calls.items()):
            left = [from_ for from_ in calls if is_watched(self._server, from_)]
            self._count -= len(calls) - len(left)
            if left:
                self._calls[key] = left
            else:
                del self._calls[key]
