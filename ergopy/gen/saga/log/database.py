"""The SQLite file of a saga log; used by one thread, which may wait.

One row is one record. Every call into SQLite gives up Python's global lock, and a busy
event loop gives it back only after a few milliseconds; so many rows are written, and
read, by *one* step of *one* statement:

* All that is to be written is one INSERT with as many rows, which is a transaction by
  itself. What is to be forgotten is a row without a record, that a trigger makes a
  DELETE of.
* All that is to be read comes as texts of many rows.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, final

from ....errors import SagaLogError
from .making import prepared

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Synchronous: TypeAlias = Literal["full", "normal"]

APPLICATION: Final = int.from_bytes(b"ergs", "big")
VERSION: Final = 1

BUSY_SECONDS: Final = 10.0
"""How long another process may keep the file locked."""

MAX_ROWS: Final = 256
"""Rows of one write; old releases of SQLite take 999 values in a statement."""

_PAGE_BYTES: Final = 8 * 1024 * 1024
_PAGE_ROWS: Final = 1000
_WAL_BYTES: Final = 16 * 1024 * 1024
_FREE_BYTES: Final = 4 * 1024 * 1024

_SCHEMA: Final = (
    "CREATE TABLE record (seq INTEGER PRIMARY KEY, saga TEXT NOT NULL,"
    " tx BLOB NOT NULL, record BLOB)",
    "CREATE INDEX record_of_transaction ON record (saga, tx)",
    "CREATE TRIGGER forget AFTER INSERT ON record WHEN NEW.record IS NULL BEGIN"
    " DELETE FROM record WHERE saga = NEW.saga AND tx = NEW.tx; END",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)

_INSERT: Final = "INSERT INTO record (saga, tx, record) VALUES "

_NOTHING: Final = ("", b"", None)
"""A row that changes nothing: it forgets a transaction that cannot be."""

_LONGEST: Final = "SELECT max(length(tx) + length(record)) FROM record WHERE saga = ?"

_PAGE: Final = (
    "SELECT group_concat(seq || ' ' || hex(tx) || ' ' || hex(record)) FROM"
    " (SELECT seq, tx, record FROM record WHERE saga = ? AND (tx, seq) > (?, ?)"
    " ORDER BY tx, seq LIMIT ?)"
)


class Row(NamedTuple):
    """A record as it lies in the file."""

    seq: int
    tx: bytes
    record: bytes


@final
class Database:
    """The open file. Everything raises SagaLogError if it fails.

    Args:
        path: The file; it and its folders are made if they are not there, for this
            user alone.
        synchronous: See :class:`ergopy.SqliteSagaLog`.
    """

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        self._path = path
        with self._told(), prepared(path):
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None
            )
            try:
                self._begin(synchronous)
            except BaseException:
                self._connection.close()
                raise

    def write(self, rows: list[Any]) -> None:
        """Add rows ``(saga, tx, record, ...)``, all or none.

        A row without a record forgets the transaction. At most ``MAX_ROWS``.
        """
        # Filled up to a power of two, so that there are few statements to prepare.
        room = 1 << (len(rows) - 1).bit_length()
        values: list[Any] = []
        for row in rows:
            values += row[:3]
        values += _NOTHING * (room - len(rows))
        with self._told():
            self._connection.execute(_INSERT + ",".join(["(?,?,?)"] * room), values)

    def read(self, saga: str) -> list[Row]:
        """Return the records of a saga, in the order in which they were written."""
        rows: list[Row] = []
        with self._told():
            (longest,) = self._connection.execute(_LONGEST, (saga,)).fetchone()
            limit = min(max(_PAGE_BYTES // (longest or 1), 1), _PAGE_ROWS)
            last = Row(0, b"", b"")
            while page := self._page(saga, last, limit):
                rows += page
                last = max(page, key=lambda row: (row.tx, row.seq))
        return sorted(rows)

    def close(self) -> None:
        """Close the file; if most of it is free, make it smaller first."""
        with suppress(sqlite3.Error):
            # A courtesy: whatever is in its way, all is written already.
            free, pages = self._pragma("freelist_count"), self._pragma("page_count")
            unused = free * self._pragma("page_size")
            self._pragma("busy_timeout = 0")
            if unused > _FREE_BYTES and free > pages // 2:
                self._connection.execute("VACUUM")
        with self._told():
            self._connection.close()

    def _begin(self, synchronous: Synchronous) -> None:
        if not self._is_ours():
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:
                for statement in _SCHEMA:
                    self._connection.execute(statement)
        if self._pragma("journal_mode = WAL") != "wal":
            raise SagaLogError(self._path, "cannot be switched to a write-ahead log")
        self._pragma(f"journal_size_limit = {_WAL_BYTES}")
        self._connection.execute(f"PRAGMA synchronous = {synchronous}")
        # What fsync means on macOS; nothing elsewhere.
        self._connection.execute("PRAGMA fullfsync = ON")
        self._connection.execute("PRAGMA checkpoint_fullfsync = ON")

    def _is_ours(self) -> bool:
        """Tell a log from an empty file; raise if it is something else."""
        application = self._pragma("application_id")
        version = self._pragma("user_version")
        if application == APPLICATION:
            if version == VERSION:
                return True
            raise SagaLogError(
                self._path, f"is of version {version}; this is ergopy for {VERSION}"
            )
        tables = self._connection.execute("SELECT count(*) FROM sqlite_master")
        if application or version or tables.fetchone()[0]:
            raise SagaLogError(self._path, "is a database, and no log of sagas")
        return False

    def _page(self, saga: str, last: Row, limit: int) -> list[Row]:
        query = self._connection.execute(_PAGE, (saga, last.tx, last.seq, limit))
        (text,) = query.fetchone()
        rows = []
        for line in text.split(",") if text else ():
            seq, tx, record = line.split(" ")
            rows.append(Row(int(seq), bytes.fromhex(tx), bytes.fromhex(record)))
        return rows

    def _pragma(self, name: str) -> Any:
        return self._connection.execute(f"PRAGMA {name}").fetchone()[0]

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Make one error of all that can go wrong with a file."""
        try:
            yield
        except OSError as error:
            why = error.strerror or str(error)
            raise SagaLogError(self._path, why) from error
        except sqlite3.Error as error:
            raise SagaLogError(self._path, str(error)) from error
