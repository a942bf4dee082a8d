"""The log of a saga: which one, opened when it starts and let go when it ends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from etf import Atom

from .core import events
from .log import MemorySagaLog, SagaLog, SqliteSagaLog, default_path

if TYPE_CHECKING:
    from .doing import Doing
    from .saga import Saga


class _Closer:
    """Lets go of the log of a saga when its process has ended, however it did."""

    def __init__(self, log: SagaLog, name: str) -> None:
        self._log = log
        self._name = name

    def fire(self, reason: Any) -> None:
        self._log.close(self._name)


def address_of(saga: Saga) -> Any:
    """Say where others find the saga after a restart: its name, or only its pid."""
    process = saga.process
    if not process.names:
        return process.pid
    return Atom(process.names[0]), process.runtime.name


def choose(saga: Saga) -> SagaLog:
    """Return the log that a saga wants, which nobody has opened."""
    log = saga.log
    if isinstance(log, SagaLog):
        return log
    if log is not None and not isinstance(log, str | Path):
        raise TypeError(f"log= is a SagaLog, a path or None, not {log!r}")
    runtime = saga.process.runtime
    encode, decode = runtime.encode_options, runtime.decode_options
    if log is None and not saga.process.names:
        return MemorySagaLog(encode=encode, decode=decode)
    if log is None:
        return SqliteSagaLog(default_path(runtime.name), encode=encode, decode=decode)
    chosen = SqliteSagaLog(log, encode=encode, decode=decode)
    # Who names a file wants to hear of it now, and not at the first transaction.
    chosen.check_place()
    return chosen


async def open_log(saga: Saga, doing: Doing) -> None:
    """Open the log of a saga, and have it go on with what is there.

    Raises:
        SagaLogError: The log cannot be read.
        ValueError: A durable log, and no name to be found by.
    """
    log, process = choose(saga), saga.process
    # ``init`` may have given it a name.
    saga._machine.address = address_of(saga)
    if not process.names:
        if log.durable:
            raise ValueError(
                "a saga with a durable log needs a name: it has to be found by it "
                "after a restart"
            )
        name = str(process.pid)
    else:
        name = f"{process.names[0]} {process.runtime.name}"
    left = await log.open(name)
    closer = _Closer(log, name)
    process.watchers[closer] = closer
    doing.use_log(log, name)
    for id, records in left.items():
        doing.recover(events.Recover(id, records))
