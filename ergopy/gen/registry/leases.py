"""Leases: one holder at a time for what is registered under a key, first come first.

For processes that are a resource: a connection, a device, a model. A lease is a promise
among those who ask for one; it keeps nobody from sending to the process without it.
"""

from __future__ import annotations

from collections import deque
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, final

from ...errors import CallTimeout, RegistryClosed
from ...process.slot import Slot
from .waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from etf import Pid

    from ...process.timers import Timers

_CLOSED = object()


@final
class _Turn(Slot):
    """Somebody who waits for the key; resolves to a pid, to None for a timeout."""

    __slots__ = ()


@final
class _Line:
    """Who holds a key, and who waits for it."""

    __slots__ = ("held", "waiting")

    def __init__(self) -> None:
        self.held = False
        self.waiting: deque[_Turn] = deque()


@final
class Leases:
    """The leases of one registry.

    Args:
        registry: What it is called.
        find: Returns who is registered under a key, by its mark.
    """

    def __init__(
        self, registry: Any, find: Callable[[Any], Pid | None], timers: Timers
    ) -> None:
        self._registry = registry
        self._find = find
        self._timers = timers
        self._lines: dict[Any, _Line] = {}

    @asynccontextmanager
    async def lease(
        self, key: Any, mark: Any, timeout: float | None
    ) -> AsyncIterator[Pid]:
        """Wait for one's turn; see ``Registry.lease``."""
        line = self._lines.setdefault(mark, _Line())
        pid = await self._turn(line, key, mark, timeout)
        try:
            yield pid
        finally:
            line.held = False
            self._go_on(line, mark)

    def registered(self, mark: Any) -> None:
        """Note that somebody is there for a key now."""
        line = self._lines.get(mark)
        if line is not None:
            self._go_on(line, mark)

    def close(self) -> None:
        """Send everybody away who waits."""
        for line in self._lines.values():
            while line.waiting:
                line.waiting.popleft().resolve(_CLOSED)
        self._lines.clear()

    def waiting(self, mark: Any) -> int:
        """Return how many wait for a key."""
        line = self._lines.get(mark)
        return 0 if line is None else len(line.waiting)

    async def _turn(
        self, line: _Line, key: Any, mark: Any, timeout: float | None
    ) -> Pid:
        turn = _Turn()
        line.waiting.append(turn)
        self._go_on(line, mark)
        # At once, and not when the task runs again: nobody may give it the key then.
        leave = partial(self._leave, line, mark, turn)
        found = await wait_for(
            turn, self._timers, timeout, on_timeout=leave, on_cancel=leave
        )
        if found is None:
            raise CallTimeout(key, timeout or 0.0)
        if found is _CLOSED:
            raise RegistryClosed(self._registry)
        pid: Pid = found
        return pid

    def _go_on(self, line: _Line, mark: Any) -> None:
        """Let the next one have the key, if it is free and somebody is there for it."""
        pid = self._find(mark) if line.waiting and not line.held else None
        if pid is not None:
            line.held = True
            line.waiting.popleft().resolve(pid)
        elif not line.waiting and not line.held and self._lines.get(mark) is line:
            del self._lines[mark]

    def _leave(self, line: _Line, mark: Any, turn: _Turn) -> None:
        if turn in line.waiting:
            line.waiting.remove(turn)
        turn.resolve(None)
        self._go_on(line, mark)
