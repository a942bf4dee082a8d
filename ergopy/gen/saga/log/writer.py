"""The thread that writes to a log file.

Group commit: while the thread waits for the disk, what comes is queued; all of that is
the next transaction. So the busier sagas are, the less each of them pays, and one that
is alone waits no longer than the disk takes.
"""

from __future__ import annotations

import atexit
import logging
import threading
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, final

import trio

from ....errors import SagaLogError
from .database import MAX_ROWS, Database

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .base import Then
    from .database import Synchronous

logger = logging.getLogger("ergopy.saga")

T = TypeVar("T")

LAST_SECONDS: Final = 10.0
"""How long the end of Python waits for what nobody has waited for."""


@final
class Question(Generic[T]):
    """Something that the thread is to do when all before it is written."""

    __slots__ = ("act", "answer", "error", "last", "then")

    def __init__(
        self,
        act: Callable[[Database], T],
        then: Callable[[], None],
        last: Callable[[], None] | None = None,
    ) -> None:
        self.act = act
        self.last = last
        """Called in the thread after that, also if writing has failed."""
        self.then = then
        """Called in Trio's thread when there is an answer, or an error."""
        self.answer: T | None = None
        self.error: SagaLogError | None = None


@final
class Writer:
    """The thread, and the queue before it.

    The first write that fails is its last: all that comes later gets the same error.

    Args:
        path: The file; the thread makes it if it is not there.
        synchronous: See :class:`ergopy.SqliteSagaLog`.
        failed: Called in Trio's thread after a write has failed.
    """

    def __init__(
        self, path: Path, synchronous: Synchronous, failed: Callable[[], None]
    ) -> None:
        self._path = path
        self._synchronous = synchronous
        self._failed = failed
        self._error: SagaLogError | None = None
        self._over = False
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._token = trio.lowlevel.current_trio_token()
        # A daemon, since Python waits for any other thread without limit.
        self._thread = threading.Thread(
            target=self._run, name=f"ergopy saga log {path}", daemon=True
        )
        self._thread.start()
        atexit.register(self._finish)

    def put(
        self, saga: str, tx: bytes, record: bytes | None, then: Then | None
    ) -> None:
        """Write a record; without one, forget the transaction."""
        self._queue.put((saga, tx, record, then))

    def ask(self, question: Question[Any]) -> None:
        """Have the question answered when all before it is written."""
        self._queue.put(question)

    def close(self, then: Callable[[], None]) -> None:
        """Write all that is queued, and end; what is put after that is lost."""
        self._queue.put(Question(_close, then))

    def _finish(self) -> None:
        self.close(do_nothing)
        self._thread.join(LAST_SECONDS)

    def _run(self) -> None:
        database = self._opened()
        while not self._over:
            rows, question = self._next()
            if rows:
                self._write(database, rows)
            if question is not None:
                self._answer(database, question)
        atexit.unregister(self._finish)

    def _opened(self) -> Database | None:
        try:
            return Database(self._path, self._synchronous)
        except Exception as error:
            self._fail(error)
            return None

    def _next(self) -> tuple[list[Any], Question[Any] | None]:
        """Wait for something, and take all that is there, up to a question."""
        rows: list[Any] = []
        item = self._queue.get()
        while type(item) is tuple:
            rows.append(item)
            if len(rows) == MAX_ROWS or self._queue.empty():
                return rows, None
            item = self._queue.get()
        return rows, item

    def _write(self, database: Database | None, rows: list[Any]) -> None:
        if database is not None and self._error is None:
            try:
                database.write(rows)
            except Exception as error:
                self._fail(error)
        thens = [row[3] for row in rows if row[3] is not None]
        if thens:
            self._tell(partial(_call, thens, self._error))

    def _answer(self, database: Database | None, question: Question[Any]) -> None:
        ends = question.act is _close
        question.error = self._error
        if database is not None and (ends or self._error is None):
            try:
                question.answer = question.act(database)
            except Exception as error:
                question.error = self._named(error)
        if question.last is not None:
            question.last()
        self._tell(question.then)
        self._over = ends

    def _fail(self, error: Exception) -> None:
        self._error = self._named(error)
        logger.error("a saga log cannot be written: %s", self._error)
        self._tell(self._failed)

    def _named(self, error: Exception) -> SagaLogError:
        if isinstance(error, SagaLogError):
            return error
        return SagaLogError(self._path, f"{type(error).__name__}: {error}")

    def _tell(self, function: Callable[[], None]) -> None:
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(function)


def _call(thens: list[Then], error: SagaLogError | None) -> None:
    for then in thens:
        try:
            then(error)
        except Exception:
            # Trio would end with it, and the others would never be told.
            logger.exception("what waited for a saga log failed")


def _close(database: Database) -> None:
    database.close()


def do_nothing(*_args: Any) -> None:
    """Do nothing, where something has to be given."""
