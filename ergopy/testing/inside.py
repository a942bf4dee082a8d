"""Code that is to run as a process, and whose result the test wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import trio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..node.verbs import Verbs
    from ..process import Process

    T = TypeVar("T")


async def inside(
    node: Verbs,
    function: Callable[..., Awaitable[T]],
    *args: Any,
    timeout: float = 15.0,
) -> T:
    """Run ``function(process, *args)`` as a process; return, or raise, what it does.

    Raises:
        AssertionError: The process was ended from outside, or took longer than
            *timeout* seconds, and is killed then.
    """
    values: list[T] = []
    errors: list[Exception] = []
    ended = trio.Event()
    started: list[Process] = []

    async def body(process: Process) -> None:
        started.append(process)
        try:
            values.append(await function(process, *args))
        except Exception as error:
            errors.append(error)
        finally:
            ended.set()

    await node.spawn(body)
    try:
        with trio.move_on_after(timeout):
            await ended.wait()
    finally:
        for process in started:
            process.kill()
    if errors:
        raise errors[0]
    if not values:
        how = "was ended from outside" if ended.is_set() else "took too long"
        raise AssertionError(f"the process of {function!r} {how}")
    return values[0]
