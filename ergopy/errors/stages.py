"""Errors of stages."""

from __future__ import annotations

from typing import Any

from .base import ErgopyError
from .text import shown


class SubscriptionRefused(ErgopyError):
    """A dispatcher does not take a subscription: its consumer is cancelled.

    ``reason`` is the term that the consumer gets as the reason of that. The producer
    and its other consumers go on.
    """

    def __init__(self, reason: Any) -> None:
        super().__init__(f"the subscription is refused: {shown(reason)}")
        self.reason = reason


class SubscriptionCanceled(ErgopyError):
    """A stream of events is over before its end: a subscription of it was cancelled.

    ``subscription`` says which, and ``reason`` is the term that its producer gave, or
    ended with. It is None if nobody has cancelled: the process behind the stream ended.
    """

    def __init__(self, subscription: Any, reason: Any) -> None:
        what = "the stream" if subscription is None else shown(subscription.peer)
        super().__init__(f"no more events come from {what}: {shown(reason)}")
        self.subscription = subscription
        self.reason = reason


class StageError(ErgopyError):
    """A stage did not do what it was asked for.

    ``dest`` is the stage and ``reason`` the term that it gave: ``not_a_consumer``,
    ``{bad_opts, Text}``, or ``system_limit``.
    """

    def __init__(self, dest: Any, reason: Any) -> None:
        super().__init__(f"{shown(dest)} said {shown(reason)}")
        self.dest = dest
        self.reason = reason
