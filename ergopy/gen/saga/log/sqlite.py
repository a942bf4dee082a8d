"""A saga log in an SQLite file."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import etf

from ....errors import SagaLogError
from .base import SagaLog
from .making import can_be_made
from .owning import check_not_owned, disown, own
from .records import Records, dump_key, load_key
from .sharing import find, hire

if TYPE_CHECKING:
    import trio

    from etf import DecodeOptions, EncodeOptions, Reference

    from .base import Then
    from .database import Database, Synchronous
    from .sharing import SharedWriter


@final
class SqliteSagaLog(SagaLog):
    """A log in a file, that outlives the node and, with ``"full"``, the machine.

    Nothing is made until the first record is appended. One thread writes for all sagas
    of an event loop that use the file; all that is pending when it gets to it is one
    transaction of SQLite, in WAL mode. Other processes may use the same file at the
    same time, for other sagas: a lock on a file beside it keeps the records of a saga
    for one process. It has to be on a local disk. Space that became free is used again;
    most of it is given back when the last saga is closed.

    After a write that failed, a full disk for instance, every saga that has records
    pending is told so, and has to open the log again.

    A record that is damaged is never left out: a saga without it might decide
    otherwise than it has promised. ``open`` raises ``SagaLogError``, which says the
    number of the record, and the saga does not start. Once you know what the others
    have done, ``DELETE FROM record WHERE seq = NUMBER`` takes the record out.

    Args:
        path: The file; ``~`` is your home. It can be read by you alone, as can folders
            that are made for it.
        synchronous: When a record is safe. ``"full"``: after an fsync, so that it
            survives a loss of power, if the disk does what it is told. ``"normal"``:
            when the system has it. That is faster and survives every end of the
            process, ``kill -9`` too; but when the machine goes down the last records
            may be lost, and sagas may then disagree.
        encode: How your classes become terms: as ``encode=`` of :class:`ergopy.Node`,
            which a saga passes on if it is given only a path.
        decode: What they become again, likewise.
    """

    durable = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        synchronous: Synchronous = "full",
        encode: EncodeOptions | None = None,
        decode: DecodeOptions | None = None,
    ) -> None:
        if synchronous not in ("full", "normal"):
            raise ValueError(f"synchronous= is full or normal, not {synchronous!r}")
        self.path = Path(os.path.abspath(Path(path).expanduser()))
        """The file."""
        self._key = (self.path, synchronous)
        self._records = Records(encode, decode)
        self._writers: dict[str, SharedWriter] = {}

    def __repr__(self) -> str:
        return f"<SqliteSagaLog {str(self.path)!r}>"

    def check_place(self) -> None:
        """Raise SagaLogError if there is no file, and could be none."""
        if not can_be_made(self.path):
            raise SagaLogError(self.path, "its folder cannot be written")

    async def open(self, saga: str) -> dict[Reference, list[Any]]:
        """Return all that *saga* has left. Without a file that is nothing.

        Raises:
            SagaLogError: The file cannot be read, is no log, was written by a later
                ergopy, or holds a damaged record of this saga; or another process runs
                this saga.
        """
        # If its writer has failed, this is how the saga gets another one.
        self.close(saga)
        try:
            if not self._exists():
                check_not_owned(self.path, saga)
                return {}
            return await self._writer(saga).ask(partial(self._read, saga))
        except BaseException:
            await self.aclose(saga)
            raise

    def append(
        self, saga: str, tx: Reference, record: Any, then: Then | None = None
    ) -> None:
        """Queue a record for the thread."""
        data = self._records.dump(record)
        key = dump_key(tx)
        writer = self._writers.get(saga) or self._writer(saga)
        writer.put(saga, key, data, then)

    def forget(self, saga: str, tx: Reference) -> None:
        """Have the thread delete all records of a transaction, with what it writes."""
        key = dump_key(tx)
        writer = self._writers.get(saga)
        # A saga without a writer has found no file, and has not appended anything.
        if writer is not None:
            writer.put(saga, key, None, None)

    def close(self, saga: str) -> None:
        """Let go of the file; the last saga of the event loop closes it.

        What is pending is written first. The end of Python waits for that, 10 seconds
        at most.
        """
        writer = self._writers.pop(saga, None)
        if writer is not None:
            self._release(saga, writer)

    async def aclose(self, saga: str) -> None:
        """As :meth:`close`, and wait until all is written, and closed if it was last.

        A cancellation ends only the wait.
        """
        writer = self._writers.pop(saga, None)
        if writer is not None:
            await self._release(saga, writer).wait()

    def _exists(self) -> bool:
        if find(self._key) is not None:
            return True
        try:
            self.path.stat()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise SagaLogError(self.path, error.strerror or str(error)) from error
        return True

    def _writer(self, saga: str) -> SharedWriter:
        saga.encode()  # SQLite wants Unicode; it is the caller who has to know
        own(self.path, saga)
        writer = self._writers[saga] = hire(self._key)
        return writer

    def _release(self, saga: str, writer: SharedWriter) -> trio.Event:
        return writer.release(partial(disown, self.path, saga))

    def _read(self, saga: str, database: Database) -> dict[Reference, list[Any]]:
        """Read and decode, in the thread."""
        found: dict[Reference, list[Any]] = {}
        for seq, tx, data in database.read(saga):
            try:
                key, record = load_key(tx), self._records.load(data)
            except etf.DecodeError as error:
                why = f"record {seq} of {saga} is damaged: {error}"
                raise SagaLogError(self.path, why) from error
            found.setdefault(key, []).append(record)
        return found
