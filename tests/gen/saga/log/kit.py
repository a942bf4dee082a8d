"""What tests of logs have in common."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import trio

from etf import Reference

if TYPE_CHECKING:
    from pathlib import Path

    from ergopy.errors import SagaLogError
    from ergopy.gen.saga.log import SagaLog

SAGA = "booking@here"


def tx(number: int) -> Reference:
    return Reference("here", 7, (number, 2, 3))


async def written(log: SagaLog, record: Any = "last") -> SagaLogError | None:
    """Append a record, and return what its ``then`` was given."""
    done = trio.Event()
    outcome: list[SagaLogError | None] = []

    def then(error: SagaLogError | None) -> None:
        outcome.append(error)
        done.set()

    log.append(SAGA, tx(99), record, then)
    await done.wait()
    return outcome[0]


async def found(log: SagaLog, saga: str = SAGA) -> dict[Reference, list[Any]]:
    """Return what a saga would find; the log is closed again."""
    records = await log.open(saga)
    log.close(saga)
    return records


def threads(path: Path) -> list[threading.Thread]:
    """Return the threads that write to a log."""
    return [
        thread
        for thread in threading.enumerate()
        if thread.name == f"ergopy saga log {path}"
    ]


async def ended(path: Path) -> bool:
    """Tell whether there is none, once one has ended that is about to."""
    for thread in threads(path):
        await trio.to_thread.run_sync(thread.join, 20)
    return threads(path) == []
