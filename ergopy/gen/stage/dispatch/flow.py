"""What a producer sends when, and how much it is to make: a dispatcher and a buffer.

The dispatcher says how many events it could take now. What the buffer has goes first;
for the rest the producer is asked, less what it was asked for before and has not made.
So nothing is asked for twice, whoever left meanwhile, nobody waits while an event is
there, and events go out in the order they were made.

GenStage counts in its dispatchers; this gives the numbers of its 1.3.2, except where a
consumer would wait there for ever: for events that are in the buffer, made for others
who left, or for such that replace what a ``hash`` has dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from etf import Atom

    from ..subscription import Subscription
    from .base import Dispatcher, Out
    from .buffer import Buffer


@final
class Flow:
    """The events of one stage on their way to its consumers. Nothing here waits."""

    __slots__ = ("_buffer", "_out", "dispatcher", "owed")

    def __init__(self, dispatcher: Dispatcher, buffer: Buffer, out: Out) -> None:
        self.dispatcher = dispatcher
        self._buffer = buffer
        self._out = out
        self.owed = 0
        """Events that the producer was asked for, and has not made."""

    @property
    def buffered(self) -> int:
        """How many events are in the buffer."""
        return len(self._buffer)

    def subscribe(self, subscription: Subscription, options: dict[Atom, Any]) -> None:
        """Take a new consumer.

        Raises:
            SubscriptionRefused: The dispatcher does not.
        """
        self.dispatcher.subscribe(subscription, options)

    def cancel(self, subscription: Subscription) -> None:
        """Forget a consumer.

        Call :meth:`demand` then: others may have waited for it.
        """
        self.dispatcher.cancel(subscription)

    def ask(self, subscription: Subscription, count: int) -> None:
        """Note that a consumer wants *count* (1 or more) events more.

        Call :meth:`demand` then.
        """
        self.dispatcher.ask(subscription, count, self._out)

    def demand(self) -> int:
        """Send from the buffer; return how many events more the producer is to make.

        From now on these count as asked for.
        """
        self._drain()
        more = self.dispatcher.wanted - self.owed
        if more <= 0:
            return 0
        self.owed += more
        return more

    def dispatch(self, events: list[Any]) -> int:
        """Send *events*, 1 or more that the stage has made, behind those that wait.

        Returns how many events the buffer had no room for.
        """
        self.owed = max(self.owed - len(events), 0)
        if self._buffer:
            self._drain()
        if self._buffer:
            return self._store(events)
        left = self.dispatcher.dispatch(events, self._out)
        return self._store(left) if left else 0

    def info(self, message: Any) -> None:
        """Have *message* follow the events that are here."""
        if not self._buffer.store_info(message):
            self.dispatcher.info(message, self._out)

    def _store(self, events: list[Any]) -> int:
        discarded, infos = self._buffer.store(events)
        self._tell(infos)
        return discarded

    def _drain(self) -> None:
        """Send what is in the buffer, as far as it is wanted."""
        buffer, dispatcher = self._buffer, self.dispatcher
        while buffer and dispatcher.wanted > 0:
            events, infos = buffer.take(dispatcher.wanted)
            left = dispatcher.dispatch(events, self._out)
            if left:
                buffer.put_back(left, infos)
                return
            self._tell(infos)

    def _tell(self, infos: list[Any]) -> None:
        for message in infos:
            self.dispatcher.info(message, self._out)
