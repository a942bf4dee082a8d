"""The watchdog: tells who keeps all other processes from running.

A process gives way only where it waits. One that computes, or blocks in a call that is
not Trio's, stops the whole node, and nothing of Trio can notice. So a thread asks the
event loop from time to time to answer, looks at what runs while it does not, and logs
it: once with the stack when the limit is reached, and once when the loop went on.

That costs a few turns of the loop in a second and nothing for a message. Code that
keeps Python's global lock stops this thread as well: that is noticed only afterwards.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, final

import trio

from .process import Process

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from .runtime import Runtime

logger = logging.getLogger("ergopy.process")

LOOKS = 4
"""How often the thread looks within the limit."""

_RUNNERS = ("/process/runner.py", "/trio/_core/_run.py")


@final
class Watchdog:
    """Watches one event loop.

    Args:
        runtime: The node whose processes may hold it.
        limit: Seconds without a turn of the loop after which it is logged.
        clock: What seconds are counted on. Not Trio's, which may be a test's.
    """

    def __init__(
        self,
        runtime: Runtime,
        limit: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runtime = runtime
        self._limit = limit
        self._clock = clock
        self._over = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"ergopy watchdog {runtime.name}", daemon=True
        )
        self._token: trio.lowlevel.TrioToken | None = None
        self._watched = 0
        self._asked = 0.0
        self._answered: float | None = 0.0
        self._suspect: object = None
        self._since = 0.0
        self._reported = False

    def start(self) -> None:
        """Begin to watch the loop that this runs in."""
        self._token = trio.lowlevel.current_trio_token()
        self._watched = threading.get_ident()
        self._thread.start()

    def stop(self) -> None:
        """End the thread, after what it is about to say if it is; does not wait."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.wait(self._limit / LOOKS):
            try:
                self.look(self._clock())
            except trio.RunFinishedError:
                return

    def look(self, now: float) -> None:
        """Take one look at the loop; raises RunFinishedError if it is no more."""
        if self._answered is not None:
            self._say_what_was(self._answered)
            self._ask(now)
            return
        current = self._runtime.current
        if current is not self._suspect:
            self._suspect, self._since = current, now
        elif not self._reported and now - self._since >= self._limit:
            self._reported = True
            logger.warning(
                "%s holds the event loop for more than %g s: put what blocks into a "
                "thread\n%s",
                self._name(),
                self._limit,
                self._stack(),
                extra={"node": self._runtime.name},
            )

    def _ask(self, now: float) -> None:
        assert self._token is not None
        self._asked, self._answered = now, None
        self._suspect, self._since = self._runtime.current, now
        self._reported = False
        self._token.run_sync_soon(self.answer, idempotent=True)

    def answer(self) -> None:
        """Run in the loop: it came round."""
        self._answered = self._clock()

    def _say_what_was(self, answered: float) -> None:
        if self._reported:
            logger.warning(
                "%s let go of the event loop after %.1f s",
                self._name(),
                answered - self._since,
            )
        elif self._asked and answered - self._asked > self._limit:
            logger.warning(
                "the event loop did not come round for %.1f s; no process alone held "
                "it, or it kept Python's global lock",
                answered - self._asked,
            )

    def _name(self) -> str:
        if isinstance(self._suspect, Process):
            return f"process {self._suspect.label} {self._suspect.pid}"
        return f"a task that is no process of {self._runtime.name}"

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._watched)
        return "".join(traceback.format_list(_own(frame)))


def _own(frame: FrameType | None) -> list[traceback.FrameSummary]:
    """Return the stack without what runs every task."""
    stack = list(traceback.extract_stack(frame)) if frame is not None else []
    for index in range(len(stack) - 1, -1, -1):
        if stack[index].filename.endswith(_RUNNERS):
            return stack[index + 1 :]
    return stack
