"""A place for one answer, and the one task that waits for it.

Cheaper than an event: no set of waiters, no checkpoint when the answer is there
already, and nothing to clean up when the waiting task is cancelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

UNSET: Any = object()


class Slot:
    """Holds the first value given to :meth:`resolve`; later ones are ignored."""

    __slots__ = ("_task", "value")

    def __init__(self) -> None:
        self._task: trio.lowlevel.Task | None = None
        self.value: Any = UNSET

    def resolve(self, value: Any) -> None:
        """Give the answer. Never waits; the waiting task runs on the next turn."""
        if self.value is not UNSET:
            return
        self.value = value
        task = self._task
        if task is not None:
            self._task = None
            trio.lowlevel.reschedule(task)

    async def wait(self, on_cancel: Callable[[], object] | None = None) -> Any:
        """Return the answer; a checkpoint only if it is not there yet.

        If the waiting is cancelled, *on_cancel* is called (it must not wait) and
        the slot never takes a value.
        """
        if self.value is UNSET:
            self._task = trio.lowlevel.current_task()

            def abort(_: object) -> trio.lowlevel.Abort:
                self._task = None
                self.value = None
                if on_cancel is not None:
                    on_cancel()
                return trio.lowlevel.Abort.SUCCEEDED

            await trio.lowlevel.wait_task_rescheduled(abort)
        return self.value

    async def watch(self) -> None:
        """Wait until there is an answer. Cancelling it leaves everything as it is."""
        if self._task is not None:
            raise trio.BusyResourceError("another task waits for this answer")
        if self.value is UNSET:
            self._task = trio.lowlevel.current_task()

            def abort(_: object) -> trio.lowlevel.Abort:
                self._task = None
                return trio.lowlevel.Abort.SUCCEEDED

            await trio.lowlevel.wait_task_rescheduled(abort)
