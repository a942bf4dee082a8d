"""What takes several steps: to lock nodes, and to do something while they are locked.

Each is a generator: it yields what it waits for, and is sent what came of it. So it can
be run by a process, and by a test that has no processes at all.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from ...process.atoms import GLOBAL
from .words import DEL_LOCK, GET_KNOWN, SET_LOCK, boss_of

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Generator, Iterable, Sequence

    from etf import Atom, Pid

    from .actions import Send

LONGEST_SLEEP = 8.0
"""Seconds at most between two attempts to take a lock."""


CHECK_SECONDS = 10.0
"""Seconds until it is asked whether a node that stays outside counts us in."""


class Ask(NamedTuple):
    """Call the name servers of several nodes; answered with the replies by node."""

    nodes: tuple[Atom, ...]
    request: Any


class Take(NamedTuple):
    """Wait for a message for the locker; answered with it, or None in the end."""

    wanted: Callable[[Any], bool] | None = None
    seconds: float = math.inf


class Pause(NamedTuple):
    """Wait."""

    seconds: float


class Emit(NamedTuple):
    """Send these."""

    messages: tuple[Send, ...]


class TellPid(NamedTuple):
    """Send to a process."""

    pid: Pid
    message: Any


Step: TypeAlias = Ask | Take | Pause | Emit | TellPid
Steps: TypeAlias = "Generator[Step, Any, Any]"


class View(Protocol):
    """What steps look at without waiting."""

    rng: random.Random

    @property
    def own(self) -> Atom:
        """The name of this node."""

    def known(self) -> list[Atom]:
        """The nodes of the cluster."""

    def can_set(self, resource: Any, requester: Any) -> bool:
        """Tell whether a lock is free here."""

    def is_locked(self) -> bool:
        """Tell whether the lock of all is held here."""


def random_pause(rng: random.Random, times: int) -> Pause:
    """Return how long to wait before the next attempt, after so many."""
    most = LONGEST_SLEEP if times > 5 else 2**times / 8
    return Pause(rng.uniform(0.001, most))


def set_once(view: View, lock: tuple[Any, Any], nodes: Sequence[Atom]) -> Steps:
    """Try to take a lock on all of *nodes*, or on none; return whether that worked."""
    if not nodes:
        return True
    if len(nodes) > 1 and view.own in nodes and not view.can_set(*lock):
        return False
    replies = yield Ask(tuple(nodes), (SET_LOCK, lock))
    if all(reply is True for reply in replies.values()):
        return True
    taken = [node for node, reply in replies.items() if reply is True]
    yield from delete(lock, taken)
    return False


def delete(lock: tuple[Any, Any], nodes: Iterable[Atom]) -> Steps:
    """Give a lock back on *nodes*."""
    nodes = tuple(nodes)
    if nodes:
        yield Ask(nodes, (DEL_LOCK, lock))


def delete_boss_last(lock: tuple[Any, Any], nodes: Iterable[Atom]) -> Steps:
    """Give the lock of all back, so that who comes next gets it on all nodes."""
    nodes = list(dict.fromkeys(nodes))
    boss = boss_of(nodes)
    yield from delete(lock, [node for node in nodes if node != boss])
    yield from delete(lock, [boss])


def set_lock(
    view: View, lock: tuple[Any, Any], nodes: Sequence[Atom], retries: float
) -> Steps:
    """Take a lock on *nodes*, trying again so many times; return if it is taken."""
    times = 1
    while not (yield from set_once(view, lock, nodes)):
        if times > retries:
            return False
        yield random_pause(view.rng, times)
        times += 1
    return True


def while_locked(
    view: View, requester: Pid, work: Callable[[tuple[Atom, ...]], Steps]
) -> Steps:
    """Do *work* with the lock of all held on all nodes of the cluster."""
    lock = (GLOBAL, requester)
    times = 0
    while True:
        known = view.known()
        nodes = (view.own, *known)
        if (yield from _lock_all(view, lock, nodes)):
            if set(view.known()) <= set(known):
                break
            # One has joined since; it is not locked.
            yield from delete_boss_last(lock, nodes)
        yield random_pause(view.rng, times)
        times += 1
    try:
        value = yield from work(nodes)
    except Exception:
        # Not in a finally: who is ended has no time left, and no lock any more.
        yield from delete_boss_last(lock, nodes)
        raise
    yield from delete_boss_last(lock, nodes)
    return value


def counts_us_in(view: View, node: Atom, is_outside: Callable[[Atom], bool]) -> Steps:
    """After a while ask a node that is outside whether we belong to it.

    Who takes no part has no name server, and does not answer.
    """
    yield Pause(CHECK_SECONDS)
    if not is_outside(node):
        return False
    replies = yield Ask((node,), GET_KNOWN)
    known = replies.get(node)
    return isinstance(known, list) and view.own in known and is_outside(node)


def _lock_all(view: View, lock: tuple[Any, Any], nodes: Sequence[Atom]) -> Steps:
    """Lock the boss first, which keeps others from trying at the same time."""
    boss = boss_of(nodes)
    if not (yield from set_once(view, lock, [boss])):
        return False
    if (yield from set_once(view, lock, nodes)):
        return True
    yield from delete(lock, [boss])
    return False
