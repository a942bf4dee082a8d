"""One timeout for a request: first for the connection, then for the answer."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, final

import trio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from etf import Pid

    from ..process.timers import Timers
    from .peer import Peer


@final
class Patience:
    """The seconds that are left; None waits for ever.

    Raises:
        ValueError: The time is no number of seconds.
    """

    def __init__(self, timeout: float | None) -> None:
        if timeout is not None and not timeout >= 0:
            raise ValueError(f"a timeout is a number of seconds, not {timeout!r}")
        seconds = math.inf if timeout is None else timeout
        self._deadline = trio.current_time() + seconds

    def left(self) -> float | None:
        """Return the seconds that are left, None for ever."""
        if self._deadline == math.inf:
            return None
        return max(0.0, self._deadline - trio.current_time())

    async def ready(self, peer: Peer, sender: Pid) -> bool:
        """Wait until *peer* is connected with room for *sender*; return whether.

        Raises:
            TimeoutError: The time is over.
        """
        if peer.is_ready(sender):
            return True
        with trio.move_on_at(self._deadline) as scope:
            return await peer.ready(sender)
        assert scope.cancelled_caught
        raise TimeoutError

    @contextmanager
    def timer(self, timers: Timers, callback: Callable[[], object]) -> Iterator[None]:
        """Call *callback* when the time is over, unless the block ends before."""
        seconds = self.left()
        if seconds is None:
            yield
            return
        timer = timers.start(seconds, callback)
        try:
            yield
        finally:
            timer.cancel()
