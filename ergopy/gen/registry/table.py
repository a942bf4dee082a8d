"""The table of a registry: entries by key and by process.

It knows nothing of processes but their pids, so that another kind of registry can
build on it. Entries are in the order in which they came.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etf import Pid


@final
class Entry:
    """That a process is registered under a key, with a value."""

    __slots__ = ("key", "mark", "pid", "serial", "value")

    def __init__(self, key: Any, mark: Any, pid: Pid, value: Any) -> None:
        self.key = key
        self.mark = mark
        self.pid = pid
        self.value = value
        self.serial = 0
        """Its place in the order of all entries that ever were; from 1 on."""


class Table:
    """Entries, each key once; see :class:`DuplicateTable` for the other kind."""

    def __init__(self) -> None:
        self.rows: dict[Any, Any] = {}
        """By the mark of the key: an entry, or a tuple of them; never an empty one."""
        self._all: dict[Entry, None] = {}
        self._by_pid: dict[Pid, dict[Entry, None]] = {}
        self._serials = count(1)

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._all)

    def at(self, mark: Any) -> tuple[Entry, ...]:
        """Return the entries of a key."""
        entry = self.rows.get(mark)
        return () if entry is None else (entry,)

    def of(self, pid: Pid) -> list[Entry]:
        """Return the entries of a process."""
        return list(self._by_pid.get(pid, ()))

    def pids(self) -> list[Pid]:
        """Return who has entries, each once."""
        return list(self._by_pid)

    def add(self, entry: Entry) -> None:
        """Put an entry in; its key must be free."""
        entry.serial = next(self._serials)
        self._all[entry] = None
        self._by_pid.setdefault(entry.pid, {})[entry] = None
        self._put(entry)

    def remove(self, entry: Entry) -> bool:
        """Take an entry out; return whether its process has no other one."""
        del self._all[entry]
        self._take(entry)
        of_pid = self._by_pid[entry.pid]
        del of_pid[entry]
        if of_pid:
            return False
        del self._by_pid[entry.pid]
        return True

    def _put(self, entry: Entry) -> None:
        self.rows[entry.mark] = entry

    def _take(self, entry: Entry) -> None:
        del self.rows[entry.mark]


@final
class DuplicateTable(Table):
    """Entries, of which any number may have the same key, and the same process."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[Any, dict[Entry, None]] = {}

    def at(self, mark: Any) -> tuple[Entry, ...]:
        return tuple(self.rows.get(mark, ()))

    def _put(self, entry: Entry) -> None:
        self.rows.setdefault(entry.mark, {})[entry] = None

    def _take(self, entry: Entry) -> None:
        row = self.rows[entry.mark]
        del row[entry]
        if not row:
            del self.rows[entry.mark]
