"""Stages that do as they are told, and processes that speak to them by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ergopy import Atom, Consumer, Producer, ProducerConsumer, Stop, Subscription
from tests.runtimes import Ends, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process, Reference
    from ergopy.process.runtime import Runtime

GEN_CONSUMER = Atom("$gen_consumer")
GEN_PRODUCER = Atom("$gen_producer")


class Recorded:
    """Writes down what its callbacks are told."""

    def __init__(self, box: list[Any], **options: Any) -> None:
        self.log: list[Any] = []
        vars(self).update(options)
        box.append(self)

    async def handle_subscribe(self, to: Subscription, options: Any) -> Any:
        self.log.append(("subscribe", to, options))

    async def handle_cancel(self, to: Subscription, reason: Any) -> Any:
        self.log.append(("cancel", to, reason))

    async def handle_subscribed(self, to: Subscription, options: Any) -> Any:
        self.log.append(("subscribed", to, options))
        return getattr(self, "mode", None)

    async def handle_canceled(self, to: Subscription, reason: Any) -> Any:
        self.log.append(("canceled", to, reason))

    async def handle_info(self, message: Any) -> Any:
        self.log.append(("info", message))
        match message:
            case ("run", function):
                return await function(self)
        return None

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case ("run", function):
                return await function(self)
        return request

    def took(self, kind: str) -> list[Any]:
        """Return what the callbacks of that kind were told."""
        return [entry[1:] for entry in self.log if entry[0] == kind]


class Source(Recorded, Producer):
    """Makes the integers on demand, up to ``limit``; with ``lazy`` none by itself."""

    lazy = False
    limit = 1_000_000

    async def init(self) -> None:
        self.next = 0

    async def handle_demand(self, demand: int) -> Any:
        self.log.append(("demand", demand))
        return None if self.lazy else self.make(demand)

    def make(self, count: int) -> list[int]:
        first, self.next = self.next, min(self.next + count, self.limit)
        return list(range(first, self.next))

    @property
    def demands(self) -> list[int]:
        return [demand for (demand,) in self.took("demand")]


class Through(Recorded, ProducerConsumer):
    """Sends each event on, as often as ``times`` says."""

    times = 1

    async def handle_events(self, events: list[Any], to: Subscription) -> Any:
        self.log.append(("events", events))
        return [event for event in events for _ in range(self.times)]

    @property
    def batches(self) -> list[list[Any]]:
        return [events for (events,) in self.took("events")]


class Sink(Recorded, Consumer):
    """Keeps the batches that it is given."""

    async def handle_events(self, events: list[Any], to: Subscription) -> Any:
        self.log.append(("events", events))
        if events[-1] == "stop":
            return Stop("stopped")
        return None

    @property
    def batches(self) -> list[list[Any]]:
        return [events for (events,) in self.took("events")]


async def start(runtime: Runtime, stage: type, **options: Any) -> Any:
    """Start a stage; return the behaviour itself."""
    box: list[Any] = []
    await runtime.root.start(stage, box=box, **options)
    return box[0]


class Hand:
    """A process that reads no mail; the test speaks for it."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.process: Process = sleeper(runtime)
        self.pid = self.process.pid

    def new_tag(self) -> Reference:
        return self.process.new_ref()

    async def to_producer(self, dest: Any, tag: Any, body: Any) -> None:
        await self.send(dest, (GEN_PRODUCER, (self.pid, tag), body))

    async def to_consumer(self, dest: Any, tag: Any, body: Any) -> None:
        await self.send(dest, (GEN_CONSUMER, (self.pid, tag), body))

    async def send(self, dest: Any, message: Any) -> None:
        """Send to a stage, and wait until it has done what it does."""
        await self.process.send(dest, message)
        await settle()

    async def subscribe(self, dest: Any, current: Any = None, **options: Any) -> Any:
        """Subscribe by hand; return the tag."""
        tag = self.new_tag()
        request = (Atom("subscribe"), current, keywords(**options))
        await self.to_producer(dest, tag, request)
        return tag

    async def ask(self, dest: Any, tag: Any, count: Any) -> None:
        await self.to_producer(dest, tag, (Atom("ask"), count))

    def read(self, tag: Any = None) -> list[Any]:
        """Take what stages have said, without their pids; of *tag*, or all."""
        said = []
        for message in mail(self.process):
            _, (_, its_tag), body = message
            if tag is None or its_tag == tag:
                said.append(body)
        self.process.clear()
        return said


def ends_of(stage: Any) -> list[Any]:
    """Return a list that gets the reason with which a stage ends."""
    return Ends(stage.process).reasons


def keywords(**options: Any) -> list[Any]:
    return [(Atom(key), value) for key, value in options.items()]


def ask(count: int) -> Any:
    return (Atom("ask"), count)


def cancel(reason: Any) -> Any:
    return (Atom("cancel"), reason)


async def assert_serves(runtime: Runtime, source: Source) -> None:
    """Check that a new consumer gets events."""
    hand = Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 1)
    ((event,),) = hand.read(tag)
    assert isinstance(event, int)
