"""One event as its subscribers see it: who they are, and what each of them gets.

Subscribers of this node are looked at one by one. Those of other nodes share one
encoding; of a node that runs an event server there is only that server, which passes
on what comes, so that a value crosses to each node once.

Nobody is waited for. Who has too many messages waiting, or is on a node whose
connection is full, misses values, and is told how many before the next one arrives.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from etf import EncodeError

from ...errors import MailboxFull
from .messages import EventDown, EventLag, EventMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from etf import Pid

    from ...process.limits import MailboxLimit
    from ...process.process import Process
    from ...process.signals import RemoteNode
    from .messages import Key
    from .watches import Watches


class Subscriber:
    """One process that wants the values, and how many it has missed."""

    __slots__ = ("channel", "missed", "pid")

    def __init__(self, channel: Channel, pid: Pid) -> None:
        self.channel = channel
        self.pid = pid
        self.missed = 0

    def fire(self, reason: Any) -> None:
        """Take its end."""
        self.channel.remove(self.pid)


class Channel:
    """The subscribers of one event, and the last values for who comes late.

    Args:
        server: Who sends.
        watches: Who hears of the end of a subscriber.
        event: Name and node.
        keep: How many of the last values a new subscriber gets.
        max_lag: How many messages may wait for a subscriber; None is any number.
        deserted: Is told when the last subscriber has gone.
    """

    def __init__(
        self,
        server: Process,
        watches: Watches,
        event: Key,
        *,
        keep: int,
        max_lag: int | None,
        deserted: Callable[[], object] | None = None,
    ) -> None:
        self.event = event
        self.max_lag = max_lag
        self.published = 0
        """Values since it was registered."""
        self.missed = 0
        """Values that subscribers did not get, all together."""
        self._server = server
        self._watches = watches
        self._history: deque[Any] = deque(maxlen=keep)
        self._subscribers: dict[Pid, Subscriber] = {}
        self._away: dict[RemoteNode, dict[Pid, Subscriber]] = {}
        self._deserted = deserted

    def __len__(self) -> int:
        return len(self._subscribers)

    def __contains__(self, pid: Pid) -> bool:
        return pid in self._subscribers

    @property
    def keep(self) -> int:
        """How many of the last values a new subscriber gets."""
        return self._history.maxlen or 0

    def remember(self, keep: int) -> None:
        """Keep so many values from now on."""
        self._history = deque(self._history, maxlen=keep)

    def add(self, pid: Pid) -> None:
        """Let *pid* have what is published from now on."""
        subscriber = Subscriber(self, pid)
        if self._watches.watch(pid, subscriber):
            self._subscribers[pid] = subscriber
            remote = self._server.runtime.remote(pid)
            if remote is not None:
                self._away.setdefault(remote, {})[pid] = subscriber

    def replay(self, pid: Pid) -> None:
        """Send a subscriber the values that are kept, oldest first."""
        subscriber = self._subscribers.get(pid)
        if subscriber is not None:
            for value in self._history:
                self._tell(subscriber, EventMessage(self.event, value))

    def remove(self, pid: Pid) -> None:
        """Let *pid* have no more."""
        subscriber = self._subscribers.pop(pid, None)
        if subscriber is None:
            return
        self._let_go(subscriber)
        if not self._subscribers and self._deserted is not None:
            self._deserted()

    def _let_go(self, subscriber: Subscriber) -> None:
        self._watches.unwatch(subscriber)
        remote = self._server.runtime.remote(subscriber.pid)
        if remote is not None:
            there = self._away[remote]
            del there[subscriber.pid]
            if not there:
                del self._away[remote]

    def publish(self, value: Any) -> None:
        """Give *value* to all. Never waits.

        Raises:
            etf.EncodeError: It is no term, and a subscriber is on another node. Nobody
                has got it.
        """
        message = EventMessage(self.event, value)
        payload = b""
        for remote in self._away:
            payload = remote.encode(message)
            break
        self.published += 1
        self._history.append(value)
        here = self._server.runtime.name
        for pid, subscriber in list(self._subscribers.items()):
            if pid.node == here:
                self._tell(subscriber, message)
        for remote, there in list(self._away.items()):
            self._tell_node(remote, there, payload)

    def _tell(self, subscriber: Subscriber, message: Any) -> None:
        if not self._has_room(subscriber):
            self._misses(subscriber)
            return
        self._admit_lag(subscriber)
        try:
            self._server.send_one(subscriber.pid, message)
        except (MailboxFull, EncodeError):
            # The latter: a value that was kept, for a late subscriber elsewhere.
            self._misses(subscriber)

    def _tell_node(
        self, remote: RemoteNode, there: dict[Pid, Subscriber], payload: bytes
    ) -> None:
        if not remote.has_room(self._server.pid):
            for subscriber in there.values():
                self._misses(subscriber)
            return
        for subscriber in there.values():
            self._admit_lag(subscriber)
        remote.send_many(self._server.pid, list(there), payload)

    def _has_room(self, subscriber: Subscriber) -> bool:
        server, pid = self._server, subscriber.pid
        remote = server.runtime.remote(pid)
        if remote is not None:
            return remote.has_room(server.pid)
        process = server.runtime.find(pid)
        if process is None:
            return True
        most = self.max_lag
        limit: MailboxLimit | None = getattr(process, "limit", None)
        if limit is not None:
            # What its mailbox would drop without a word is counted here.
            most = limit.messages if most is None else min(most, limit.messages)
        if most is None:
            return True
        # A notice of what was missed comes first, and takes room as well.
        needed = 2 if subscriber.missed else 1
        waiting = process.message_count()
        return not waiting or waiting + needed <= most

    def _misses(self, subscriber: Subscriber) -> None:
        subscriber.missed += 1
        self.missed += 1

    def _admit_lag(self, subscriber: Subscriber) -> None:
        """Tell a subscriber that has room again what it has missed."""
        if subscriber.missed:
            missed, subscriber.missed = subscriber.missed, 0
            self._server.send_one(subscriber.pid, EventLag(self.event, missed))

    def lag(self, missed: int) -> None:
        """Tell all that nobody got some values."""
        self.missed += missed * len(self._subscribers)
        for subscriber in self._subscribers.values():
            subscriber.missed += missed

    def forget(self) -> list[Subscriber]:
        """Let nobody have any more; return who had."""
        subscribers, self._subscribers = self._subscribers, {}
        for subscriber in subscribers.values():
            self._let_go(subscriber)
        return list(subscribers.values())

    def end(self, reason: Any) -> None:
        """Tell all that there will be no more, and forget them. Never waits."""
        down = EventDown(self.event, reason)
        for subscriber in self.forget():
            self._admit_lag(subscriber)
            self._server.send_one(subscriber.pid, down)
