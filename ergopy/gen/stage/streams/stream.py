"""``GenStage.stream``: the events of producers for a loop, in plain Trio code.

The loop is the consumer: it asks for more when it comes back for the next batch, so a
slow one makes the producers wait. Behind it is a small process, which the producers
know; see ``streaming``.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, final

import trio

from ....process.mailbox import Mailbox
from ...caller import acting
from ..options import MAX_DEMAND, TRANSIENT, read
from ..requests import FORWARD, check_demand_mode
from .streaming import WAKE_UP, StreamConsumer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from etf import Pid

    from ....process.process import Process
    from ..batches import Inflow
    from ..options import Options
    from ..subscription import Subscription


def subscribe(
    to: Any,
    *,
    caller: Any = None,
    max_demand: float = MAX_DEMAND,
    min_demand: int | None = None,
    cancel: str = TRANSIENT,
    demand: str | None = FORWARD,
    producers: Iterable[Any] | None = None,
    **options: Any,
) -> StageStream:
    """Return the events of one or more producers as a stream; ``GenStage.stream/2``.

    ::

        async with stage.subscribe("counter", caller=node) as events:
            async for batch in events:
                for event in batch:
                    print(event)

    A batch is a list of at most ``max_demand - min_demand`` events, at least one. It
    counts as handled, and more is asked for, when the loop wants the next one: at most
    *max_demand* events of a producer are on the way, waiting, or in the loop.

    The loop ends when all producers are done and all that came before is handled. It
    raises :exc:`ergopy.SubscriptionCanceled` in the place where a producer broke off.

    Leaving the block cancels the subscriptions, drops what is under way, and waits
    until the process behind the stream has ended, not for the producers. Without the
    block a ``break`` does so too, when the iterator is dropped. Cancelling the wait for
    a batch loses none. Nothing of it is ever found in the mailbox of the caller.

    Args:
        to: The producer: a pid, a name, ``(name, node)`` or a :class:`ergopy.Via`; or
            a list of these, or of pairs of one and a dict with options of its own.
        caller: Who reads: a process, a behaviour, or a node for a program. The stream
            ends with it. By default it is the process that runs the code.
        max_demand: Events that may be on the way, or not handled yet, per producer.
        min_demand: More is asked for when no more than these are to come; by default
            half of *max_demand*.
        cancel: Which end of a producer, or of its subscription, the loop raises:
            ``transient``: any but ``normal``, ``shutdown`` and ``{shutdown, _}``;
            ``permanent``: any; ``temporary``: none. In GenStage ``permanent`` is the
            default: there the end of a finished producer ends the reader.
        demand: What the producers are told when all are subscribed to, for those that
            were started with ``demand="accumulate"``; None tells them nothing.
        producers: The stages to be told that instead: the first ones of a pipeline.
        options: For the dispatchers of the producers, such as ``partition``.

    Raises:
        ValueError: An option makes no sense; nothing was sent.
        LocalProtocolError: *to* is no destination, or *caller* is needed.
        NoProcess: Raised by the block or the loop: there is no such process on this
            node, and *cancel* is not ``temporary``.
    """
    owner = acting(caller)
    common = {
        "max_demand": max_demand,
        "min_demand": min_demand,
        "cancel": cancel,
        **options,
    }
    targets = to if isinstance(to, list) else [to]
    wanted = [_wanted(owner, target, common) for target in targets]
    mode = None if demand is None else check_demand_mode(demand)
    told = None if producers is None else list(producers)
    inbox = Mailbox(owner.timers)
    return StageStream(inbox, StreamConsumer(owner, inbox, wanted, mode, told))


def _wanted(
    owner: Process, target: Any, options: dict[str, Any]
) -> tuple[Any, Options]:
    match target:
        case (to, dict() as own):
            target, options = to, {**options, **own}
    # It is looked for when the stream begins; this checks that it can be.
    owner.runtime.locate(target)
    return target, read(options)


@final
class StageStream:
    """The events of producers, batch by batch; made by ``stage.subscribe``.

    ``async with`` subscribes on entry, ``async for`` alone with the first step.
    """

    def __init__(self, inbox: Mailbox, consumer: StreamConsumer) -> None:
        self._inbox = inbox
        self._consumer = consumer
        self._inflow: Inflow | None = None
        """What the batch in hand came by."""
        self._batches: Iterator[list[Any]] = iter(())
        self._token: trio.lowlevel.TrioToken | None = None
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __aenter__(self) -> Self:
        try:
            self._begin()
            while not self._consumer.is_open:
                await self._receive()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def __anext__(self) -> list[Any]:
        if self._closed:
            raise StopAsyncIteration
        self._begin()
        try:
            return await self._next()
        except trio.Cancelled:
            raise
        except BaseException:
            if self._closed:
                # By another task.
                raise StopAsyncIteration from None
            await self.aclose()
            raise

    @property
    def pid(self) -> Pid:
        """The process that the producers know, once the stream has begun.

        ``stage.sync_subscribe`` of it adds a producer to the stream.
        """
        return self._consumer.pid

    @property
    def subscription(self) -> Subscription | None:
        """Which producer the batch in hand is from, and under which tag."""
        return None if self._inflow is None else self._inflow.to

    async def aclose(self) -> None:
        """Cancel the subscriptions, drop what came, and wait for the process to end.

        Cancelling it stops the waiting only.
        """
        self._closed = True
        if self._token is None:
            return
        self._consumer.close()
        await self._consumer.end.event.wait()

    def _begin(self) -> None:
        """Start the process behind the stream, which subscribes."""
        if self._token is None:
            self._consumer.begin()
            self._token = trio.lowlevel.current_trio_token()

    async def _next(self) -> list[Any]:
        await self._ask_again()
        while True:
            for batch in self._batches:
                return batch
            if self._consumer.is_over and not self._inbox.messages():
                raise StopAsyncIteration
            await self._receive()

    async def _ask_again(self) -> None:
        """Ask for what may come now that the batch in hand is handled."""
        inflow = self._inflow
        if inflow is not None and (more := inflow.missing()):
            await self._consumer.ask(inflow.to, more)

    async def _receive(self) -> None:
        """Take the next message in; what ends the stream is raised."""
        message = await self._inbox.receive()
        if isinstance(message, Exception):
            raise message
        if message is not WAKE_UP:
            self._inflow, events = message
            self._batches = self._consumer.batches(self._inflow, events)

    def __del__(self) -> None:
        if self._token is not None and not self._closed:
            # Whatever thread collects garbage: processes are ended in Trio's.
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._consumer.close)
