"""``Task.async_stream``: a function over many items, some at a time, in order.

A task begins only while somebody waits for the next outcome, so a slow consumer makes
the source wait. In order (the default) an outcome also waits for those of all items
before it; the tasks of later items go on meanwhile, as in Elixir.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, Self, final

import trio

from ...errors import TaskExit, TaskTimeout
from ...process.atoms import OK, TIMEOUT
from . import starting
from .batch import NOTHING, Batch
from .outcomes import EXIT

if TYPE_CHECKING:
    from types import TracebackType

    from etf import Atom

    from ...process.process import Process
    from ..apply import Function
    from .batch import Job


@final
class TaskStream:
    """The outcomes of one task per item; made by ``Task.async_stream``.

    ::

        async with Task.async_stream(urls, fetch, max_concurrency=8) as outcomes:
            async for outcome in outcomes:
                match outcome:
                    case ("ok", page): ...
                    case ("exit", reason): ...

    Leaving the block ends the tasks that still run, and waits for that. Without the
    block a ``break`` ends them too, when the iterator is dropped. Cancelling the wait
    for an outcome loses none.

    An outcome is ``("ok", value)``, or ``("exit", reason)`` of a task that failed. With
    *link* a task that fails ends the owner, unless that traps exits; for a program
    outside of all processes the stream raises ``TaskExit`` instead.

    Args:
        owner: Whose tasks they are: ``caller=`` of ``Task.async_stream``.
        items: An iterable, or an asynchronous one. It is asked for its next item
            whenever there is room for another task, and outcomes wait for that item.
        function: What runs, as ``function(item, *args)``; see ``Task.async_``.
        args: The arguments behind the item.
        under: A task supervisor whose children the tasks are to be.
        link: False is ``async_stream_nolink``.
        max_concurrency: Tasks that run at the same time; by default one per CPU.
        ordered: Give the outcomes in the order of the items, or as they come.
        timeout: Seconds that each task has; None is for ever.
        on_timeout: ``"exit"`` raises ``TaskTimeout`` for a task that takes longer;
            ``"kill_task"`` kills it, and its outcome is ``("exit", "timeout")``.
        zip_input_on_exit: Make the outcome of a failure ``("exit", (item, reason))``.
        shutdown: With *under*: seconds that the supervisor gives a task to end.

    Raises:
        TaskTimeout, TaskExit: See above; ``task`` is the pid of the task. The other
            tasks are ended first.
        ChildError: The supervisor takes no more children: its ``max_children`` should
            not be less than *max_concurrency*. The tasks that run are ended first.
    """

    def __init__(
        self,
        owner: Process,
        items: Any,
        function: Function,
        args: tuple[Any, ...],
        *,
        under: Any = None,
        link: bool = True,
        max_concurrency: int | None = None,
        ordered: bool = True,
        timeout: float | None = 5.0,
        on_timeout: Literal["exit", "kill_task"] = "exit",
        zip_input_on_exit: bool = False,
        shutdown: Any = None,
    ) -> None:
        if max_concurrency is None:
            max_concurrency = os.cpu_count() or 1
        if type(max_concurrency) is not int or max_concurrency < 1:
            raise ValueError(f"max_concurrency= is above 0, not {max_concurrency!r}")
        if on_timeout not in ("exit", "kill_task"):
            raise ValueError(f"on_timeout= is exit or kill_task, not {on_timeout!r}")
        outside = owner is owner.runtime.root
        start = starting.way(owner, under, shutdown, link=link and not owner.trap_exit)
        self._batch = Batch(owner, start, timeout)
        self._source = _asynchronous(items)
        self._function = function
        self._args = args
        self._room = max_concurrency
        self._ordered = ordered
        self._timeout = timeout
        self._kills = on_timeout == "kill_task"
        self._zips = zip_input_on_exit
        self._raises = link and outside
        self._next: list[Any] = []
        self._begun = 0
        self._delivered = 0
        self._outcomes: dict[int, Any] = {}
        self._exhausted = False
        self._token = trio.lowlevel.current_trio_token()

    def __aiter__(self) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the tasks that run, and wait until they have ended.

        Cancelling it stops the waiting only.
        """
        self._exhausted = True
        self._outcomes.clear()
        self._delivered = self._begun
        await self._batch.close()

    async def __anext__(self) -> tuple[Atom, Any]:
        try:
            while self._delivered not in self._outcomes:
                if not self._exhausted and len(self._batch) < self._room:
                    await self._begin_next()
                elif len(self._batch):
                    self._take(*await self._batch.next_end())
                else:
                    await self.aclose()
                    raise StopAsyncIteration
        except (StopAsyncIteration, trio.Cancelled):
            raise
        except BaseException:
            await self.aclose()
            raise
        outcome: tuple[Atom, Any] = self._outcomes.pop(self._delivered)
        self._delivered += 1
        return outcome

    async def _begin_next(self) -> None:
        # What has left the source is kept until its task has begun: the start may be
        # cancelled.
        if not self._next:
            try:
                self._next.append(await anext(self._source))
            except StopAsyncIteration:
                self._exhausted = True
                return
        await self._batch.begin(self._begun, self._next[0], self._function, self._args)
        self._next.clear()
        self._begun += 1

    def _take(self, job: Job, reason: Any) -> None:
        position = job.position if self._ordered else self._ended
        self._outcomes[position] = self._outcome(job, reason)

    def _outcome(self, job: Job, reason: Any) -> tuple[Atom, Any]:
        if job.value is not NOTHING:
            return (OK, job.value)
        if job.timed_out:
            if not self._kills:
                raise TaskTimeout(job.pid, self._timeout or 0.0)
            reason = TIMEOUT
        elif self._raises:
            raise TaskExit(job.pid, reason)
        return (EXIT, (job.item, reason) if self._zips else reason)

    @property
    def _ended(self) -> int:
        """How many tasks have ended before this one: its place when unordered."""
        return self._delivered + len(self._outcomes)

    def __del__(self) -> None:
        batch = getattr(self, "_batch", None)
        if batch is not None and not batch.over:
            # Whatever thread collects garbage: processes are ended in Trio's.
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(batch.end)


def _asynchronous(items: Any) -> Any:
    if hasattr(items, "__aiter__"):
        return aiter(items)
    return _Plain(iter(items))


@final
class _Plain:
    """An iterator, as an asynchronous one that never waits."""

    def __init__(self, iterator: Any) -> None:
        self._iterator = iterator

    async def __anext__(self) -> Any:
        try:
            return next(self._iterator)
        except StopIteration:
            raise StopAsyncIteration from None
