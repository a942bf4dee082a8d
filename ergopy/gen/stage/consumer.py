"""The stage that only takes events."""

from __future__ import annotations

from etf import Atom

from .consuming import Consuming


class Consumer(Consuming):
    """A stage that handles events, and asks for more as it does; a ``consumer``.

    ::

        class Printer(ergopy.Consumer):
            subscribe_to = [("counter", {"max_demand": 10})]

            async def handle_events(self, events, subscription):
                for event in events:
                    print(event)

    While it handles a batch at most ``max_demand`` events are on the way to it: this is
    what holds back a producer that is faster. See the page on stages.
    """

    _role = Atom("consumer")
