"""Who is in which group of one scope: processes of this node and of the others.

A process can be in a group several times. The members of a node are known from what
its scope says, and go all at once when that is gone.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, final

from etf import Atom, identity_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from etf import Pid

JOIN = Atom("join")
LEAVE = Atom("leave")

MAX_MEMBERS = 1_000_000
"""How many members of how many groups one node may have in a scope."""


class TooManyMembers(Exception):
    """A node has more members than it may; it is to be disconnected."""


def key_of(group: Any) -> Any:
    """Return what two groups share exactly if they are the same term.

    Raises:
        etf.EncodeError: It is no term.
    """
    return group if group.__class__ is Atom else identity_key(group)


@final
class Group:
    """One group that has members, on whatever node."""

    __slots__ = ("_all", "key", "local", "remote", "term")

    def __init__(self, term: Any, key: Any) -> None:
        self.term = term
        self.key = key
        self.local: dict[Pid, int] = {}
        self.remote: dict[Peer, dict[Pid, int]] = {}
        self._all: list[Pid] | None = None

    def members(self) -> list[Pid]:
        """Return all members, each as often as it has joined; not to be changed."""
        if self._all is None:
            self._all = list(_each(self.local))
            for pids in self.remote.values():
                self._all.extend(_each(pids))
        return self._all

    def local_members(self) -> list[Pid]:
        """Return those of this node."""
        return list(_each(self.local))

    def nodes(self) -> set[Atom]:
        """Return the nodes that have members."""
        found = {peer.pid.node for peer in self.remote}
        found.update(pid.node for pid in islice(self.local, 1))
        return found

    def changed(self) -> None:
        """Forget what is not true any more."""
        self._all = None


@final
class Peer:
    """The scope of another node, and the members there."""

    __slots__ = ("groups", "members", "pid", "ref")

    def __init__(self, pid: Pid, ref: Any = None) -> None:
        self.pid = pid
        self.ref = ref
        """The monitor on it."""
        self.groups: dict[Any, Group] = {}
        self.members = 0


@final
class Table:
    """All groups of a scope. *tell* hears of each change: what, the group, who."""

    def __init__(self, tell: Callable[[Atom, Group, list[Pid]], object]) -> None:
        self._tell = tell
        self._groups: dict[Any, Group] = {}
        self._joined: dict[Pid, dict[Any, Group]] = {}

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[Group]:
        return iter(list(self._groups.values()))

    def find(self, group: Any) -> Group | None:
        """Return a group if it has members."""
        return self._groups.get(key_of(group))

    def all_local(self) -> list[tuple[Any, list[Pid]]]:
        """Return the groups with members of this node, and these; for ``sync``."""
        return [
            (group.term, group.local_members())
            for group in self._groups.values()
            if group.local
        ]

    def is_joined(self, pid: Pid) -> bool:
        """Tell whether a process of this node is in any group."""
        return pid in self._joined

    def join(self, term: Any, pids: list[Pid]) -> None:
        """Let processes of this node join."""
        group = self._enter(term)
        for pid in pids:
            group.local[pid] = group.local.get(pid, 0) + 1
            self._joined.setdefault(pid, {})[group.key] = group
        self._changed(JOIN, group, pids)

    def leave(self, term: Any, pids: list[Pid]) -> list[Pid]:
        """Let processes of this node leave once; return which were in it."""
        group = self.find(term)
        if group is None:
            return []
        left = [pid for pid in pids if _take(group.local, pid)]
        for pid in dict.fromkeys(left):
            if pid not in group.local:
                self._part(pid, group)
        self._changed(LEAVE, group, left)
        return left

    def drop(self, pid: Pid) -> list[Any]:
        """Let an ended process leave all groups; return these, once per join."""
        names: list[Any] = []
        for group in self._joined.pop(pid, {}).values():
            times = group.local.pop(pid)
            names.extend([group.term] * times)
            self._changed(LEAVE, group, [pid] * times)
        return names

    def remote_join(self, peer: Peer, term: Any, pids: list[Pid]) -> None:
        """Let processes of another node join.

        Raises:
            TooManyMembers: They are too many; nothing has changed.
        """
        if peer.members + len(pids) > MAX_MEMBERS:
            raise TooManyMembers
        if not pids:
            return
        group = self._enter(term)
        peer.groups[group.key] = group
        members = group.remote.setdefault(peer, {})
        for pid in pids:
            members[pid] = members.get(pid, 0) + 1
        peer.members += len(pids)
        self._changed(JOIN, group, pids)

    def remote_leave(self, peer: Peer, pids: list[Pid], terms: Iterable[Any]) -> None:
        """Let processes of another node leave each of the groups once."""
        for term in terms:
            group = peer.groups.get(key_of(term))
            if group is not None:
                members = group.remote[peer]
                self._left(peer, group, [pid for pid in pids if _take(members, pid)])

    def sync(self, peer: Peer, state: list[tuple[Any, list[Pid]]]) -> None:
        """Let the members of another node be these and no others.

        Raises:
            TooManyMembers: They are too many; nothing has changed.
        """
        if sum(len(pids) for _, pids in state) > MAX_MEMBERS:
            raise TooManyMembers
        wanted: dict[Any, tuple[Any, dict[Pid, int]]] = {}
        for term, pids in state:
            _, counts = wanted.setdefault(key_of(term), (term, {}))
            for pid in pids:
                counts[pid] = counts.get(pid, 0) + 1
        for key, group in list(peer.groups.items()):
            known = group.remote[peer]
            _, counts = wanted.get(key, (None, {}))
            gone = list(_each(_more(known, counts)))
            for pid in gone:
                _take(known, pid)
            self._left(peer, group, gone)
        for key, (term, counts) in wanted.items():
            there = peer.groups.get(key)
            known = {} if there is None else there.remote[peer]
            self.remote_join(peer, term, list(_each(_more(counts, known))))

    def forget(self, peer: Peer) -> None:
        """Let all members of another node leave."""
        for group in list(peer.groups.values()):
            gone = list(_each(group.remote[peer]))
            group.remote[peer].clear()
            self._left(peer, group, gone)

    def _enter(self, term: Any) -> Group:
        key = key_of(term)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(term, key)
        return group

    def _left(self, peer: Peer, group: Group, gone: list[Pid]) -> None:
        peer.members -= len(gone)
        if not group.remote[peer]:
            del group.remote[peer]
            del peer.groups[group.key]
        self._changed(LEAVE, group, gone)

    def _part(self, pid: Pid, group: Group) -> None:
        groups = self._joined[pid]
        del groups[group.key]
        if not groups:
            del self._joined[pid]

    def _changed(self, what: Atom, group: Group, pids: list[Pid]) -> None:
        group.changed()
        if not group.local and not group.remote:
            self._groups.pop(group.key, None)
        if pids:
            self._tell(what, group, pids)


def _each(counts: dict[Pid, int]) -> Iterator[Pid]:
    """Give each pid as often as it counts."""
    for pid, count in counts.items():
        if count == 1:
            yield pid
        else:
            yield from [pid] * count


def _take(counts: dict[Pid, int], pid: Pid) -> bool:
    """Let a pid count one less; return whether it counted at all."""
    count = counts.get(pid, 0)
    if count > 1:
        counts[pid] = count - 1
    elif count:
        del counts[pid]
    return count > 0


def _more(these: dict[Pid, int], those: dict[Pid, int]) -> dict[Pid, int]:
    """Return how much more often each counts in *these* than in *those*."""
    more = {pid: count - those.get(pid, 0) for pid, count in these.items()}
    return {pid: count for pid, count in more.items() if count > 0}
