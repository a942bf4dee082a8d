"""A stage that only keeps what its dispatcher does, and consumers of it."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any

from ergopy.gen.stage.dispatch.buffer import Buffer
from ergopy.gen.stage.dispatch.flow import Flow
from ergopy.gen.stage.subscription import Subscription
from etf import Atom

if TYPE_CHECKING:
    from ergopy.gen.stage.dispatch import Dispatcher


def consumer(peer: Any, tag: Any = None) -> Subscription:
    return Subscription(peer, peer if tag is None else tag)


def options(**given: Any) -> dict[Atom, Any]:
    return {Atom(name): value for name, value in given.items()}


class Recorder:
    """What a dispatcher may have done: it is kept, and nothing comes of it."""

    def __init__(self) -> None:
        self.sent: list[tuple[Subscription, list[Any]]] = []
        self.asks: deque[tuple[Subscription, int]] = deque()
        self.cancels: deque[tuple[Subscription, Any]] = deque()
        self.infos: list[Any] = []
        self.sent_before: list[int] = []
        """How many events were sent before each of the infos."""
        self._got: defaultdict[Subscription, list[Any]] = defaultdict(list)

    def send(self, subscription: Subscription, events: list[Any]) -> None:
        assert events, "nobody is sent nothing"
        self.sent.append((subscription, events))
        self._got[subscription] += events

    def ask(self, subscription: Subscription, count: int) -> None:
        assert count > 0
        self.asks.append((subscription, count))

    def cancel(self, subscription: Subscription, reason: Any) -> None:
        self.cancels.append((subscription, reason))

    def info(self, message: Any) -> None:
        self.infos.append(message)
        self.sent_before.append(sum(map(len, self._got.values())))

    def got(self, subscription: Subscription) -> list[Any]:
        """Return all that one consumer was sent."""
        return list(self._got[subscription])

    def take(self) -> list[tuple[Any, list[Any]]]:
        """Return the peers that were sent something since the last time, and what."""
        sent = [(who.peer, batch) for who, batch in self.sent]
        self.sent.clear()
        return sent


class Source:
    """A dispatcher with a buffer, as a stage has them, and what it sends."""

    def __init__(
        self, dispatcher: Dispatcher, size: float = 10_000, keep: str = "last"
    ) -> None:
        self.out = Recorder()
        self.flow = Flow(dispatcher, Buffer(size, keep), self.out)

    def subscribe(self, peer: Any, **given: Any) -> Subscription:
        subscription = consumer(peer)
        self.flow.subscribe(subscription, options(**given))
        return subscription

    def ask(self, subscription: Subscription, count: int) -> int:
        """Ask; return how much of it the producer is asked for."""
        self.flow.ask(subscription, count)
        return self.flow.demand()

    def cancel(self, subscription: Subscription) -> int:
        self.flow.cancel(subscription)
        return self.flow.demand()

    def make(self, *events: Any) -> list[tuple[Any, list[Any]]]:
        """Give events; return who was sent what."""
        self.flow.dispatch(list(events))
        return self.out.take()

    def ask_again(self) -> int:
        """Take the messages of the stage to itself; return the demand of these."""
        demand = 0
        while self.out.asks:
            demand += self.ask(*self.out.asks.popleft())
        return demand
