"""Tasks that belong to a process: its helpers end with it, and it fails with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import trio

from . import reasons
from .runner import drive, log_crash

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
        self.cancel_scope = trio.CancelScope()
        self._scopes: set[trio.CancelScope] = set()

    def start_soon(
        self, function: Callable[..., Awaitable[Any]], *args: Any, name: object = None
    ) -> None:
        """Run ``function(*args)`` beside the process; like a nursery's ``start_soon``."""
        nursery = self._process.runtime.nursery
        assert nursery is not None
        nursery.start_soon(self._run, function, args, name=name or function)

    async def start(
        self, function: Callable[..., Awaitable[Any]], *args: Any, name: object = None
    ) -> Any:
        """Run it and wait until it says that it is up; like a nursery's ``start``."""
        nursery = self._process.runtime.nursery
        assert nursery is not None
        return await nursery.start(self._start, function, args, name=name or function)

    def cancel(self) -> None:
        """Cancel all of them, as the end of the process does."""
        for scope in self._scopes:
            scope.cancel()

    async def _start(
        self,
        function: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        *,
        task_status: trio.TaskStatus[Any],
    ) -> None:
        async def call() -> None:
            await function(*args, task_status=task_status)

        await self._run(call, ())

    async def _run(
        self, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]
    ) -> None:
        process = self._process

        async def body() -> None:
            await function(*args)

        with trio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                if not process.alive:
                    scope.cancel()
                await drive(process.runtime, process, body())
            except Exception as error:
                inner = reasons.unwrap(error)
                if process.alive:
                    log_crash(process, None, inner)
                    process.end(reasons.from_exception(inner))
            finally:
                self._scopes.discard(scope)
