"""Naive models of the dispatchers with a buffer: lists that are walked over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from etf import Atom

if TYPE_CHECKING:
    from collections.abc import Callable

    from ergopy.gen.stage.subscription import Subscription

INFO = "info"
EVENT = "event"


class Model(ABC):
    """What has to happen: who gets which events, in which order, and what is lost."""

    def __init__(self, size: float, keep: str) -> None:
        self.size, self.keep = size, keep
        self.held: list[tuple[str, int]] = []
        """The buffer: events, and infos between them."""
        self.demands: dict[Subscription, int] = {}
        self.expected: dict[Subscription, list[int]] = {}
        self.infos: list[int] = []
        self.sent_before: list[int] = []
        self.discarded = 0
        self.dropped = 0
        """Events that nobody was to get."""
        self.asks: list[tuple[Subscription, int]] = []
        """What is asked for again on behalf of consumers."""

    @property
    @abstractmethod
    def wanted(self) -> int:
        """How many events could be sent."""

    @abstractmethod
    def give(self, events: list[int]) -> list[int]:
        """Share out events as far as they are wanted; return the rest."""

    @property
    def kept(self) -> list[int]:
        """The events in the buffer."""
        return [item for kind, item in self.held if kind == EVENT]

    @property
    def queued(self) -> list[int]:
        """The events that wait elsewhere."""
        return []

    def refusal(self, subscription: Subscription, given: dict[Atom, Any]) -> Any:
        """Return the reason why a subscription is refused, if it is."""
        return None

    def subscribe(self, subscription: Subscription, given: dict[Atom, Any]) -> None:
        self.demands[subscription] = 0
        self.expected[subscription] = []

    def cancel(self, subscription: Subscription) -> None:
        del self.demands[subscription]
        self.serve()

    def ask(self, subscription: Subscription, count: int) -> None:
        self.demands[subscription] += count
        self.serve()

    def make(self, events: list[int]) -> None:
        self.hold(events if self.kept else self.give(events))

    def hold(self, events: list[int]) -> None:
        for event in events:
            if self.keep == "last" or len(self.kept) < self.size:
                self.held.append((EVENT, event))
            else:
                self.discarded += 1
        while len(self.kept) > self.size:
            self.held.pop(0)
            self.discarded += 1
            self.follow_all()

    def info(self, message: int) -> None:
        if self.kept:
            self.held.append((INFO, message))
        else:
            self.follow(message)

    def follow_all(self) -> None:
        while self.held and self.held[0][0] == INFO:
            self.follow(self.held.pop(0)[1])

    def follow(self, message: int) -> None:
        """Take an info that no event in the buffer is before any more."""
        self.infos.append(message)
        self.sent_before.append(sum(map(len, self.expected.values())))

    def serve(self) -> None:
        while self.kept and self.wanted > 0:
            run = []
            while self.held and self.held[0][0] == EVENT and len(run) < self.wanted:
                run.append(self.held.pop(0)[1])
            assert self.give(run) == []
            self.follow_all()


class DemandModel(Model):
    """The highest demand first; of equals who has had it for longest."""

    def __init__(self, size: float, keep: str) -> None:
        super().__init__(size, keep)
        self.time = 0
        self.since: dict[Subscription, int] = {}

    @property
    def wanted(self) -> int:
        return sum(self.demands.values())

    def touch(self, subscription: Subscription) -> None:
        self.time += 1
        self.since[subscription] = self.time

    def subscribe(self, subscription: Subscription, given: dict[Atom, Any]) -> None:
        super().subscribe(subscription, given)
        self.touch(subscription)

    def ask(self, subscription: Subscription, count: int) -> None:
        self.touch(subscription)
        super().ask(subscription, count)

    def give(self, events: list[int]) -> list[int]:
        while events and self.wanted:
            who = max(self.demands, key=lambda s: (self.demands[s], -self.since[s]))
            batch, events = events[: self.demands[who]], events[self.demands[who] :]
            self.expected[who] += batch
            self.demands[who] -= len(batch)
            self.touch(who)
        return events


class BroadcastModel(Model):
    """All get all, less what their selectors do not want."""

    def __init__(self, size: float, keep: str) -> None:
        super().__init__(size, keep)
        self.selectors: dict[Subscription, Callable[[int], bool]] = {}

    @property
    def wanted(self) -> int:
        return min(self.demands.values(), default=0)

    def refusal(self, subscription: Subscription, given: dict[Atom, Any]) -> Any:
        peers = [one.peer for one in self.demands]
        return Atom("already_subscribed") if subscription.peer in peers else None

    def subscribe(self, subscription: Subscription, given: dict[Atom, Any]) -> None:
        super().subscribe(subscription, given)
        self.selectors[subscription] = given.get(Atom("selector"), lambda event: True)

    def give(self, events: list[int]) -> list[int]:
        events, rest = events[: self.wanted], events[self.wanted :]
        unwanted = set(events)
        for who in self.demands:
            chosen = [event for event in events if self.selectors[who](event)]
            unwanted -= set(chosen)
            self.expected[who] += chosen
            self.demands[who] -= len(events)
            if len(chosen) < len(events):
                self.asks.append((who, len(events) - len(chosen)))
        self.dropped += len(unwanted)
        return rest


class PartitionModel(Model):
    """Exactly the hash decides; what a partition does not want yet waits there."""

    def __init__(
        self,
        size: float,
        keep: str,
        names: list[Any],
        home: Callable[[int], Any],
    ) -> None:
        super().__init__(size, keep)
        self.home = home
        self.queues: dict[Any, list[tuple[str, int]]] = {name: [] for name in names}
        self.of: dict[Subscription, Any] = {}

    @property
    def queued(self) -> list[int]:
        items = [item for queue in self.queues.values() for item in queue]
        return [item for kind, item in items if kind == EVENT]

    @property
    def wanted(self) -> int:
        return sum(self.demands.values()) - len(self.queued)

    def refusal(self, subscription: Subscription, given: dict[Atom, Any]) -> Any:
        name = given[Atom("partition")]
        if name not in self.queues:
            return Atom("unknown_partition"), name
        taken = any(self.of[one] == name for one in self.demands)
        return (Atom("partition_taken"), name) if taken else None

    def subscribe(self, subscription: Subscription, given: dict[Atom, Any]) -> None:
        super().subscribe(subscription, given)
        self.of[subscription] = given[Atom("partition")]

    def ask(self, subscription: Subscription, count: int) -> None:
        self.demands[subscription] += count
        self.from_queue(subscription)
        self.serve()

    def from_queue(self, who: Subscription) -> None:
        queue = self.queues[self.of[who]]
        while queue and (self.demands[who] or queue[0][0] == INFO):
            kind, item = queue.pop(0)
            if kind == EVENT:
                self.expected[who].append(item)
                self.demands[who] -= 1
            elif not any((INFO, item) in other for other in self.queues.values()):
                super().follow(item)

    def follow(self, message: int) -> None:
        queues = [queue for queue in self.queues.values() if queue]
        for queue in queues:
            queue.append((INFO, message))
        if not queues:
            super().follow(message)

    def give(self, events: list[int]) -> list[int]:
        consumers = {self.of[one]: one for one in self.demands}
        events, dropped = list(events), 0
        while events and self.wanted > 0:
            event = events.pop(0)
            name = self.home(event)
            if name is None:
                dropped += 1
                continue
            self.queues[name].append((EVENT, event))
            if name in consumers:
                self.from_queue(consumers[name])
        self.dropped += dropped
        self.replace(dropped)
        return events

    def replace(self, count: int) -> None:
        """Ask again for what was dropped, on behalf of who wants something."""
        for who, demand in self.demands.items():
            part = min(count, demand)
            if part:
                self.demands[who] -= part
                self.asks.append((who, part))
                count -= part
