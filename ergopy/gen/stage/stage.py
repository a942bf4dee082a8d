"""What all stages share: whose messages are whose, and what callbacks may return.

A stage is a GenServer that also takes the messages of GenStage (protocol 6.15). They
go to its two halves: a producer has an :class:`Outlet`, a consumer an :class:`Inlet`,
a producer-consumer both.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from etf import Atom

from ...errors.text import shown
from ...process import reasons
from ...process.atoms import OK
from ...process.messages import Down
from ..loop import Ending
from ..returns import Ignore, NoReply, Reply, Stop
from ..server import GenServer
from . import requests, wire
from .inlet import Unreachable

if TYPE_CHECKING:
    from ..server import From, Handler
    from .inlet import Inlet
    from .outlet import Outlet
    from .passage import Passage
    from .subscription import Subscription

logger = logging.getLogger("ergopy.stage")


class Stage(GenServer):
    """The base of :class:`Producer`, :class:`Consumer` and :class:`ProducerConsumer`.

    The callbacks of a GenServer work in a stage, too. ``handle_cast``, ``handle_info``
    and ``handle_continue``, which return nothing in a server, may return events here.
    """

    _callbacks = GenServer._callbacks | {
        "handle_demand",
        "handle_events",
        "handle_subscribe",
        "handle_subscribed",
        "handle_cancel",
        "handle_canceled",
    }

    _role = Atom("stage")
    _inlet: Inlet | None = None
    _outlet: Outlet | None = None
    _passage: Passage | None = None
    _steer: NoReply | None = None
    _dropped = False
    _infos_refused = False

    async def cancel(self, subscription: Subscription, reason: Any = "normal") -> bool:
        """End a subscription, as its producer or its consumer; ``GenStage.cancel/2``.

        A consumer asks the producer for it, and goes on until that has answered. What
        becomes of the consumer then its ``cancel=`` says, and *reason*: any term, a
        plain ``str`` is taken for an atom.

        Returns whether there was such a subscription.
        """
        reason = reasons.as_reason(reason)
        tag = subscription.tag
        inlet, outlet = self._inlet, self._outlet
        if inlet is not None and (flow := inlet.find(tag)) is not None:
            await inlet.cancel(flow, reason)
            return True
        return outlet is not None and await outlet.canceled(tag, wire.CANCEL, reason)

    def _handlers(self) -> tuple[Handler, Handler, Handler]:
        return self._take_call, self._take_cast, self._take_info

    async def _start(self, args: tuple[Any, ...]) -> Any:
        started = await super()._start(args)
        if isinstance(started, Ignore | Stop):
            return started
        try:
            await self._open()
        except Ending as ending:
            return Stop(ending.reason)
        return started

    async def _open(self) -> None:
        """Make the halves; ``init`` has set the options."""

    async def _take_call(self, request: Any, from_: From) -> Any:
        if not requests.is_request(request):
            return await self.handle_call(request, from_)
        try:
            answer = await requests.answer(self, request)
        except Unreachable as ending:
            ending.answer = (from_, (OK, self.new_ref()))
            raise
        steer = self._steered()
        if steer is None:
            return answer
        return Reply(answer, timeout=steer.timeout, then=steer.then)

    async def _take_cast(self, request: Any) -> Any:
        if requests.is_request(request):
            await requests.answer(self, request)
            return self._steered()
        return await self._done(await self.handle_cast(request), "handle_cast")

    async def _take_info(self, message: Any) -> Any:
        kind = message[0] if message.__class__ is tuple and message else None
        if kind is wire.GEN_CONSUMER or kind is wire.GEN_PRODUCER:
            said = wire.read(message)
            if said is not None and await self._hear(kind, *said):
                return self._steered()
        elif message.__class__ is Down and await self._lost(message):
            return self._steered()
        elif message.__class__ is Stop:
            raise Ending(message.reason)
        return await self._done(await self.handle_info(message), "handle_info")

    async def _hear(self, kind: Atom, peer: Any, tag: Any, body: Any) -> bool:
        half: Inlet | Outlet | None
        half = self._inlet if kind is wire.GEN_CONSUMER else self._outlet
        if half is not None:
            return await half.took(peer, tag, body)
        logger.error(
            "%s %s got a %s message, which is not for it, from %s",
            self._role,
            self.process.label,
            kind,
            peer,
        )
        return True

    async def _lost(self, down: Down) -> bool:
        ref = down.ref
        if self._inlet is not None and ref in self._inlet.flows:
            await self._inlet.canceled(ref, wire.DOWN, down.reason)
            return True
        if self._outlet is not None and ref in self._outlet.monitors:
            tag = self._outlet.monitors[ref]
            await self._outlet.canceled(tag, wire.DOWN, down.reason)
            return True
        return False

    async def _go_on(self, value: Any) -> Any:
        result = await self.handle_continue(value)
        return await self._done(result, "handle_continue")

    async def _done(self, result: Any, callback: str) -> Any:
        if result is not None:
            await self._took(result, callback)
        return self._steered()

    def _steered(self) -> NoReply | None:
        """Return what callbacks have said of the time until the next message."""
        steer, self._steer = self._steer, None
        return steer

    async def _took(self, result: Any, callback: str) -> None:
        """Do what a callback returned: emit events, or let it steer the stage."""
        if result is None:
            return
        if isinstance(result, list):
            if result:
                await self._emitted(result)
        elif isinstance(result, Stop):
            if self.process.in_helper():
                # It is the body that ends the stage; this task is only beside it.
                self.process.deliver(result)
            else:
                raise Ending(result.reason)
        elif isinstance(result, NoReply):
            self._steer = result
        else:
            raise TypeError(
                f"{type(self).__name__}.{callback} returned {shown(result)}: a list of "
                "events is expected, None, or what steers a server, such as Stop"
            )

    async def _emitted(self, events: list[Any]) -> None:
        """Take events that a callback returned."""
        if not self._dropped:
            self._dropped = True
            logger.error(
                "%s %s returned %d events: it gives none, so these are dropped, and "
                "all that it may return later",
                self._role,
                self.process.label,
                len(events),
            )

    def _queue_info(self, message: Any) -> bool:
        """Let *message* come to ``handle_info`` behind the events of now.

        Returns False, and does nothing, if too many wait for that.
        """
        self.process.deliver(message)
        return True

    @property
    def _demand_mode(self) -> Atom:
        return requests.FORWARD

    async def _set_demand_mode(self, mode: Atom) -> None:
        if self._outlet is None or mode != requests.FORWARD:
            logger.error(
                "only a producer has a demand mode: %s is a %s",
                self.process.label,
                self._role,
            )

    def _status_parts(self, state: Atom, parent: Any, events: list[Any]) -> list[Any]:
        parts = super()._status_parts(state, parent, events)
        return [*parts, requests.status(self)]
