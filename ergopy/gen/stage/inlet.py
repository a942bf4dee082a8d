"""The half of a stage that consumes: what it is subscribed to, and its demand there.

A subscription is known by its tag, which is the reference of the monitor on the
producer. So one stage may subscribe to the same producer several times. What comes
under a tag that is not known is dropped, and cancelled at who sent it.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from etf import Atom, EncodeError, Pid, Reference

from ...errors import LocalProtocolError, MailboxFull, NoProcess
from ...process import reasons
from ...process.atoms import NOPROC
from ...process.messages import Down
from ..loop import Ending
from . import wire
from .batches import Inflow
from .options import AUTOMATIC, MANUAL, TEMPORARY, check_cancel
from .subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...process.runtime import Runtime
    from .consuming import Consuming
    from .options import Options
    from .passage import Passage

logger = logging.getLogger("ergopy.stage")


class Unreachable(Ending):
    """There is nobody to subscribe to; ends a stage that somebody else had do so."""

    def __init__(self) -> None:
        super().__init__(NOPROC)


class Inlet:
    """The subscriptions of one stage, by tag.

    Args:
        stage: Whose they are.
        passage: For a stage that produces as well: where events wait until somebody
            wants what becomes of them.
    """

    def __init__(self, stage: Consuming, passage: Passage | None = None) -> None:
        self.flows: dict[Reference, Inflow] = {}
        self._stage = stage
        self._passage = passage

    def find(self, tag: Any) -> Inflow | None:
        """Return the subscription of that tag. Its tags are references."""
        return self.flows.get(tag) if tag.__class__ is Reference else None

    async def subscribe(
        self, to: Any, options: Options, current: Any = None
    ) -> Subscription:
        """Subscribe to *to*, in the place of *current*, which is None or a pair.

        Raises:
            NoProcess: There is no such process, and the subscription is not temporary.
        """
        stage, process = self._stage, self._stage.process
        dest = _whom(process.runtime, to)
        if dest is None:
            if options.cancel != TEMPORARY:
                raise NoProcess(to)
            return Subscription(to, process.new_ref())
        tag = await process.monitor(dest)
        subscription = Subscription(dest, tag)
        flow = self.flows[tag] = Inflow(subscription, options)
        request = (wire.SUBSCRIBE, current, list(options.given))
        try:
            await self._request(flow, request)
        except EncodeError:
            # The producer has not heard of it.
            del self.flows[tag]
            process.demonitor(tag)
            raise
        mode = await stage.handle_subscribed(subscription, dict(options.given))
        if not isinstance(mode, str):
            # None, or what ends the stage.
            await stage._took(mode, "handle_subscribed")
            mode = AUTOMATIC
        await self.set_mode(flow, mode)
        return subscription

    async def subscribe_as_told(
        self, to: Any, options: Options, current: Any = None
    ) -> Subscription:
        """Subscribe; that there is nobody ends the stage, as in GenStage.

        Raises:
            Unreachable: See above.
        """
        try:
            return await self.subscribe(to, options, current)
        except NoProcess:
            logger.error(
                "consumer %s cannot subscribe to %s: there is no such process",
                self._stage.process.label,
                reasons.shown(to),
            )
            raise Unreachable from None

    async def set_mode(self, flow: Inflow, mode: str) -> None:
        """Have the stage ask by itself, or only when it is told to."""
        if mode not in (AUTOMATIC, MANUAL):
            raise ValueError(f"a subscription is automatic or manual, not {mode!r}")
        flow.manual = mode == MANUAL
        if not flow.manual:
            await self._ask(flow, flow.missing())

    def set_cancel(self, flow: Inflow, mode: str) -> None:
        """Change what the end of a subscription means for the stage."""
        flow.cancel = check_cancel(mode)

    async def ask(self, flow: Inflow, count: int) -> None:
        """Ask for so many events more."""
        if type(count) is not int or count < 0:
            raise ValueError(f"one asks for a number of events, not {count!r}")
        if flow.manual is False:
            raise LocalProtocolError(f"{flow.to} is automatic: it asks by itself")
        flow.asked += count
        await self._ask(flow, count)

    async def cancel(self, flow: Inflow, reason: Any) -> None:
        """Ask the producer to end a subscription; it ends when that answers."""
        await self._request(flow, (wire.CANCEL, reason))

    async def _ask(self, flow: Inflow, count: int) -> None:
        if count:
            await self._request(flow, (wire.ASK, count))
        if count >= wire.MANY:
            # Other nodes make these while the next batch is handled.
            self._stage.process.runtime.flush()

    async def _request(self, flow: Inflow, request: Any) -> None:
        process = self._stage.process
        peer, tag = flow.to
        message = (wire.GEN_PRODUCER, (process.pid, tag), request)
        try:
            await wire.tell_and_wait(process, peer, message)
        except MailboxFull:
            # It takes no more: for this stage it has ended.
            process.deliver(Down(tag, peer, wire.MAILBOX_FULL))

    async def took(self, peer: Pid, tag: Any, body: Any) -> bool:
        """Take what a producer says; return whether it said something."""
        flow = self.find(tag)
        if isinstance(body, list):
            if flow is None:
                self._refuse(peer, tag)
            elif self._passage is not None:
                await self._passage.put(body, flow)
            else:
                await self.deliver(body, flow)
            return True
        match body:
            case (Atom(wire.CANCEL), reason):
                if flow is not None:
                    await self.canceled(tag, wire.CANCEL, reason)
                return True
        return False

    def _refuse(self, peer: Pid, tag: Any) -> None:
        process = self._stage.process
        # Some stages put the consumer where the producer belongs.
        if peer != process.pid:
            request = (wire.CANCEL, wire.UNKNOWN_SUBSCRIPTION)
            message = (wire.GEN_PRODUCER, (process.pid, tag), request)
            with suppress(MailboxFull):
                wire.tell(process, peer, message)

    async def deliver(self, events: list[Any], flow: Inflow) -> None:
        """Have events handled, batch by batch, and ask for more."""
        stage, to = self._stage, flow.to
        for batch in self.batches(events, flow):
            result = await stage.handle_events(batch, to)
            if result is not None:
                await stage._took(result, "handle_events")
            if to.tag in self.flows:
                await self._ask(flow, flow.missing())

    def batches(self, events: list[Any], flow: Inflow) -> Iterator[list[Any]]:
        """Part what came, as :meth:`Inflow.batches`; too much of it is logged."""
        if not flow.manual and flow.excess(len(events)):
            logger.error(
                "%s has got %d events more than it asked for, from %s",
                self._stage.process.label,
                flow.excess(len(events)),
                flow.to,
            )
        return flow.batches(events)

    async def canceled(self, tag: Reference, kind: Atom, reason: Any) -> None:
        """Take the end of a subscription."""
        flow = self.flows.pop(tag)
        self._stage.process.demonitor(tag)
        if self._passage is None:
            await self.ended(flow, kind, reason)
        else:
            await self._passage.put_end(flow, kind, reason)

    async def ended(self, flow: Inflow, kind: Atom, reason: Any) -> None:
        """Let the stage know, and end with it if that is how it subscribed."""
        stage = self._stage
        result = await stage.handle_canceled(flow.to, (kind, reason))
        await stage._took(result, "handle_canceled")
        if not flow.is_fatal(reason) or reason is wire.ALREADY_SUBSCRIBED:
            return
        level = logging.INFO if reasons.is_clean(reason) else logging.WARNING
        logger.log(
            level,
            "consumer %s ends with its subscription to %s: %s",
            stage.process.label,
            flow.to.peer,
            reasons.shown(reason),
        )
        raise Ending(reason)


def _whom(runtime: Runtime, to: Any) -> Any:
    """Return the pid of *to*, or a name of another node; None if nobody is there."""
    if to.__class__ is Pid:
        return to
    remote, target, _ = runtime.locate(to)
    if remote is not None:
        return target if target.__class__ is Pid else to
    found = runtime.find(target)
    return None if found is None else found.pid
