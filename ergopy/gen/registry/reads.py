"""Reading: what a registry can be asked. None of it waits, or changes anything.

What is returned is a snapshot; the registry may change while it is looked through.
Processes of this node that are known to end are in none of it.
"""

from __future__ import annotations

import random
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from . import match_spec
from .keys import mark_of
from .names import Names, own_pid, subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from etf import Pid

    from .table import Entry

    T = TypeVar("T")


class Reads(Names):
    """The verbs of a registry that look."""

    def __len__(self) -> int:
        return len(self._table)

    def __bool__(self) -> bool:
        return True

    def __contains__(self, key: Any) -> bool:
        return self._get(mark_of(key)) is not None

    def __getitem__(self, key: Any) -> Any:
        if key not in self:
            raise KeyError(key)
        return self.lookup(key)

    def __iter__(self) -> Iterator[Any]:
        return iter([entry.key for entry in self._table])

    def count(self) -> int:
        """Return how many entries there are; ``count/1``."""
        return len(self._table)

    def items(self) -> list[tuple[Any, Pid]]:
        """Return all ``(key, pid)``; ``GenRegistry.to_list/1``."""
        return [(entry.key, entry.pid) for entry in self._table]

    def page(self, after: int, limit: int) -> tuple[list[tuple[Any, Pid]], int | None]:
        """Return up to *limit* of the items, and where the next page begins.

        Args:
            after: What the page before has returned as its second; 0 is the first.
            limit: How many items.

        Each entry that is there all the time is on exactly one page. None in the place
        of the second means that there are no more.
        """
        rest = (entry for entry in self._table if entry.serial > after)
        found: list[Entry] = list(islice(rest, limit))
        more = next(rest, None) is not None
        items = [(entry.key, entry.pid) for entry in found]
        return items, found[-1].serial if more and found else None

    def reduce(self, function: Callable[[T, Any, Pid], T], initial: T) -> T:
        """Fold ``function(so_far, key, pid)`` over the items."""
        for key, pid in self.items():
            initial = function(initial, key, pid)
        return initial

    def sample(self) -> tuple[Any, Pid] | None:
        """Return one of the items, each as likely as the others; None of none."""
        if not len(self._table):
            return None
        place = random.randrange(len(self._table))
        entry = next(islice(self._table, place, None))
        return entry.key, entry.pid

    def entries(self, key: Any) -> list[tuple[Pid, Any]]:
        """Return ``(pid, value)`` of all entries of *key*; Elixir's ``lookup/2``."""
        return _pairs(self._table.at(mark_of(key)))

    def keys(self, pid: Pid | None = None) -> list[Any]:
        """Return the keys of a process, by default of this one; ``keys/2``."""
        return [entry.key for entry in self._table.of(own_pid(pid))]

    def values(self, key: Any, pid: Pid | None = None) -> list[Any]:
        """Return the values of a process under *key*; ``values/3``."""
        pid = own_pid(pid)
        return [e.value for e in self._table.at(mark_of(key)) if e.pid == pid]

    def dispatch(
        self, key: Any, function: Callable[[list[tuple[Pid, Any]]], object]
    ) -> None:
        """Call *function* with the ``(pid, value)`` of *key*; ``dispatch/3``.

        It runs here, in the code that asks, and only if there are any. So what it
        raises is the asker's, and nothing to the registry.
        """
        entries = self.entries(key)
        if entries:
            function(entries)

    def match(
        self, key: Any, pattern: Any, guards: Iterable[Any] = ()
    ) -> list[tuple[Pid, Any]]:
        """Return the ``(pid, value)`` of *key* whose value matches; ``match/4``.

        *pattern* is a term with ``Atom("_")`` and ``Atom("$1")`` in it, and *guards* is
        a list of tuples such as ``(Atom(">"), Atom("$1"), 10)``; or *pattern* is a
        function of the value.
        """
        wanted = self._matching(pattern, guards)
        return _pairs(filter(wanted, self._table.at(mark_of(key))))

    def count_match(self, key: Any, pattern: Any, guards: Iterable[Any] = ()) -> int:
        """Return how many :meth:`match` would; ``count_match/4``."""
        return len(self.match(key, pattern, guards))

    def select(self, spec: Any) -> list[Any]:
        """Return what a match specification makes of all entries; ``select/2``.

        *spec* is a list of ``((key, pid, value), guards, body)``; or it is a function
        of key, pid and value, and the entries are returned for which it is true.

        Raises:
            ValueError: It is no match specification.
        """
        entries = list(self._table)
        if callable(spec):
            rows = [(entry.key, entry.pid, entry.value) for entry in entries]
            return [row for row in rows if spec(*row)]
        run = match_spec.compiled(map(_clause, spec))
        return [value for entry in entries for value in run(subject(entry))]

    def count_select(self, spec: Any) -> int:
        """Return for how many entries the body is ``True``; ``count_select/2``.

        With a function it is for how many that is true.
        """
        found = self.select(spec)
        return len(found) if callable(spec) else sum(one is True for one in found)


def _pairs(entries: Iterable[Entry]) -> list[tuple[Pid, Any]]:
    return [(entry.pid, entry.value) for entry in entries]


def _clause(clause: Any) -> Any:
    match clause:
        case ((key, pid, value), guards, body):
            return (key, (pid, value)), list(guards), list(body)
    raise ValueError(f"no clause for a registry: {clause!r}")
