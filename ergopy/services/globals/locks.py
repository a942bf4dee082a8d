"""The locks that are held on this node: ``{ResourceId, LockRequesterId}``.

A lock is held for a requester by any number of processes, each of which may ask again.
It is free when the last of them has given it back, or ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

from ...gen.registry.keys import mark_of
from ...process.atoms import GLOBAL
from .actions import Forget, Watch
from .words import MAX_LOCKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from etf import Atom, Pid

    from .actions import Action

_GLOBAL: Final = mark_of(GLOBAL)


@final
class Lock:
    """One that is held."""

    __slots__ = ("holders", "requester", "resource")

    def __init__(self, resource: Any, requester: Any) -> None:
        self.resource = resource
        self.requester = requester
        self.holders: dict[Pid, int] = {}


@final
class Locks:
    """The table. *emit* takes actions, *new_key* makes keys of monitors."""

    def __init__(
        self,
        emit: Callable[[Action], object],
        new_key: Callable[[], int],
        limit: int = MAX_LOCKS,
    ) -> None:
        self._emit = emit
        self._new_key = new_key
        self._limit = limit
        self._locks: dict[Any, Lock] = {}
        self._by_key: dict[int, tuple[Any, Pid]] = {}
        self.global_was_lost = False
        """Whether the last holder of the lock of all has ended while it had that."""

    def __len__(self) -> int:
        return len(self._locks)

    def __iter__(self) -> Iterator[Lock]:
        return iter(list(self._locks.values()))

    @property
    def of_all(self) -> Lock | None:
        """The lock under which names and nodes change, if it is held."""
        return self._locks.get(_GLOBAL)

    def can_set(self, resource: Any, requester: Any) -> bool:
        """Tell whether the lock is free, or held for that very requester."""
        lock = self._locks.get(mark_of(resource))
        return lock is None or mark_of(lock.requester) == mark_of(requester)

    def set(self, resource: Any, requester: Any, pid: Pid) -> bool:
        """Take a lock for *pid*; return False if another requester has it."""
        if not self.can_set(resource, requester):
            return False
        mark = mark_of(resource)
        lock = self._locks.get(mark)
        if lock is not None and pid in lock.holders:
            return True
        if len(self._by_key) >= self._limit:
            return False
        if lock is None:
            lock = self._locks[mark] = Lock(resource, requester)
        key = lock.holders[pid] = self._new_key()
        self._by_key[key] = (mark, pid)
        self._emit(Watch(key, pid))
        return True

    def delete(self, resource: Any, requester: Any, pid: Pid) -> None:
        """Give back the part of *pid*, if it has one."""
        mark = mark_of(resource)
        lock = self._locks.get(mark)
        if lock is None or mark_of(lock.requester) != mark_of(requester):
            return
        key = lock.holders.get(pid)
        if key is not None:
            self._emit(Forget(key))
            self._release(key, down=False)

    def down(self, key: int) -> bool:
        """Take the end of a process; return whether that held a lock."""
        if key not in self._by_key:
            return False
        self._release(key, down=True)
        return True

    def node_down(self, node: Atom) -> None:
        """Take the loss of a node.

        Its processes were told to have ended before, but for one whose request was
        waiting meanwhile: nobody else would ever give that lock back.
        """
        for key, (_, pid) in list(self._by_key.items()):
            if pid.node == node:
                self._emit(Forget(key))
                self._release(key, down=True)

    def _release(self, key: int, *, down: bool) -> None:
        mark, pid = self._by_key.pop(key)
        lock = self._locks[mark]
        del lock.holders[pid]
        if not lock.holders:
            del self._locks[mark]
            if mark == _GLOBAL:
                self.global_was_lost = down
