"""The dispatcher that gives all events to all."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, final

from etf import Atom

from ....errors import SubscriptionRefused
from ....process import reasons
from .. import wire
from .base import Dispatcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..subscription import Subscription
    from .base import Out

    Selector = Callable[[Any], object]

logger = logging.getLogger("ergopy.stage")

SELECTOR = Atom("selector")


class BroadcastDispatcher(Dispatcher):
    """Each event goes to all consumers; ``GenStage.BroadcastDispatcher``.

    It is sent when the last of them wants it, so the slowest sets the pace. A consumer
    gets what is sent after it subscribed, and from then on holds the others up until it
    asks for something. A process can subscribe once; its second subscription is
    cancelled with ``already_subscribed``.

    A consumer of this node may give ``selector=``, a function of an event: only those
    for which it returns something true are sent, and as many as were not are asked for
    again on its behalf. What is no function, such as the fun of another node, is
    refused with ``{bad_opts, Text}``, where GenStage ends the producer. A selector that
    raises ends that one subscription, with the exception as the reason.

    Without a selector all consumers of this node get the same list: they must not
    change it.
    """

    def __init__(self) -> None:
        self._sent = 0
        """How many events were sent since there is this dispatcher."""
        self._seats: dict[Subscription, _Seat] = {}
        self._peers: set[Any] = set()
        self._least = 0
        """The lowest goal of a consumer, and how many have that."""
        self._at_least = 0

    def subscribe(self, subscription: Subscription, options: dict[Atom, Any]) -> None:
        selector = options.get(SELECTOR)
        if selector is not None and not callable(selector):
            text = b"selector: a function; only consumers on this node have one"
            raise SubscriptionRefused((wire.BAD_OPTS, text))
        if subscription.peer in self._peers:
            raise SubscriptionRefused(wire.ALREADY_SUBSCRIBED)
        self._peers.add(subscription.peer)
        self._seats[subscription] = _Seat(subscription, selector, self._sent)
        self._compare()

    def cancel(self, subscription: Subscription) -> None:
        del self._seats[subscription]
        self._peers.remove(subscription.peer)
        self._compare()

    def ask(self, subscription: Subscription, count: int, out: Out) -> None:
        seat = self._seats[subscription]
        goal = seat.goal
        seat.goal = goal + count
        if goal == self._least:
            self._at_least -= 1
            if not self._at_least:
                self._compare()

    def dispatch(self, events: list[Any], out: Out) -> list[Any]:
        count = min(self.wanted, len(events))
        if not count:
            return events
        batch = events if count == len(events) else events[:count]
        self._sent += count
        self.wanted -= count
        for seat in self._seats.values():
            if seat.selector is None:
                out.send(seat.subscription, batch)
            else:
                seat.send_selected(batch, out)
        return events[count:]

    def _compare(self) -> None:
        """Find out what all consumers want."""
        goals = [seat.goal for seat in self._seats.values()]
        self._least = min(goals, default=self._sent)
        self._at_least = goals.count(self._least)
        self.wanted = self._least - self._sent


@final
class _Seat:
    """One consumer: up to which count of sent events it has asked, and for which."""

    __slots__ = ("goal", "selector", "subscription")

    def __init__(
        self, subscription: Subscription, selector: Selector | None, goal: int
    ) -> None:
        self.subscription = subscription
        self.selector = selector
        self.goal = goal

    def send_selected(self, batch: list[Any], out: Out) -> None:
        """Send what the selector chooses, and ask for as much as it leaves."""
        selector = self.selector
        assert selector is not None
        try:
            selected = [event for event in batch if selector(event)]
        except Exception as error:
            self._fail(error, out)
            return
        if selected:
            out.send(self.subscription, selected)
        if len(selected) < len(batch):
            out.ask(self.subscription, len(batch) - len(selected))

    def _fail(self, error: Exception, out: Out) -> None:
        # Until the stage has read that, nothing is selected, lest it fails again.
        self.selector = _nothing
        logger.error(
            "the selector of %s has failed: %s",
            self.subscription.peer,
            reasons.described(error),
            exc_info=error,
        )
        out.cancel(self.subscription, reasons.from_exception(error))


def _nothing(event: Any) -> bool:
    return False
