"""Turning a coroutine into a process.

A process is one Trio task in the node's flat nursery. Three things happen around
its body: what it writes to other nodes leaves just before it blocks, an exit signal
cancels it at its next checkpoint, and whatever ends it becomes an exit reason.
"""

from __future__ import annotations

import inspect
import logging
import types
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import trio

from ..errors import Exit
from . import reasons
from .atoms import NORMAL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator

    from .process import Process
    from .runtime import Runtime

logger = logging.getLogger("ergopy.process")

current_process: ContextVar[Process] = ContextVar("ergopy.current_process")


@types.coroutine
def drive(
    runtime: Runtime, owner: object, coroutine: Coroutine[Any, Any, Any]
) -> Generator[Any, Any, Any]:
    """Run *coroutine* as ``await`` would, and flush each time it lets go of the CPU.

    ``runtime.current`` is *owner* while it runs: whoever writes meanwhile knows that
    a flush is coming, and wakes no writer task. What the last step wrote is left for
    the caller to flush, together with what the end brings.
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


async def run(
    process: Process, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]
) -> None:
    """Be the task of *process*: run ``function(process, *args)`` to its end.

    No exception leaves, except Ctrl-C and Trio's own cancellation of the node.
    """
    runtime = process.runtime
    current_process.set(process)
    reason: Any = NORMAL
    failure: BaseException | None = None
    try:
        with trio.CancelScope() as process.scope:
            # A signal may have come before the first step.
            if process.alive:
                await drive(runtime, process, _body(process, function, args))
    except BaseException as error:
        failure, rest = reasons.split(error)
        reason = reasons.from_exception(rest if failure is None else failure)
        if rest is not None:
            raise rest from None
    finally:
        if process.alive:
            process.exit_reason = reason
        runtime.current = process
        process.end_helpers()
        process.finish(process.exit_reason)
        runtime.current = None
        runtime.flush()
        if failure is not None and process.log_crash and not isinstance(failure, Exit):
            log_crash(process, failure)


def log_crash(process: Process, failure: BaseException) -> None:
    """Log, once, that *failure* ended *process*."""
    logger.error(
        "process %s crashed: %s",
        process.label,
        failure,
        exc_info=failure,
        extra={"pid": str(process.pid), "node": process.runtime.name},
    )


async def _body(
    process: Process, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...]
) -> None:
    body = function(process, *args)
    if not inspect.isawaitable(body):
        raise TypeError(f"the body of a process is an async def; {function!r} is not")
    await body
