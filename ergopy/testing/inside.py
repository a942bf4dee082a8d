"""Code that is to run as a process, and whose result the test wants."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from ._place import runtime_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..process import Process
    from ._place import Place

    T = TypeVar("T")


async def inside(
    where: Place,
    function: Callable[..., Awaitable[T]],
    *args: Any,
    timeout: float | None = None,
    **options: Any,
) -> T:
    """Run ``function(process, *args)`` as a process; return, or raise, what it does.

    Args:
        where: A node, or the :class:`Probe` of a process that runs alone.
        function: The body of the process; *args* are its other arguments.
        timeout: Seconds after which the process is killed; None waits for its end.
        options: Of the process, as for ``spawn``: ``name``, ``mailbox``, ``config``.

    Raises:
        AssertionError: The process was ended from outside, or took too long.
    """
    values: list[T] = []
    errors: list[Exception] = []
    ended = trio.Event()

    async def body(process: Process) -> None:
        try:
            values.append(await function(process, *args))
        except Exception as error:
            errors.append(error)
        finally:
            ended.set()

    process = runtime_of(where).spawn(body, (), **options)
    try:
        with trio.move_on_after(math.inf if timeout is None else timeout):
            await ended.wait()
    finally:
        process.kill()
    if errors:
        raise errors[0]
    if not values:
        how = "was ended from outside" if ended.is_set() else "took too long"
        raise AssertionError(f"the process of {function!r} {how}")
    return values[0]
