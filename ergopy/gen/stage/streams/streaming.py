"""The process behind a stream: a consumer that leaves its events to a loop elsewhere.

What comes goes into the inbox of the stream, in order: events with the subscription
that they came by, and what ends the stream. It never waits for the loop, so it
answers whatever else a stage is asked; the loop asks in its name.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, final

import trio

from etf import Atom

from ....errors import MailboxFull, SubscriptionCanceled
from ....process.atoms import NORMAL
from ...returns import NoReply
from .. import verbs, wire
from ..batches import Inflow
from ..consumer import Consumer
from ..options import MANUAL, TEMPORARY, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ....process.mailbox import Mailbox
    from ....process.process import Process
    from ..options import Options
    from ..subscription import Subscription


SUBSCRIBE = Atom("subscribe")

WAKE_UP = None
"""The message that only has the loop look again whether the stream is over."""


@final
class End:
    """Hears of the end of the process: nothing comes after that."""

    def __init__(self, inbox: Mailbox) -> None:
        self.event = trio.Event()
        self._inbox = inbox

    def fire(self, reason: Any) -> None:
        self.event.set()
        self._inbox.deliver(SubscriptionCanceled(None, reason))


@final
class StreamConsumer(Consumer):
    """Subscribes, and hands over.

    Args:
        owner: Who reads; it ends with that.
        inbox: Where pairs of a subscription and its events go, and any exception that
            the loop is to raise.
        wanted: The producers, each with its options.
        mode: What the producers are told when all are subscribed to; None is nothing.
        producers: Who else is told that, in their place.
    """

    def __init__(
        self,
        owner: Process,
        inbox: Mailbox,
        wanted: list[tuple[Any, Options]],
        mode: str | None,
        producers: list[Any] | None,
    ) -> None:
        self.end = End(inbox)
        self._owner = owner
        self._inbox = inbox
        self._wanted = wanted
        self._mode = mode
        self._producers = producers
        self._inflows: dict[Any, Inflow] = {}
        self.is_open = False
        """Whether it has subscribed to all."""

    def begin(self) -> None:
        """Start the process."""
        owner, runtime = self._owner, self._owner.runtime
        self.process = process = runtime.create(
            self.enter, parent=owner, label=f"stream of {owner.label}"
        )
        process.watchers[self.end] = self.end
        if owner is not runtime.root:
            owner.watchers[self] = self
        runtime.begin(process, self.enter, ((),))

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.is_open and not self._inflows

    async def init(self) -> NoReply:
        return NoReply(then=SUBSCRIBE)

    async def handle_continue(self, value: Any) -> None:
        try:
            for to, options in self._wanted:
                await self._taking().subscribe(to, options)
            told = self._producers
            if told is None:
                told = [inflow.to.peer for inflow in self._inflows.values()]
            await self._tell(told)
        except Exception as error:
            self._inbox.deliver(error)
            return
        self.is_open = True
        self._inbox.deliver(WAKE_UP)

    async def _tell(self, producers: Iterable[Any]) -> None:
        if self._mode is not None:
            for producer in producers:
                await verbs.demand(producer, self._mode, caller=self)

    async def handle_subscribed(
        self, subscription: Subscription, options: dict[Any, Any]
    ) -> str:
        inflow = self._inflows[subscription.tag] = Inflow(subscription, read(options))
        inflow.manual = False
        # What an end means is said by the loop, when it has come so far.
        self.set_cancel(subscription, TEMPORARY)
        await self.ask(subscription, inflow.missing())
        if self.is_open:
            # Somebody has told the stream to subscribe to one more.
            await self._tell([subscription.peer])
        return MANUAL

    async def handle_events(
        self, events: list[Any], subscription: Subscription
    ) -> None:
        self._inbox.deliver((self._inflows[subscription.tag], events))

    def batches(self, inflow: Inflow, events: list[Any]) -> Iterator[list[Any]]:
        """Part events for the loop; each batch is for when that wants the next one."""
        return self._taking().batches(events, inflow)

    async def handle_canceled(self, subscription: Subscription, reason: Any) -> None:
        inflow = self._inflows.pop(subscription.tag)
        _, why = reason
        if inflow.is_fatal(why):
            self._inbox.deliver(SubscriptionCanceled(subscription, why))
        else:
            self._inbox.deliver(WAKE_UP)

    def close(self) -> None:
        """Cancel what it is subscribed to, and end. Never waits."""
        process = self.process
        self._owner.watchers.pop(self, None)
        if not process.alive:
            return
        for peer, tag in self.subscriptions if self._inlet is not None else ():
            request = (wire.CANCEL, NORMAL)
            with suppress(MailboxFull):
                wire.tell(
                    process, peer, (wire.GEN_PRODUCER, (process.pid, tag), request)
                )
        process.end(NORMAL)

    def fire(self, reason: Any) -> None:
        """Take the end of the owner: nobody wants the events any more."""
        self.close()
