"""Calls in threads that Trio knows nothing of."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import trio

if TYPE_CHECKING:
    from collections.abc import Callable


def in_thread(function: Callable[..., Any], *args: Any) -> Future[Any]:
    """Call it in a thread of its own."""
    outcome: Future[Any] = Future()

    def call() -> None:
        try:
            outcome.set_result(function(*args))
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    return outcome


async def result(outcome: Future[Any]) -> Any:
    """Wait for it in a thread of Trio's, so that the node goes on meanwhile."""
    return await trio.to_thread.run_sync(outcome.result, 60)
