"""Tasks that belong to a process: its helpers end with it, and it fails with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import trio

from ..errors import Exit, LocalProtocolError
from . import reasons
from .reports import crash_report
from .runner import current_process, drive

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .process import Process


@final
class HelperTasks:
    """The tasks of one process, with the two starting methods of a nursery.

    They may send as the process, but must not receive for it. When the process ends
    they are cancelled; when one of them raises, the process ends with that reason.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._scopes: dict[trio.lowlevel.Task, trio.CancelScope] = {}

    def start_soon(
        self, function: Callable[..., Awaitable[Any]], *args: Any, name: object = None
    ) -> None:
        """Run ``function(*args)`` beside the process; like a nursery's ``start_soon``.

        If the process is over already it never begins.
        """
        nursery = self._process.runtime.nursery
        assert nursery is not None
        nursery.start_soon(self._run, function, args, name=name or function)

    async def start(
        self, function: Callable[..., Awaitable[Any]], *args: Any, name: object = None
    ) -> Any:
        """Run it and wait until it says that it is up; like a nursery's ``start``.

        What it raises before that is raised here, and does not end the process.

        Raises:
            LocalProtocolError: The process is over.
        """
        process = self._process
        nursery = process.runtime.nursery
        assert nursery is not None
        if not process.alive:
            raise LocalProtocolError(f"{process!r} has ended")
        return await nursery.start(self._start, function, args, name=name or function)

    def cancel(self) -> None:
        """Cancel all of them, as the end of the process does."""
        for scope in list(self._scopes.values()):
            scope.cancel()

    def running(self) -> bool:
        """Tell whether the current task is one of them, or a child of one."""
        task: trio.lowlevel.Task | None = trio.lowlevel.current_task()
        while task is not None and task not in self._scopes:
            nursery = task.parent_nursery
            task = None if nursery is None else nursery.parent_task
        return task is not None

    async def _start(
        self,
        function: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        *,
        task_status: trio.TaskStatus[Any],
    ) -> None:
        status = _Status(task_status)

        async def call() -> None:
            await function(*args, task_status=status)

        await self._run(call, (), status)

    async def _run(
        self,
        function: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        status: _Status | None = None,
    ) -> None:
        process = self._process
        if not process.alive:
            return
        current_process.set(process)
        task = trio.lowlevel.current_task()

        async def body() -> None:
            await function(*args)

        with trio.CancelScope() as scope:
            self._scopes[task] = scope
            try:
                await drive(process.runtime, process, body())
            except BaseException as error:
                failure, rest = reasons.split(error)
                if failure is not None:
                    if status is not None and not status.up:
                        raise
                    self._fail(failure)
                if rest is not None:
                    raise rest from None
            finally:
                del self._scopes[task]
                process.runtime.flush()

    def _fail(self, error: BaseException) -> None:
        process = self._process
        reason = reasons.from_exception(error)
        if not isinstance(error, Exit):
            crash_report(process, reason, error)
        process.end(reason)


@final
class _Status:
    """A task status that remembers whether it was used."""

    def __init__(self, inner: trio.TaskStatus[Any]) -> None:
        self._inner = inner
        self.up = False

    def started(self, value: Any = None) -> None:
        self._inner.started(value)
        self.up = True
