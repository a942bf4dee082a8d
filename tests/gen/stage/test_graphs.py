"""Many stages together: a graph that ends by itself, floods, and many consumers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import ergopy
from ergopy import Atom, Consumer, Producer, ProducerConsumer, Stop, stage
from tests.runtimes import settle

from .stages import Hand, Sink, Source, start

if TYPE_CHECKING:
    from ergopy import Subscription
    from ergopy.process.runtime import Runtime

PARTS = 3
DONE = Atom("done")


class Finite(Producer):
    """Has the integers of a range, and ends when all were sent."""

    demand = "accumulate"

    async def init(self, numbers: range) -> None:
        self.numbers = numbers

    async def handle_demand(self, demand: int) -> Any:
        if not self.numbers:
            return []
        events, self.numbers = self.numbers[:demand], self.numbers[demand:]
        if not self.numbers:
            await stage.async_info(self.pid, DONE, caller=self)
        return list(events)

    async def handle_info(self, message: Any) -> Stop:
        return Stop()


class Gathering(ProducerConsumer):
    """Takes from several stages, and ends when the last of them has ended."""

    async def init(self, producers: list[Any], **options: Any) -> None:
        given = {"cancel": "transient", "max_demand": 10, **options}
        self.subscribe_to = [(producer, given) for producer in producers]

    async def handle_canceled(self, to: Subscription, reason: Any) -> Any:
        if not self.subscriptions:
            await stage.async_info(self.pid, DONE, caller=self)
            return self.last()
        return None

    async def handle_info(self, message: Any) -> Stop:
        return Stop()

    def last(self) -> list[Any]:
        return []


class Sorting(Gathering):
    dispatcher = ergopy.PartitionDispatcher(PARTS, hash=lambda n: (n, n % PARTS))

    async def handle_events(self, events: list[int], to: Subscription) -> list[int]:
        return events


class Keeping(Gathering):
    """Gives all that it got in the end."""

    async def init(self, producers: list[Any], part: int) -> None:
        await super().init(producers, partition=part)
        self.kept: list[int] = []

    async def handle_events(self, events: list[int], to: Subscription) -> None:
        self.kept += events

    def last(self) -> list[Any]:
        return [sorted(self.kept)]


async def test_a_graph_of_finished_producers_ends_and_has_lost_nothing(
    runtime: Runtime,
) -> None:
    run = runtime.root.start
    ranges = [range(2000), range(2000, 2001), range(2001, 3000)]
    sources = [await run(Finite, numbers) for numbers in ranges]
    sorting = [await run(Sorting, sources) for _ in range(2)]
    keeping = [await run(Keeping, sorting, part) for part in range(PARTS)]
    got: list[Any] = []
    async with stage.subscribe(
        list(keeping), producers=sources, caller=runtime.root
    ) as events:
        async for batch in events:
            got += batch
    assert sorted(got) == [list(range(part, 3000, PARTS)) for part in range(PARTS)]
    await settle()
    everybody = sources + sorting + keeping
    assert [pid for pid in everybody if runtime.find(pid) is not None] == []


async def test_a_line_that_never_rests_lets_others_run(runtime: Runtime) -> None:
    source = await start(runtime, Source, limit=10**12)

    class Counting(Consumer):
        count = 0

        async def init(self) -> None:
            self.subscribe_to = [source.pid]

        async def handle_events(self, events: list[int], to: Subscription) -> None:
            self.count += len(events)

        async def handle_call(self, request: Any, from_: Any) -> int:
            return self.count

    pid = await runtime.root.start(Counting)
    counts = [await runtime.root.call(pid, "count") for _ in range(5)]
    assert counts[0] < counts[-1]
    await runtime.root.stop(source.pid)


async def test_each_of_a_thousand_subscriptions_of_a_process_is_served(
    runtime: Runtime,
) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    tags = [await hand.subscribe(source.pid) for _ in range(1000)]
    for count, tag in enumerate(tags):
        await hand.ask(source.pid, tag, 1 + count % 3)
    got: dict[Any, list[int]] = {tag: [] for tag in tags}
    for _, (_, tag), events in hand.process.messages():
        got[tag] += events
    assert [len(got[tag]) for tag in tags] == [1 + n % 3 for n in range(1000)]
    events = [event for its in got.values() for event in its]
    assert sorted(events) == list(range(len(events)))


async def test_a_consumer_takes_the_events_in_its_mailbox_along_and_no_others(
    runtime: Runtime,
) -> None:
    source, dead = await start(runtime, Source), Hand(runtime)
    first = await dead.subscribe(source.pid)
    await dead.ask(source.pid, first, 3)
    dead.process.end(Atom("killed"))
    await settle()
    hand = Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 2)
    assert hand.read(tag) == [[3, 4]]
    assert source.demands == [3, 2]


async def test_a_subscription_that_is_replaced_under_way_loses_nothing(
    runtime: Runtime,
) -> None:
    source = await start(runtime, Source, limit=2000)

    class Fickle(Sink):
        """Subscribes anew at every tenth batch."""

        async def handle_events(self, events: list[int], to: Subscription) -> None:
            await super().handle_events(events, to)
            if len(self.batches) % 10 == 0 and to in self.subscriptions:
                again = (to, "normal")
                await self.subscribe(source.pid, **given, replacing=again)

    given = {"max_demand": 20, "cancel": "temporary"}
    sink = await start(runtime, Fickle, subscribe_to=[(source.pid, given)])
    await settle()
    while sink.batches[-1][-1] < 1999:
        await settle()
    events = [event for batch in sink.batches for event in batch]
    assert events == list(range(2000))
    assert len(sink.took("canceled")) > 10
    assert len(sink.subscriptions) == len(source.subscribers) == 1


async def shared_out(
    runtime: Runtime, dispatcher: Any, rounds: list[list[int]], asked: int
) -> list[list[Any]]:
    """What three consumers get that ask for so many events, one after the other."""
    source = await start(runtime, Source, lazy=True, dispatcher=dispatcher)
    hands = [Hand(runtime) for _ in range(3)]
    for part, hand in enumerate(hands):
        tag = await hand.subscribe(source.pid, partition=part)
        await hand.ask(source.pid, tag, asked)
    for events in rounds:
        await source.emit(events)
    return [[e for batch in hand.read() for e in batch] for hand in hands]


async def test_three_consumers_share_by_demand(runtime: Runtime) -> None:
    rounds = [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12]]
    got = await shared_out(runtime, ergopy.DemandDispatcher, rounds, 4)
    assert [len(its) for its in got] == [4, 4, 4]
    assert sorted(event for its in got for event in its) == list(range(1, 13))


async def test_three_consumers_get_what_all_of_them_want(runtime: Runtime) -> None:
    rounds = [[1, 2, 3, 4, 5]]
    got = await shared_out(runtime, ergopy.BroadcastDispatcher, rounds, 4)
    assert got == [[1, 2, 3, 4]] * 3


async def test_three_consumers_get_their_partitions(runtime: Runtime) -> None:
    def by_rest(event: int) -> Any:
        return (event, event % 3) if event % 5 else None

    dispatcher = ergopy.PartitionDispatcher(3, hash=by_rest)
    got = await shared_out(runtime, dispatcher, [list(range(1, 16))], 4)
    # 5, 10 and 15 are dropped.
    assert got == [[3, 6, 9, 12], [1, 4, 7, 13], [2, 8, 11, 14]]


async def test_one_producer_that_is_not_in_a_list_is_an_error(
    runtime: Runtime,
) -> None:
    await start(runtime, Source)
    with pytest.raises(ergopy.StartError, match="subscribe_to= is a list"):
        await start(runtime, Sink, subscribe_to="source")
