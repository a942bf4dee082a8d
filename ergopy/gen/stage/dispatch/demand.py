"""The dispatcher that gives events to who wants most."""

from __future__ import annotations

import logging
import random
from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Any

from .base import Dispatcher

if TYPE_CHECKING:
    from etf import Atom

    from ..subscription import Subscription
    from .base import Out

    # A demand, negated; since which change it is that; whose it is.
    Place = list[Any]

logger = logging.getLogger("ergopy.stage")


class DemandDispatcher(Dispatcher):
    """Each event goes to one consumer, that with the highest demand.

    ``GenStage.DemandDispatcher``, which is what producers have unless told. Of several
    with the same demand it is the one that has had it for longest. All consumers should
    have the same ``max_demand``: who asks for more at a time gets more, and is warned
    about in the log, once per subscription.

    Args:
        max_demand: The most that a consumer is expected to ask for at a time; what the
            first one asks for unless given.
        shuffle_demands_on_first_dispatch: Whether those with the same demand are put in
            a random order when the first event comes, so that of several producers not
            all serve the consumer first that was started first.
    """

    def __init__(
        self,
        *,
        max_demand: int | None = None,
        shuffle_demands_on_first_dispatch: bool = False,
    ) -> None:
        self._expected = max_demand
        self._shuffle = shuffle_demands_on_first_dispatch
        self._order: list[Place] = []
        """Sorted: the highest demand first, of equals the one that is so longest."""
        self._places: dict[Subscription, Place] = {}
        self._changes = 0
        self._greedy: set[Subscription] = set()

    def subscribe(self, subscription: Subscription, options: dict[Atom, Any]) -> None:
        self._changes += 1
        place = self._places[subscription] = [0, self._changes, subscription]
        self._order.append(place)

    def cancel(self, subscription: Subscription) -> None:
        place = self._places.pop(subscription)
        del self._order[bisect_left(self._order, place)]
        self.wanted += place[0]
        self._greedy.discard(subscription)

    def ask(self, subscription: Subscription, count: int, out: Out) -> None:
        if self._expected is None:
            self._expected = count
        elif count > self._expected and subscription not in self._greedy:
            self._warn(subscription, count)
        place = self._places[subscription]
        self._move(place, place[0] - count)
        self.wanted += count

    def dispatch(self, events: list[Any], out: Out) -> list[Any]:
        if self._shuffle:
            self._shuffle = False
            self._mix()
        sent, length = 0, len(events)
        while sent < length and self.wanted > 0:
            place = self._order[0]
            count = min(-place[0], length - sent)
            self._move(place, place[0] + count)
            self.wanted -= count
            batch = events if count == length else events[sent : sent + count]
            sent += count
            out.send(place[2], batch)
        return events[sent:]

    def _move(self, place: Place, negated: int) -> None:
        """Change a demand, and go behind those with the same one."""
        self._changes += 1
        order = self._order
        if len(order) == 1:
            place[0] = negated
            return
        del order[bisect_left(order, place)]
        place[0], place[1] = negated, self._changes
        insort(order, place)

    def _mix(self) -> None:
        places = list(self._order)
        random.shuffle(places)
        for place in places:
            self._move(place, place[0])

    def _warn(self, subscription: Subscription, count: int) -> None:
        self._greedy.add(subscription)
        logger.warning(
            "%s asks for %d events where %d at a time are expected: it gets more than "
            "consumers with a smaller max_demand",
            subscription.peer,
            count,
            self._expected,
        )
