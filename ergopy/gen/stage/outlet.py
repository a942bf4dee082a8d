"""The half of a stage that produces: who is subscribed to it, and what they get.

Consumers are known by the tag of their subscription, so that a process may have
several. The dispatcher says who gets an event; what nobody wants yet is in the buffer.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, final

from etf import Atom

from ...errors import MailboxFull, SubscriptionRefused
from ...errors.text import shown
from . import wire
from .dispatch.flow import Flow
from .options import INFINITY, keywords
from .post import Post
from .subscription import Subscription, key_of

if TYPE_CHECKING:
    from etf import Pid, Reference

    from .dispatch import Dispatcher
    from .dispatch.buffer import Buffer
    from .producing import Producing

logger = logging.getLogger("ergopy.stage")


@final
class Outflow:
    """One consumer of a producer."""

    __slots__ = ("accepted", "to", "watch")

    def __init__(self, to: Subscription, watch: Reference) -> None:
        self.to = to
        self.watch = watch
        self.accepted = False
        """Whether the dispatcher knows it."""


class Outlet:
    """The consumers of one stage, and what they are sent: its flow of events."""

    def __init__(
        self, stage: Producing, dispatcher: Dispatcher, buffer: Buffer
    ) -> None:
        self.consumers: dict[Any, Outflow] = {}
        self.monitors: dict[Reference, Any] = {}
        self.post = Post(stage.process)
        self.flow = Flow(dispatcher, buffer, self.post)
        self.discarded = 0
        """Events that the buffer had no room for."""
        self._stage = stage

    async def took(self, peer: Pid, tag: Any, body: Any) -> bool:
        """Take what a consumer says; return whether it said something."""
        if body.__class__ is tuple and len(body) == 2 and body[0] is wire.ASK:
            # Nearly all of them; a pattern takes longer.
            count = INFINITY if body[1] is wire.INFINITY else body[1]
            if type(count) is int:
                await self._asked(peer, tag, count)
            return type(count) is int
        match body:
            case (Atom(wire.CANCEL), reason):
                await self.canceled(tag, wire.CANCEL, reason)
            case (Atom(wire.SUBSCRIBE), current, options):
                await self._subscribed(Subscription(peer, tag), current, options)
            case _:
                return False
        return True

    async def _asked(self, peer: Pid, tag: Any, count: int) -> None:
        consumer = self.consumers.get(key_of(tag))
        if consumer is None:
            self._say_end(Subscription(peer, tag), wire.UNKNOWN_SUBSCRIPTION)
            return
        if count > 0:
            self.flow.ask(consumer.to, min(count, INFINITY))
            await self._pass_on()

    async def _subscribed(self, to: Subscription, current: Any, given: Any) -> None:
        stage, key = self._stage, key_of(to.tag)
        options = keywords(given)
        if key in self.consumers:
            logger.error(
                "producer %s: %s is there already", stage.process.label, shown(to)
            )
            self._say_end(to, wire.DUPLICATED_SUBSCRIPTION)
        elif options is None:
            self._say_end(to, (wire.BAD_OPTS, b"the options are a keyword list"))
        else:
            await self._replace(current)
            if len(self.consumers) >= stage.max_subscribers:
                self._say_end(to, wire.SYSTEM_LIMIT)
            else:
                await self._add(key, to, options)

    async def _add(self, key: Any, to: Subscription, options: dict[Atom, Any]) -> None:
        stage = self._stage
        watch = stage.process.monitor_nowait(to.peer)
        consumer = self.consumers[key] = Outflow(to, watch)
        self.monitors[watch] = to.tag
        result = await stage.handle_subscribe(to, options)
        await stage._took(result, "handle_subscribe")
        if self.consumers.get(key) is consumer:
            await self._accept(consumer, options)

    async def _accept(self, consumer: Outflow, options: dict[Atom, Any]) -> None:
        """Let the dispatcher have a consumer that the stage knows."""
        try:
            self.flow.subscribe(consumer.to, options)
        except SubscriptionRefused as error:
            await self.canceled(consumer.to.tag, wire.CANCEL, error.reason)
        else:
            consumer.accepted = True
            await self._pass_on()

    async def _replace(self, current: Any) -> None:
        match current:
            case (tag, reason) if wire.is_tag(tag):
                await self.canceled(tag, wire.CANCEL, reason)

    async def canceled(self, tag: Any, kind: Atom, reason: Any) -> bool:
        """End a subscription; return whether there was such a one."""
        key = key_of(tag)
        consumer = self.consumers.get(key)
        if consumer is None:
            return False
        stage, to = self._stage, consumer.to
        if kind is wire.CANCEL:
            # First of all, as a reason may be no term. Who is down is told nothing: to
            # a node that is gone it would connect again.
            self._say_end(to, reason)
        del self.consumers[key], self.monitors[consumer.watch]
        stage.process.demonitor(consumer.watch)
        # What the callback emits is for others, so the dispatcher hears of it first.
        if consumer.accepted:
            self.flow.cancel(to)
        result = await stage.handle_cancel(to, (kind, reason))
        await stage._took(result, "handle_cancel")
        await self._pass_on()
        return True

    def _say_end(self, consumer: Subscription, reason: Any) -> None:
        process = self._stage.process
        message = (process.pid, consumer.tag), (wire.CANCEL, reason)
        with suppress(MailboxFull):
            wire.tell(process, consumer.peer, (wire.GEN_CONSUMER, *message))

    async def emit(self, events: list[Any]) -> None:
        """Give events to the dispatcher, and keep what nobody wants yet."""
        stage = self._stage
        discarded = self.flow.dispatch(events)
        if len(events) >= wire.MANY:
            # Other nodes handle these while the next ones are made.
            stage.process.runtime.flush()
        if discarded:
            self.discarded += discarded
            if stage.format_discarded(discarded):
                logger.warning(
                    "producer %s has discarded %d events from its buffer",
                    stage.process.label,
                    discarded,
                )
        if self.post.stuck:
            await self._settle()

    async def _pass_on(self) -> None:
        """Serve new demand from the buffer, and let the stage know of the rest."""
        wanted = self.flow.demand()
        if self.post.stuck:
            await self._settle()
        await self._stage._demanded(wanted)

    async def _settle(self) -> None:
        """Wait for full connections, and part with who takes no more."""
        for consumer in await self.post.ready():
            await self.canceled(consumer.tag, wire.DOWN, wire.MAILBOX_FULL)
