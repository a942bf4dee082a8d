"""The node that programs use, and the way to run a program."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from .node.node import Node as _Node
from .services import STANDARD

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    T = TypeVar("T")


class Node(_Node):
    __doc__ = _Node.__doc__

    services: Sequence[Callable[[Any], Awaitable[object]]] = STANDARD


def run(main: Callable[..., Awaitable[T]], *args: Any) -> T | None:
    """Run ``main(*args)`` with Trio until it returns; return what it returns.

    SIGTERM and Ctrl-C cancel *main*, so that nodes shut down in order, and ``run``
    returns None; a second signal ends the program at once.
    """
    return trio.run(_with_signals, main, args)


async def _with_signals(
    main: Callable[..., Awaitable[T]], args: tuple[Any, ...]
) -> T | None:
    result: T | None = None
    failure: Exception | SystemExit | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_watch_signals, nursery.cancel_scope)
        try:
            result = await main(*args)
        except (Exception, SystemExit) as error:
            # Raised below: a nursery would wrap it in a group.
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return result


async def _watch_signals(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()
            break
