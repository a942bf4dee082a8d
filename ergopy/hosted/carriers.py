"""What a hosted node runs in: a process of the system, or a thread."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, final

import trio

from etf import Atom

from ..process.atoms import NORMAL
from .program import frame, run

if TYPE_CHECKING:
    from collections.abc import Callable

_EXIT_STATUS = Atom("exit_status")


class Carrier(Protocol):
    """Runs one hosted node, once."""

    patience: float
    """Seconds from a lost connection to the end of the node that lost it."""

    def __init__(self, python: str | None = None) -> None: ...

    async def carry(self, plan: bytes) -> Any:
        """Run a node until it ends; return the reason."""

    def stop(self) -> None:
        """Tell the node to end, in order."""


@final
class SubprocessCarrier:
    """Runs ``python -m ergopy.hosted``, which reads its plan from a pipe.

    The end of the pipe is the order to end. It has a session of its own: Ctrl-C in a
    terminal is for this program, which ends it in order.
    """

    patience = 5.0

    def __init__(self, python: str | None = None) -> None:
        self._python = python or sys.executable
        self._pipe: Any = None
        self._closing = False

    async def carry(self, plan: bytes) -> Any:
        """Run a node until it ends; return the reason. Cancelling it kills."""
        process = await trio.lowlevel.open_process(
            [self._python, "-m", "ergopy.hosted"],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            self._pipe = process.stdin
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await self._pipe.send_all(frame(plan))
            if self._closing:
                self.stop()
            status = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
                await trio.aclose_forcefully(self._pipe)
        return NORMAL if status == 0 else (_EXIT_STATUS, status)

    def stop(self) -> None:
        """Tell the node to end, in order."""
        self._closing = True
        if self._pipe is not None:
            self._pipe.close()


@final
class ThreadCarrier:
    """Runs the node in a thread of this program, with an event loop of its own."""

    patience = 5.0

    def __init__(self, python: str | None = None) -> None:
        if python is not None:
            raise ValueError("python= is for a subprocess")
        self._cancel: Callable[[], object] | None = None
        self._closing = False

    async def carry(self, plan: bytes) -> Any:
        """Run a node until it ends; return the reason. Cancelling it lets go of it."""
        try:
            await trio.to_thread.run_sync(
                trio.run,
                self._main,
                plan,
                abandon_on_cancel=True,
                limiter=trio.CapacityLimiter(1),
            )
        finally:
            self.stop()
        return NORMAL

    async def _main(self, plan: bytes) -> None:
        token = trio.lowlevel.current_trio_token()
        with trio.CancelScope() as scope:

            def cancel() -> None:
                with suppress(trio.RunFinishedError):
                    token.run_sync_soon(scope.cancel)

            self._cancel = cancel
            if not self._closing:
                await run(plan)

    def stop(self) -> None:
        """Tell the node to end, in order."""
        self._closing = True
        if self._cancel is not None:
            self._cancel()
