"""Turning a coroutine into a process.

A process is one Trio task in the node's flat nursery. Three things happen around
its body: what it writes to other nodes leaves just before it blocks, an exit signal
cancels it at its next checkpoint, and whatever ends it becomes an exit reason.

The coroutine of that task is a :class:`Life`, which is no ``async def`` but steps the
body's coroutine itself. With a hundred thousand processes asleep that counts: each
level of ``await`` keeps a frame of some 250 bytes, and the outermost one twice that.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, final

import trio

from ..errors import Exit
from . import reasons
from .atoms import NORMAL
from .reports import crash_report

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from .process import Process
    from .runtime import Runtime

current_process: ContextVar[Process] = ContextVar("ergopy.current_process")


def _outermost() -> Any:
    yield


_FRAME: types.FrameType = _outermost().gi_frame
"""What a look at the stack of a process shows above its body."""


@final
class Life(Coroutine[Any, Any, None]):
    """The coroutine that Trio runs for a process, from its first step to its end.

    ``runtime.current`` is the process while it runs: whoever writes meanwhile knows
    that a flush is coming, and wakes no writer task.

    No exception leaves, except Ctrl-C and Trio's own cancellation of the node. For
    Trio, and for tools that look at tasks, it has the attributes of a coroutine.
    """

    __slots__ = ("_coroutine", "_process", "_work")

    def __init__(
        self,
        process: Process,
        function: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
    ) -> None:
        self._process = process
        self._work: tuple[Callable[..., Awaitable[Any]], tuple[Any, ...]] | None
        self._work = function, args
        self._coroutine: Coroutine[Any, Any, Any] | None = None
        # Where process_info finds the stack; _end breaks the cycle.
        process.life = self

    # Without this Ctrl-C could not interrupt a body that does not wait.
    @trio.lowlevel.disable_ki_protection
    def send(self, value: Any, thrown: bool = False) -> Any:
        """Take a step; return what the body waits for."""
        process = self._process
        coroutine = self._coroutine
        runtime = process.runtime
        runtime.current = process
        try:
            if coroutine is None:
                trap = self._begin()
            elif thrown:
                trap = coroutine.throw(value)
            else:
                trap = coroutine.send(value)
        except StopIteration:
            error = None
        except BaseException as raised:
            error = raised
        else:
            runtime.current = None
            if runtime.dirty:
                runtime.flush()
            return trap
        try:
            value = coroutine = None
            self._end(error)
        finally:
            # No frame may keep the exception that it is in the traceback of.
            error = None
        raise StopIteration

    def throw(self, error: Any, *_: Any) -> Any:
        """Take a step that begins with an exception."""
        return self.send(error, thrown=True)

    def close(self) -> None:
        """Give the body up, with GeneratorExit."""
        if self._coroutine is not None:
            self._coroutine.close()

    @property
    def process(self) -> Process:
        """Whose life it is."""
        return self._process

    def __await__(self) -> Generator[Any, Any, None]:
        raise TypeError("only a task can live the life of a process")

    def _begin(self) -> Any:
        process = self._process
        current_process.set(process)
        # A signal may have come before the first step.
        if not process.alive:
            raise StopIteration
        process.cancel_scope = trio.CancelScope()
        process.cancel_scope.__enter__()
        assert self._work is not None
        function, args = self._work
        self._work = None
        body = function(process, *args)
        if body.__class__ is not types.CoroutineType:
            if not inspect.isawaitable(body):
                raise TypeError(
                    f"the body of a process is an async def; {function!r} is not"
                )
            body = _awaited(body)
        self._coroutine = body
        return body.send(None)

    def _end(self, error: BaseException | None) -> None:
        process = self._process
        runtime = process.runtime
        self._work = self._coroutine = process.life = None
        failure: BaseException | None = None
        reason: Any = NORMAL
        try:
            error = self._leave_scope(error)
            if error is not None:
                failure, rest = reasons.split(error)
                reason = reasons.from_exception(rest if failure is None else failure)
                if rest is not None:
                    raise rest from None
        finally:
            # As in send: the last one may leave from here.
            error = rest = None
            if process.alive:
                process.exit_reason = reason
            process.end_helpers()
            process.finish(process.exit_reason)
            runtime.current = None
            runtime.flush()
            crashed = failure is not None and not isinstance(failure, Exit)
            if crashed and process.log_crash:
                crash_report(process, process.exit_reason, failure)

    def _leave_scope(self, error: BaseException | None) -> BaseException | None:
        """Leave the cancel scope; return what it lets through."""
        scope = self._process.cancel_scope
        if scope is None:
            return error
        kind = None if error is None else type(error)
        trace = None if error is None else error.__traceback__
        try:
            return None if scope.__exit__(kind, error, trace) else error
        except BaseException as rest:
            return rest

    @property
    def cr_frame(self) -> types.FrameType | None:
        """Not None as long as the process lives."""
        over = self._work is None and self._coroutine is None
        return None if over else _FRAME

    @property
    def cr_code(self) -> types.CodeType:
        """The code of that frame."""
        return _FRAME.f_code

    @property
    def cr_await(self) -> Any:
        """The body."""
        return self._coroutine

    @property
    def cr_running(self) -> bool:
        """Whether the body runs now."""
        return self._process.runtime.current is self._process

    @property
    def cr_suspended(self) -> bool:
        """Whether the body waits."""
        return self._coroutine is not None and not self.cr_running


@types.coroutine
def drive(
    runtime: Runtime, owner: object, coroutine: Coroutine[Any, Any, Any]
) -> Generator[Any, Any, Any]:
    """Run *coroutine* as ``await`` would, with the flush of each step, for a helper.

    What the last step wrote is left for the caller to flush.
    """
    dirty = runtime.dirty
    step: Callable[[Any], Any] = coroutine.send
    value: Any = None
    while True:
        runtime.current = owner
        try:
            trap = step(value)
        except StopIteration as stop:
            return stop.value
        finally:
            runtime.current = None
            # No frame may keep the exception that it is in the traceback of.
            value = None
        if dirty:
            runtime.flush()
        try:
            value = yield trap
            step = coroutine.send
        except BaseException as error:
            value = error
            step = coroutine.throw


async def _awaited(body: Awaitable[Any]) -> None:
    await body
