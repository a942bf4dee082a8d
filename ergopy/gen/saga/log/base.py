"""What a saga needs of a log: to find again what it has promised.

A saga writes to its log only for a transaction with a two-phase commit, or with a step
that can be compensated. Some of what it does must wait until a record is safe; it is
told by a callback, so that many transactions can share the cost of one write to disk.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from etf import Reference

    from ....errors import SagaLogError

    Then: TypeAlias = Callable[[SagaLogError | None], None]


class SagaLog(ABC):
    """Where sagas keep what must outlive them: records, by saga and transaction.

    Give one to a saga as its ``log``. :class:`ergopy.SqliteSagaLog` keeps them in a
    file, :class:`ergopy.MemorySagaLog` in memory. An implementation of your own keeps
    these promises, on which the commit of sagas rests:

    * The records of a transaction come back in the order in which they were appended.
    * ``append`` and ``forget`` never wait: they are called for every transaction.
    * ``then`` of a record is called in Trio's thread, once this record and all that
      were appended before are as safe as this log makes them; in the same order. It
      does not raise; if it did, that must not harm others.
    * A record that is no term raises ``etf.EncodeError`` at once; nothing is kept.
    * Once a write has failed, the ``then`` of that record gets a ``SagaLogError``, and
      so does that of every later one until the saga has opened the log again: a log
      has no holes.
    * ``forget`` may be carried out late, and be lost in a crash: the records then come
      back. They never come back in part; and what is appended after it is kept.

    Sagas of several names may share a log. Each calls ``open`` before it appends, and
    ``close`` when it has ended.
    """

    durable: bool = False
    """Whether it outlives the node."""

    @abstractmethod
    async def open(self, saga: str) -> dict[Reference, list[Any]]:
        """Return all that *saga* has left in the log, by transaction, in order.

        A record comes back as what it was: numbers, atoms, texts, bytes, identifiers,
        and lists, tuples and dicts of them.

        Args:
            saga: The name and node of the saga; the same after a restart.

        Raises:
            SagaLogError: The log cannot be read, or a record of this saga is damaged.
        """

    @abstractmethod
    def append(
        self, saga: str, tx: Reference, record: Any, then: Then | None = None
    ) -> None:
        """Add a record of a transaction, without waiting.

        Args:
            saga: The saga that has opened the log.
            tx: The transaction.
            record: Any term.
            then: Called once with None when the record is safe, or with the error.

        Raises:
            etf.EncodeError: The record is no term, or is too large.
            SagaLogError: Another process runs this saga.
        """

    @abstractmethod
    def forget(self, saga: str, tx: Reference) -> None:
        """Drop all records of a transaction some time, without waiting."""

    @abstractmethod
    def close(self, saga: str) -> None:
        """Let go of the log, without waiting: *saga* has ended, however it did.

        What is pending is written all the same.
        """
