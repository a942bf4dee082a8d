"""The names of the cluster, as this node knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from ...errors import RegistryFull
from ...gen.registry.keys import kept, mark_of
from .actions import Forget, Log, Watch
from .words import MAX_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from etf import Atom, Pid

    from .actions import Action
    from .words import NamedPid

_ERROR = 40


@final
class Entry:
    """One name."""

    __slots__ = ("external", "key", "method", "name", "pid")

    def __init__(
        self, name: Any, pid: Pid, method: Any, key: int, external: Atom | None
    ) -> None:
        self.name = name
        self.pid = pid
        self.method = method
        self.key = key
        self.external = external
        """The node that watches what runs on no node; ``register_name_external``."""


@final
class Names:
    """The table. *emit* takes actions, *new_key* makes keys of monitors."""

    def __init__(
        self,
        emit: Callable[[Action], object],
        new_key: Callable[[], int],
        limit: int = MAX_NAMES,
    ) -> None:
        self._emit = emit
        self._new_key = new_key
        self.limit = limit
        self.entries: dict[Any, Entry] = {}
        """By the mark of the name."""
        self._by_key: dict[int, Entry] = {}
        self._by_pid: dict[Pid, dict[int, Entry]] = {}
        self._full = False

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self.entries.values()))

    def find(self, name: Any) -> Entry | None:
        """Return who has the name, or None."""
        return self.entries.get(mark_of(name))

    def check_room(self, name: Any) -> None:
        """Raise ``RegistryFull`` if there are too many names for another one."""
        if len(self.entries) >= self.limit and self.find(name) is None:
            raise RegistryFull("global", "names", self.limit)

    def insert(
        self, name: Any, pid: Pid, method: Any, external: Atom | None = None
    ) -> Entry | None:
        """Give *pid* the name, whoever had it; None if there are too many."""
        mark = mark_of(name)
        old = self.entries.get(mark)
        if old is None and len(self.entries) >= self.limit:
            if not self._full:
                self._full = True
                text = "global: there are %d names; what others register is not kept"
                self._emit(Log(_ERROR, text, (self.limit,)))
            return None
        key = self._new_key()
        entry = Entry(kept(name, mark), pid, method, key, external)
        # Replaced in one step: a name that changes hands is never without an owner.
        self.entries[mark] = self._by_key[key] = entry
        self._by_pid.setdefault(pid, {})[key] = entry
        self._emit(Watch(key, pid))
        if old is not None:
            self._drop(old)
        return entry

    def delete(self, name: Any) -> None:
        """Take the name away from whoever has it."""
        entry = self.entries.pop(mark_of(name), None)
        if entry is not None:
            self._drop(entry)
            self._full = False

    def _drop(self, entry: Entry) -> None:
        del self._by_key[entry.key]
        others = self._by_pid[entry.pid]
        del others[entry.key]
        if not others:
            del self._by_pid[entry.pid]
        self._emit(Forget(entry.key))

    def of(self, pid: Pid) -> list[Any]:
        """Return the names of a process."""
        return [entry.name for entry in self._by_pid.get(pid, {}).values()]

    def down(self, key: int) -> None:
        """Take the end of a process."""
        entry = self._by_key.get(key)
        if entry is not None:
            self.delete(entry.name)

    def node_down(self, node: Atom) -> None:
        """Take the loss of a node; see :meth:`Locks.node_down`."""
        for entry in list(self.entries.values()):
            if entry.pid.node == node:
                self.delete(entry.name)

    def all(self) -> list[NamedPid]:
        """Return ``{Name, Pid, Method}`` of all."""
        return [(e.name, e.pid, e.method) for e in self.entries.values()]

    def external(self) -> list[tuple[Any, Pid, Atom]]:
        """Return ``{Name, Pid, Node}`` of those of what runs on no node."""
        found = self.entries.values()
        return [(e.name, e.pid, e.external) for e in found if e.external is not None]
