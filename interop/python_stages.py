"""Python stages for those of a BEAM, mirrors of ``stages/``.

Each is given a `Log` by the test, and does what the test gives it to do: a ``Do``
message has a function, which is called with the stage.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import trio

from ergopy import Consumer, Producer, ProducerConsumer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ergopy import Node, Pid


class Log:
    """What happened to a stage."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.batches: list[int] = []
        self.demands: list[int] = []
        self.opened: list[tuple[Any, dict[Any, Any]]] = []
        self.ended: list[Any] = []
        self.left: list[int] = []
        """The last event that a producer had made, each time that a consumer left."""
        self.infos: list[Any] = []

    @property
    def subscription(self) -> Any:
        """The latest subscription."""
        return self.opened[-1][0]


class Do(NamedTuple):
    """Something for a stage to do; it puts the result into ``done``."""

    function: Callable[[Any], Awaitable[Any]]
    done: trio.Event
    results: list[Any]


class Told:
    """What all of these stages do."""

    log: Log

    async def handle_info(self, message: Any) -> Any:
        if not isinstance(message, Do):
            self.log.infos.append(message)
            return
        message.results.append(await message.function(self))
        message.done.set()

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return request

    async def handle_cast(self, request: Any) -> Any:
        self.log.infos.append(request)


async def do(node: Node, pid: Pid, function: Callable[[Any], Awaitable[Any]]) -> Any:
    """The value of ``function(stage)``, called by the stage itself."""
    message = Do(function, trio.Event(), [])
    await node.send(pid, message)
    with trio.fail_after(10):
        await message.done.wait()
    return message.results[0]


class Counter(Told, Producer):
    """Answers each demand with the integers that come next, up to *last*."""

    async def init(
        self, log: Log, last: float = math.inf, options: dict[str, Any] | None = None
    ) -> None:
        self.log, self.next, self.last = log, 1, last
        for name, value in (options or {}).items():
            setattr(self, name, value)

    async def handle_demand(self, demand: int) -> list[int]:
        self.log.demands.append(demand)
        first = self.next
        self.next = int(min(first + demand, self.last + 1))
        return list(range(first, self.next))

    async def handle_subscribe(self, subscription: Any, options: Any) -> None:
        self.log.opened.append((subscription, options))

    async def handle_cancel(self, subscription: Any, reason: Any) -> None:
        self.log.ended.append(reason)
        self.log.left.append(self.next - 1)


class Source(Counter):
    """Has no events but those that the test has it emit."""

    async def handle_demand(self, demand: int) -> None:
        self.log.demands.append(demand)


class Sink(Told, Consumer):
    """Keeps what it gets."""

    async def init(self, log: Log, to: Any = (), mode: str = "automatic") -> None:
        self.log, self.subscribe_to, self.mode = log, to, mode

    async def handle_subscribed(self, subscription: Any, options: Any) -> str:
        self.log.opened.append((subscription, options))
        return self.mode

    async def handle_events(self, events: list[Any], subscription: Any) -> Any:
        self.log.events += events
        self.log.batches.append(len(events))

    async def handle_canceled(self, subscription: Any, reason: Any) -> None:
        self.log.ended.append(reason)


class Adder(Told, ProducerConsumer):
    """Passes on what it gets, plus *add*."""

    async def init(self, log: Log, to: Any = (), add: int = 0) -> None:
        self.log, self.subscribe_to, self.add = log, to, add

    async def handle_events(self, events: list[int], subscription: Any) -> list[int]:
        self.log.events += events
        return [event + self.add for event in events]

    async def handle_subscribe(self, subscription: Any, options: Any) -> None:
        self.log.opened.append((subscription, options))

    async def handle_canceled(self, subscription: Any, reason: Any) -> None:
        self.log.ended.append(reason)


async def answer(value: Any) -> Any:
    """What `do` wants of something that is no coroutine."""
    return value


@pytest.fixture
def log() -> Log:
    return Log()


async def subscribed(node, recorder, log, mode="automatic", **options):
    """A `Sink` that is subscribed to *recorder*, and its subscription from there."""
    sink = await node.start(Sink, log, [(recorder.pid, options)], mode)
    subscription, current, told = await recorder.subscribed()
    assert (subscription[0], current) == (sink, None)
    assert told == log.opened[0][1]
    return sink, subscription
