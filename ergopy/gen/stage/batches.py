"""What comes of one subscription of a consumer: its batches, and its demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from ...process import reasons
from .options import TEMPORARY, TRANSIENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .options import Options
    from .subscription import Subscription


@final
class Inflow:
    """One subscription of a consumer: its demand, and when it asks for more.

    Args:
        subscription: The producer, and the tag.
        options: What it subscribed with.
    """

    __slots__ = ("asked", "cancel", "manual", "max_demand", "min_demand", "to")

    def __init__(self, subscription: Subscription, options: Options) -> None:
        self.to = subscription
        self.max_demand = options.max_demand
        self.min_demand = options.min_demand
        self.cancel = options.cancel
        self.manual: bool | None = None
        """Whether the stage asks by itself; None until ``handle_subscribed`` said."""
        self.asked = 0
        """Events that were asked for and have not come yet."""

    def batches(self, events: list[Any]) -> Iterator[list[Any]]:
        """Part what came; each batch counts as come when it is handed out.

        A manual subscription has all events in one batch.
        """
        size = len(events) if self.manual else self.max_demand - self.min_demand
        # What is asked for in between is for what comes later.
        due = self.asked
        for start in range(0, len(events), size or 1):
            batch = events if len(events) <= size else events[start : start + size]
            counted = min(len(batch), due)
            due -= counted
            self.asked -= counted
            yield batch

    def excess(self, count: int) -> int:
        """Return how many of *count* events were not asked for."""
        return max(count - self.asked, 0)

    def is_fatal(self, reason: Any) -> bool:
        """Tell whether who subscribed is to end if this ends, with *reason*."""
        if self.cancel == TRANSIENT:
            return not reasons.is_clean(reason)
        return self.cancel != TEMPORARY

    def missing(self) -> int:
        """Return how many events to ask for now, and count them as asked for.

        For a manual subscription that is none.
        """
        more = self.max_demand - self.asked
        if self.manual or self.asked > self.min_demand or more <= 0:
            return 0
        self.asked = self.max_demand
        return more
