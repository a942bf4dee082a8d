"""Registering: the changes to a registry, and the three functions of a via module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom

from ...errors import NameTaken, NotRegistered, RegistryClosed, RegistryFull
from ...process.context import self as this_process
from ...process.via import Via
from . import match_spec
from .keys import PLAIN, kept, mark_of
from .owners import Owner
from .table import DuplicateTable, Entry, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import NoReturn

    from etf import Pid

    from ...process.process import Process
    from .leases import Leases
    from .listeners import Listeners


class Closed:
    """Stands for the table of a registry that is not there: whoever asks, it raises."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry

    def __getattr__(self, name: str) -> NoReturn:
        raise RegistryClosed(self._registry)

    def __len__(self) -> NoReturn:
        raise RegistryClosed(self._registry)

    def __iter__(self) -> NoReturn:
        raise RegistryClosed(self._registry)

    def get(self, mark: Any) -> NoReturn:
        """Take the place of the table's rows."""
        raise RegistryClosed(self._registry)


def own_pid(pid: Pid | None) -> Pid:
    """Return *pid*, by default that of the process that runs this code."""
    return this_process().pid if pid is None else pid


class Names:
    """The entries of a registry, and the verbs that change them."""

    process: Process
    """The process of the registry."""
    name: str | None
    """The local name of that, which is the name of the registry."""
    _listeners: Listeners
    _leases: Leases

    def __init__(self, *, unique: bool, max_entries: int) -> None:
        self._unique = unique
        self._max_entries = max_entries
        self._owners: dict[Pid, Owner] = {}
        self._reserved: dict[Any, Any] = {}
        self._table: Any = Closed(type(self).__qualname__)
        self._get: Callable[[Any], Any] = self._table.get

    def _open_table(self) -> None:
        self._table = Table() if self._unique else DuplicateTable()
        self._get = self._table.rows.get

    def _close_table(self) -> None:
        """Forget everybody, and let nobody read this as an empty registry."""
        self._table = Closed(self.dest)
        self._get = self._table.get
        owners, self._owners = self._owners, {}
        for owner in owners.values():
            owner.forget()

    @property
    def dest(self) -> Any:
        """The name of the registry, or its pid if it has none."""
        return self.process.pid if self.name is None else self.name

    def lookup(self, key: Any) -> Any:
        """Return who is registered under *key*: a pid, or None.

        It is never a process of this node that is known to end; one on another node
        is there until its end, or the loss of that node, has become known. Any code of
        the node may ask, and it never waits. With ``keys="duplicate"`` it returns a
        list of ``(pid, value)``. ``Registry.lookup/2``, ``GenRegistry.lookup/2``.

        Raises:
            RegistryClosed: The registry is shutting down, or has ended.
            etf.EncodeError: *key* is no Erlang term.
        """
        entry = self._get(key if key.__class__ in PLAIN else mark_of(key))
        if entry.__class__ is Entry:
            return entry.pid
        if self._unique:
            return None
        return [(one.pid, one.value) for one in entry or ()]

    def register(self, key: Any, value: Any = None, pid: Pid | None = None) -> None:
        """Register a process, by default the one that runs this; ``register/3``.

        Unlike in Elixir it may be any process, of any node. It is linked to the
        registry, so that it does not live on unregistered when that crashes.

        Raises:
            NameTaken: Somebody has the key; its ``owner`` says who.
            NoProcess: There is no such process on this node any more.
            RegistryFull: It has ``max_entries``.
        """
        mark = mark_of(key)
        self._check_free(key, mark)
        self._check_room()
        self._add(key, mark, own_pid(pid), value)

    def unregister(self, key: Any, pid: Pid | None = None) -> None:
        """Take the entries of a process under *key* out; ``unregister/2``.

        It is by default the process that runs this. That there are none is no error.
        """
        self._drop_of(pid, key, lambda entry: True)

    def unregister_match(
        self,
        key: Any,
        pattern: Any,
        guards: Iterable[Any] = (),
        pid: Pid | None = None,
    ) -> None:
        """Take those out whose value matches; ``unregister_match/4``. See `match`."""
        self._drop_of(pid, key, self._matching(pattern, guards))

    def remove(self, key: Any) -> Pid | None:
        """Take the entry of *key* out, and let its process live; return who it was.

        It is not linked to the registry any more, if it has no other entry, and does
        not end with it. With duplicate keys it is the first one. Never waits.
        """
        entries = self._table.at(mark_of(key))
        if not entries:
            return None
        self._drop(entries[0])
        pid: Pid = entries[0].pid
        return pid

    def update_value(
        self, key: Any, update: Callable[[Any], Any], pid: Pid | None = None
    ) -> tuple[Any, Any]:
        """Replace the value of an entry; return the new one and the old.

        ``update_value/3``.

        Raises:
            NotRegistered: The process has no entry under that key.
            TypeError: The registry has duplicate keys.
        """
        self._need_unique("update_value")
        pid = own_pid(pid)
        for entry in self._table.at(mark_of(key)):
            if entry.pid == pid:
                old = entry.value
                entry.value = update(old)
                return entry.value, old
        raise NotRegistered(key)

    def via(self, key: Any, value: Any = None) -> Via:
        """Return *key* as a name: a destination, and a name to start a process with.

        ``{via, Registry, {Name, Key, Value}}``. It finds the registry by its name, if
        it has one, so that it also serves another incarnation of it.
        """
        return Via(self if self.name is None else self.name, key, value)

    def register_name(self, name: Any, pid: Pid, value: Any = None, /) -> bool:
        """Register *pid*; return False if somebody has the key. For :class:`Via`."""
        self._need_unique("via")
        try:
            self.register(name, value, pid)
        except NameTaken:
            return False
        return True

    def unregister_name(self, name: Any, /) -> None:
        """Take an entry out, whose ever it is. For :class:`Via`."""
        self.remove(name)

    def whereis_name(self, name: Any, /) -> Pid | None:
        """Return who has the key. For :class:`Via`."""
        self._need_unique("via")
        found: Pid | None = self.lookup(name)
        return found

    def _need_unique(self, what: str) -> None:
        if not self._unique:
            raise TypeError(f"{what} needs a registry with unique keys")

    def _matching(self, pattern: Any, guards: Iterable[Any]) -> Callable[[Entry], bool]:
        """Return what tells whether the value of an entry matches."""
        if callable(pattern):
            return lambda entry: bool(pattern(entry.value))
        head = match_spec.pattern(pattern)
        conditions = match_spec.expressions(guards)

        def matches(entry: Entry) -> bool:
            bindings: match_spec.Bindings = {}
            return head(entry.value, bindings) and match_spec.holds(
                conditions, subject(entry), bindings
            )

        return matches

    def _check_free(self, key: Any, mark: Any) -> None:
        for entry in self._table.at(mark) if self._unique else ():
            raise NameTaken(key, entry.pid)

    def _check_room(self) -> None:
        if len(self._table) + len(self._reserved) >= self._max_entries:
            raise RegistryFull(self.dest, "entries", self._max_entries)

    def _add(self, key: Any, mark: Any, pid: Pid, value: Any) -> Owner:
        self._check_free(key, mark)
        entry = Entry(kept(key, mark), mark, pid, value)
        owner = self._owners.get(pid)
        if owner is None:
            owner = self._owners[pid] = Owner(self.process, pid, self._gone)
        self._table.add(entry)
        if self._listeners:
            self._listeners.registered(entry)
        self._leases.registered(mark)
        return owner

    def _drop(self, entry: Entry) -> None:
        was_last = self._table.remove(entry)
        if was_last:
            self._owners.pop(entry.pid).release()
        self._tell_gone(entry)

    def _drop_of(
        self, pid: Pid | None, key: Any, wanted: Callable[[Entry], bool]
    ) -> None:
        pid = own_pid(pid)
        for entry in self._table.at(mark_of(key)):
            if entry.pid == pid and wanted(entry):
                self._drop(entry)

    def _gone(self, owner: Owner, reason: Any) -> None:
        """Take out what a process had that has ended."""
        del self._owners[owner.pid]
        for entry in self._table.of(owner.pid):
            self._table.remove(entry)
            self._tell_gone(entry)

    def _tell_gone(self, entry: Entry) -> None:
        """Tell the listeners, unless its process has another entry of that key."""
        if not self._listeners:
            return
        rest = self._table.at(entry.mark)
        if not any(other.pid == entry.pid for other in rest):
            self._listeners.unregistered(entry)


def subject(entry: Entry) -> tuple[Any, tuple[Pid, Any]]:
    """Return an entry as the tuple in Elixir's table, which is what ``$_`` means."""
    return entry.key, (entry.pid, entry.value)


def atom_of(name: str | None) -> Any:
    """Return the name of a registry for a message."""
    return Atom("undefined") if name is None else Atom(name)
