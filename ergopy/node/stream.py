"""What happens, one thing after the other, for a program outside of any process."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import trio

if TYPE_CHECKING:
    from types import TracebackType

    from ..process.node_monitors import NodeMonitors

T = TypeVar("T")

LIMIT = 1000
"""How much may wait for a slow program, unless it says otherwise."""

TURN = 100
"""After so many in a row that need no waiting the other tasks get a turn."""


class Stream(Generic[T]):
    """``async with``, then ``async for``; subclasses say what comes.

    The monitors of a node end its streams when it ends.

    It never makes the node wait: of what is not fetched the oldest is dropped and
    counted once there is more than the limit. The loop ends when the node does.
    """

    def __init__(self, monitors: NodeMonitors, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"limit= is how many may wait, not {limit!r}")
        self._monitors = monitors
        self._limit = limit
        self._waiting: deque[T] = deque()
        self._parked: trio.lowlevel.Task | None = None
        self._turn = 0
        self._over = False
        self.dropped = 0
        """How many were dropped because nobody fetched them."""

    async def __aenter__(self) -> Self:
        self._begin()
        self._monitors.streams.append(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()
        self._monitors.streams.remove(self)
        self.stop()
        self._waiting.clear()

    def _begin(self) -> None:
        """Let it come."""
        raise NotImplementedError

    def _end(self) -> None:
        """Let no more come."""
        raise NotImplementedError

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        waiting = self._waiting
        self._turn -= 1
        if self._turn <= 0:
            self._turn = TURN
            await trio.lowlevel.checkpoint()
        while not waiting:
            if self._over:
                raise StopAsyncIteration
            if self._parked is not None:
                raise trio.BusyResourceError("another task waits for the next one")
            self._turn = TURN
            self._parked = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._abort)
        return waiting.popleft()

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._parked = None
        return trio.lowlevel.Abort.SUCCEEDED

    def deliver(self, it: Any) -> None:
        """Take one more; never waits."""
        if self._over:
            return
        if len(self._waiting) >= self._limit:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(it)
        self._wake()

    def stop(self) -> None:
        """Let the loop end after what has come already."""
        self._over = True
        self._wake()

    def _wake(self) -> None:
        if self._parked is not None:
            trio.lowlevel.reschedule(self._parked)
            self._parked = None
