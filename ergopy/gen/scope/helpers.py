"""Helper tasks of a scope: they run in the owner's name, and end with the scope."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, final

import trio

from ...process import reasons

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ...process.process import Process

logger = logging.getLogger("ergopy.process")


@final
class Helpers:
    """The helper tasks of one scope.

    Args:
        owner: In whose name they run.
        fail: Takes the exception of one that is needed.
    """

    def __init__(self, owner: Process, fail: Callable[[BaseException], object]) -> None:
        self._owner = owner
        self._fail = fail
        self._running: set[trio.CancelScope] = set()
        self._cancelled = False

    def start_soon(
        self,
        function: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        needed: bool,
    ) -> None:
        """Begin one; see ``Scope.start_soon``."""
        self._owner.nursery.start_soon(self._run, function, args, needed, name=function)

    def cancel(self) -> None:
        """End them all, and begin no more."""
        self._cancelled = True
        for scope in self._running:
            scope.cancel()

    async def _run(
        self,
        function: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        needed: bool,
    ) -> None:
        if self._cancelled:
            return
        with trio.CancelScope() as scope:
            self._running.add(scope)
            try:
                await function(*args)
            except BaseException as error:
                failure, rest = reasons.split(error)
                if failure is not None:
                    self._failed(failure, function, needed)
                if rest is not None:
                    raise rest from None
            finally:
                self._running.discard(scope)

    def _failed(self, failure: BaseException, function: Any, needed: bool) -> None:
        if needed:
            self._fail(failure)
            return
        logger.error(
            "%s, a helper task in a scope of %s, failed",
            getattr(function, "__qualname__", function),
            self._owner.label,
            exc_info=failure,
            extra={"pid": str(self._owner.pid), "node": self._owner.runtime.name},
        )
