"""Reading a source as far as its items are wanted, beside the stage that sends them.

A task of its own reads, so that the stage answers while an item is waited for. What was
read is taken by the stage at its next turn: the first item does not wait for others,
and items that are there at once come together. The task closes the source when there is
no more, and when the stage has ended, for whatever reason.
"""

from __future__ import annotations

import logging
from collections import deque
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, final

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

    from ....process.process import Process

logger = logging.getLogger("ergopy.stage")

MOST_READ = 500
"""Items that are read, at most, before the stage takes them and others get a turn."""

CLOSE_TIMEOUT = 5.0
"""Seconds that an asynchronous source has to close."""


@final
class Intake:
    """The items of one source; :meth:`run` is the task that reads them.

    Args:
        process: The stage.
        iterator: An iterator, or an asynchronous one.
        thread: Whether a thread reads the iterator.
        news: Called when there are items to take, or no more will come; not again
            before :meth:`take`.
    """

    def __init__(
        self,
        process: Process,
        iterator: Any,
        *,
        thread: bool,
        news: Callable[[], object],
    ) -> None:
        self.over = False
        """Whether no more will come."""
        self.failure: Exception | None = None
        """What the source raised."""
        self._process = process
        self._iterator = iterator
        self._thread = thread
        self._news = news
        self._told = False
        self._items: deque[Any] = deque()
        self._wanted = 0
        self._changed = trio.Event()

    def want(self, count: int) -> None:
        """Read so many items more."""
        self._wanted += count
        self._changed.set()

    def take(self) -> list[Any]:
        """Take what was read."""
        self._told = False
        items = self._items
        # A thread may be putting more in.
        taken = [items.popleft() for _ in range(len(items))]
        self._changed.set()
        return taken

    async def run(self) -> None:
        """Read to the end, and close the source."""
        try:
            try:
                while await self._read(await self._room()):
                    pass
            finally:
                await self._close()
        except Exception as error:
            self.failure = error
        self.over = True
        self._tell()

    async def _room(self) -> int:
        """Wait until items are wanted, and there is room; return how many to read."""
        while (count := min(self._wanted, MOST_READ - len(self._items))) <= 0:
            self._changed = trio.Event()
            await self._changed.wait()
        self._wanted -= count
        return count

    async def _read(self, count: int) -> bool:
        """Read that many items; return False if there are fewer."""
        if hasattr(self._iterator, "__anext__"):
            return await self._read_async(count)
        if not self._thread:
            return self._read_plain(count, self._tell)
        token = trio.lowlevel.current_trio_token()
        tell = partial(token.run_sync_soon, self._tell, idempotent=True)
        full: bool = await self._process.run_sync(self._read_plain, count, tell)
        return full

    async def _read_async(self, count: int) -> bool:
        items, following = self._items, self._iterator.__anext__
        for _ in range(count):
            try:
                item = await following()
            except StopAsyncIteration:
                return False
            items.append(item)
            self._tell()
        return True

    def _read_plain(self, count: int, tell: Callable[[], object]) -> bool:
        """Read an iterator, in whatever thread."""
        for item in islice(self._iterator, count):
            self._items.append(item)
            tell()
            count -= 1
            if not self._process.alive:
                # A thread cannot be cancelled.
                break
        return not count

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            self._news()

    async def _close(self) -> None:
        iterator = self._iterator
        with trio.move_on_after(CLOSE_TIMEOUT, shield=True) as scope:
            if hasattr(iterator, "aclose"):
                await iterator.aclose()
            elif hasattr(iterator, "close"):
                await self._close_plain(iterator.close)
        if scope.cancelled_caught:
            logger.error(
                "the source of %s took longer than %g s to close",
                self._process.label,
                CLOSE_TIMEOUT,
            )

    async def _close_plain(self, close: Callable[[], object]) -> None:
        if self._thread:
            await self._process.run_sync(close)
        else:
            close()
