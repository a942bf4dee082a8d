"""What a dispatcher is: it decides which consumer gets which events.

A dispatcher is a plain object of one stage, and does no I/O: it is told who subscribed,
left and asked, and is given events. What it sends goes through :class:`Out`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from etf import Atom

    from ..subscription import Subscription


class Out(Protocol):
    """What a dispatcher may have done."""

    def send(self, subscription: Subscription, events: list[Any]) -> None:
        """Send *events*, one or more, to one consumer.

        Nobody changes the list afterwards, so it may go to several.
        """

    def ask(self, subscription: Subscription, count: int) -> None:
        """Ask for *count* (1 or more) events as if that consumer did.

        It is a message of the stage to itself: :meth:`Dispatcher.ask` gets it later, if
        the consumer is still there then.
        """

    def cancel(self, subscription: Subscription, reason: Any) -> None:
        """End one subscription, by a message of the stage to itself as well."""

    def info(self, message: Any) -> None:
        """Give *message* to ``handle_info``: every event before it has been sent."""


class Dispatcher(ABC):
    """How a producer shares its events out; ``GenStage.Dispatcher``.

    It only says how many events it could send now, in :attr:`wanted`. What comes of
    that (what is taken from the buffer, and what the producer is asked for) is not its
    concern, unlike in GenStage, where the callbacks return demand to pass on.

    A class or an instance is the ``dispatcher`` of a producer; of an instance each
    stage gets a deep copy. Nothing here may wait. What a method raises ends the stage,
    except :exc:`ergopy.SubscriptionRefused` from :meth:`subscribe`.

    This one serves those first who asked first::

        class QueueDispatcher(ergopy.Dispatcher):
            def __init__(self):
                self.line = []                          # a subscription per event

            def subscribe(self, subscription, options):
                pass

            def cancel(self, subscription):
                self.line = [one for one in self.line if one != subscription]
                self.wanted = len(self.line)

            def ask(self, subscription, count, out):
                self.line += [subscription] * count
                self.wanted = len(self.line)

            def dispatch(self, events, out):
                for subscription, event in zip(self.line, events):
                    out.send(subscription, [event])
                sent = min(len(self.line), len(events))
                del self.line[:sent]
                self.wanted = len(self.line)
                return events[sent:]
    """

    wanted: int = 0
    """How many events :meth:`dispatch` would take now, so that it returns none of them.

    It is kept up to date by whatever changes it. Below 0 is as 0.
    """

    @abstractmethod
    def subscribe(self, subscription: Subscription, options: dict[Atom, Any]) -> None:
        """Take a new consumer, which has not asked for anything yet.

        Args:
            subscription: It can be hashed, and is not there yet.
            options: What the consumer gave, such as ``partition``; of a peer it may
                be any term.

        Raises:
            SubscriptionRefused: The consumer is cancelled with that reason.
        """

    @abstractmethod
    def cancel(self, subscription: Subscription) -> None:
        """Forget a consumer, which has left or ended."""

    @abstractmethod
    def ask(self, subscription: Subscription, count: int, out: Out) -> None:
        """Note that a consumer wants *count* (1 or more) events more."""

    @abstractmethod
    def dispatch(self, events: list[Any], out: Out) -> list[Any]:
        """Send what may be sent of *events*, which are 1 or more, in their order.

        Returns those at the end that nobody wants yet; they are buffered. *events* is
        not changed.
        """

    def info(self, message: Any, out: Out) -> None:
        """Call ``out.info(message)`` when all events dispatched before it are sent."""
        out.info(message)
