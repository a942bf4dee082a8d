"""What a stage can do that gives events: emit them, and know who takes them."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

from ...errors import LocalProtocolError
from .dispatch import DemandDispatcher, Dispatcher
from .dispatch.buffer import Buffer
from .outlet import Outlet
from .stage import Stage

if TYPE_CHECKING:
    from .subscription import Subscription

MAX_SUBSCRIBERS = 100_000
MAX_INFOS = 10_000


class Producing(Stage):
    """The part of a stage that has consumers."""

    dispatcher: type[Dispatcher] | Dispatcher = DemandDispatcher
    """Who gets which events: a class, or an instance, which is copied for each stage.
    ``init`` may set it."""

    buffer_size: float | str = 10_000
    """How many events are kept that nobody wants yet; ``math.inf``, or
    ``"infinity"``, is any number, and what a :class:`ProducerConsumer` has unless told.
    ``init`` may set it."""

    buffer_keep: str = "last"
    """Which events are kept when there are more: ``"last"`` or ``"first"``."""

    max_subscribers: int = MAX_SUBSCRIBERS
    """How many subscriptions it takes; others are cancelled with ``system_limit``.
    GenStage takes any number."""

    max_infos: int = MAX_INFOS
    """How many messages of :func:`ergopy.stage.async_info` and ``sync_info`` wait
    behind events; more are refused, with ``system_limit``. GenStage takes any number.
    """

    async def handle_subscribe(
        self, subscription: Subscription, options: dict[Any, Any]
    ) -> Any:
        """Take note of a consumer; *options* are those that it subscribed with.

        May return ``Stop(reason)``. To be rid of the consumer: :meth:`cancel`.
        """

    async def handle_cancel(self, subscription: Subscription, reason: Any) -> Any:
        """Take note of the end of a consumer's subscription; may return events.

        *reason* is ``("cancel", Reason)``, or ``("down", Reason)`` if the consumer or
        the connection to it is gone.
        """

    def format_discarded(self, count: int) -> bool:
        """Say whether to log that so many events found no room in the buffer."""
        return True

    async def emit(self, events: list[Any]) -> None:
        """Give events to the consumers, now; what nobody wants yet is buffered.

        For callbacks whose return value is none, such as ``handle_call``. It waits
        while too much is queued for the node of a consumer. A helper task that emits
        runs beside the callbacks; to be served in turn it casts to the stage instead.

        Raises:
            etf.EncodeError: One is no term, and its consumer on another node.
        """
        if not isinstance(events, list):
            raise TypeError(f"events are a list, not {type(events).__name__}")
        if events:
            await self._emitted(events)

    @property
    def subscribers(self) -> list[Subscription]:
        """The subscriptions of its consumers."""
        return [flow.to for flow in self._giving().consumers.values()]

    @property
    def buffered(self) -> int:
        """How many events are in the buffer."""
        return self._giving().flow.buffered

    @property
    def discarded(self) -> int:
        """How many events have found no room in the buffer, so far."""
        return self._giving().discarded

    async def _open(self) -> None:
        size, keep = self.buffer_size, self.buffer_keep
        size = math.inf if size == "infinity" else size
        if size != math.inf and (type(size) is not int or size < 0):
            raise ValueError(f"buffer_size= is a number of events, not {size!r}")
        if keep not in ("first", "last"):
            raise ValueError(f"buffer_keep= is first or last, not {keep!r}")
        dispatcher = self.dispatcher
        if isinstance(dispatcher, Dispatcher):
            dispatcher = copy.deepcopy(dispatcher)
        elif callable(dispatcher):
            dispatcher = dispatcher()
        else:
            raise TypeError(
                f"dispatcher= is a Dispatcher, its class or an instance, not "
                f"{dispatcher!r}"
            )
        self._outlet = Outlet(self, dispatcher, Buffer(size, keep))
        await super()._open()

    async def _emitted(self, events: list[Any]) -> None:
        await self._giving().emit(events)

    def _queue_info(self, message: Any) -> bool:
        outlet = self._giving()
        if outlet.post.infos >= self.max_infos:
            return False
        outlet.post.infos += 1
        self._pass_info(message)
        return True

    def _pass_info(self, message: Any) -> None:
        """Let an info follow the events that the outlet has."""
        self._giving().flow.info(message)

    async def _demanded(self, count: int) -> None:
        """Take demand that is new; 0 if the buffer has served it."""
        raise NotImplementedError

    def _giving(self) -> Outlet:
        if self._outlet is None:
            raise LocalProtocolError("a stage has no consumers before init is done")
        return self._outlet
