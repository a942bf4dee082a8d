"""The locker: takes the lock of all on our side, for one node at a time that joins.

It is a process of its own, as everywhere: its pid is what makes the id of such a lock,
and while it waits the name server goes on.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, final

import etf
from etf import Atom

from ...process.atoms import GEN_CAST, GLOBAL
from .actions import Cancel, Him, Known, LockSet, Send
from .steps import Emit, Steps, Take, TellPid, delete, delete_boss_last, set_once
from .words import LOCK_SET, VERIFIES, boss_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from etf import Pid

    from .steps import View

_LOCK_IS_SET = Atom("lock_is_set")
_BY_PID = 6
"""Below this version lockers talk to each other directly."""


@final
class Locker:
    """What one locker knows; :meth:`run` is its life."""

    def __init__(self, view: View, pid: Pid) -> None:
        self._view = view
        self._own = view.own
        self._pid = pid
        self._host = view.own.partition("@")[2]
        self._others: list[Him] = []
        self.known: list[Atom] = []
        """Its own list: it lags behind while it has the lock, and must."""
        self._just_synced = False

    def run(self) -> Steps:
        """Join one node after the other, for ever."""
        while True:
            message = yield Take(None, 0.0)
            if message is None:
                seconds = self._patience()
                self._just_synced = False
                message = yield Take(None, seconds)
            if message is not None:
                yield from self._take(message)
            elif not self._view.is_locked():
                yield from self._choose()

    def _patience(self) -> float:
        """Return how long to wait before we begin ourselves.

        If we were always first, no other node of our side would ever get the lock.
        """
        if not self._others:
            return math.inf
        if self._just_synced:
            return 0.0
        if not self.known:
            return 0.2
        return min(1.0 + 0.1 * len(self.known), 3.0)

    def _take(self, message: Any) -> Steps:
        match message:
            case Him():
                self._others.append(message)
            case Cancel(node, tag, messages):
                if messages:
                    yield Emit(messages)
                if tag is not None:
                    self._drop(node, tag)
            case LockSet(locker, True, tag):
                yield from self._answer(locker, tag)
            case Known():
                self._update(message)

    def _update(self, change: Known) -> None:
        self.known.extend(node for node in change.added if node not in self.known)
        if change.removed in self.known:
            self.known.remove(change.removed)

    def _drop(self, node: Atom, tag: int | None) -> None:
        self._others = [h for h in self._others if (h.node, h.my_tag) != (node, tag)]

    def _choose(self) -> Steps:
        """Try to join one of those that wait, those of this host first."""
        self._others = [him for him in self._others if him.node not in self.known]
        near = [h for h in self._others if h.node.partition("@")[2] == self._host]
        choice = near or self._others
        if not choice:
            return
        him = self._view.rng.choice(choice)
        lock = self._lock_with(him.locker)
        # His node is locked, too: so no two can wait for each other.
        nodes = yield from self._lock_ours(lock, [him.node])
        if nodes:
            yield from self._say(him, is_set=True)
            yield from self._wait_for_his(him, lock, nodes)

    def _lock_with(self, locker: Pid) -> tuple[Any, Any]:
        return GLOBAL, sorted([self._pid, locker], key=etf.sort_key)

    def _lock_ours(self, lock: tuple[Any, Any], extra: list[Atom]) -> Steps:
        """Take the lock on all nodes of our side, or on none; return where it is.

        Those are the nodes to give it back on: one that was lost and has come again
        meanwhile does not belong to us any more, and may have it.
        """
        view = self._view
        first = [boss_of([self._own, *self.known])]
        if first != [self._own] and not view.can_set(*lock):
            return []
        if not (yield from set_once(view, lock, first)):
            return []
        while (change := (yield Take(_is_known, 0.0))) is not None:
            self._update(change)
        second = [node for node in (self._own, *extra) if node not in first]
        if not (yield from set_once(view, lock, second)):
            yield from delete(lock, first)
            return []
        done = [*first, *second]
        third = [node for node in self.known if node not in first]
        if not (yield from set_once(view, lock, third)):
            yield from delete(lock, done)
            return []
        return [*done, *third]

    def _say(self, him: Him, *, is_set: bool) -> Steps:
        """Tell the other side whether ours is locked."""
        message: tuple[Any, ...] = (LOCK_SET, self._pid, is_set, list(self.known))
        if him.version >= VERIFIES:
            message = (*message, him.his_tag)
        if him.version < _BY_PID:
            yield TellPid(him.locker, message)
        else:
            yield Emit((Send(him.node, (GEN_CAST, message)),))

    def _wait_for_his(
        self, him: Him, lock: tuple[Any, Any], nodes: list[Atom]
    ) -> Steps:
        answer = yield Take(_about(him))
        match answer:
            case LockSet(_, True):
                yield from self._joining(him, lock, nodes)
            case LockSet():
                yield from delete_boss_last(lock, nodes)
            case Cancel(node, tag, messages):
                yield Emit(messages)
                yield from delete_boss_last(lock, nodes)
                self._drop(node, tag)

    def _answer(self, locker: Pid, tag: Any) -> Steps:
        """Lock our side because the other one has done so."""
        him = next((h for h in self._others if h.locker.node == locker.node), None)
        if him is None or tag not in (him.my_tag, None):
            him = Him(locker.node, locker, 5, 0, 0)
            yield from self._say(him, is_set=False)
            return
        lock = self._lock_with(locker)
        nodes = yield from self._lock_ours(lock, [])
        yield from self._say(him, is_set=bool(nodes))
        if nodes:
            yield from self._joining(him, lock, nodes)

    def _joining(self, him: Him, lock: tuple[Any, Any], nodes: list[Atom]) -> Steps:
        """Hold the lock until the name server is done, or gives up."""
        is_set = (_LOCK_IS_SET, him.node, him.my_tag, lock)
        yield Emit((Send(self._own, (GEN_CAST, is_set)),))
        cancel = yield Take(_cancels(him))
        yield Emit(cancel.messages)
        yield from delete_boss_last(lock, nodes)
        self._just_synced = True
        self._drop(him.node, him.my_tag)


def _is_known(message: Any) -> bool:
    return isinstance(message, Known)


def _cancels(him: Him) -> Callable[[Any], bool]:
    def matches(message: Any) -> bool:
        return isinstance(message, Cancel) and (message.node, message.tag) == (
            him.node,
            him.my_tag,
        )

    return matches


def _about(him: Him) -> Callable[[Any], bool]:
    """Match what ends the waiting for the other side's lock."""
    cancels = _cancels(him)

    def matches(message: Any) -> bool:
        if isinstance(message, LockSet):
            same_node = message.locker.node == him.node
            return same_node and message.tag in (him.my_tag, None)
        return cancels(message)

    return matches
