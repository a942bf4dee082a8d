"""What is left of a subscription that is over, or that never came about: nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy import Atom, BroadcastDispatcher, Consumer, Producer
from ergopy.testing import MemoryNetwork, node_pair
from tests.gen.stage.stages import Hand, Sink, Source, cancel, start
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy import Node, Subscription
    from ergopy.process.runtime import Runtime

NORMAL = Atom("normal")


async def test_a_producer_does_not_watch_who_has_left(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    assert (len(source.process.monitors), len(hand.process.watchers)) == (1, 1)
    await hand.to_producer(source.pid, tag, cancel(NORMAL))
    assert (len(source.process.monitors), len(hand.process.watchers)) == (0, 0)


async def test_a_producer_does_not_watch_whom_it_refuses(runtime: Runtime) -> None:
    source = await start(runtime, Source, dispatcher=BroadcastDispatcher)
    hand = Hand(runtime)
    for _ in range(3):
        await hand.subscribe(source.pid)
    assert (len(source.process.monitors), len(hand.process.watchers)) == (1, 1)


async def test_a_consumer_does_not_watch_who_has_parted_with_it(
    runtime: Runtime,
) -> None:
    hand = Hand(runtime)
    sink = await start(
        runtime, Sink, subscribe_to=[(hand.pid, {"cancel": "temporary"})]
    )
    (to,) = sink.subscriptions
    assert (len(sink.process.monitors), len(hand.process.watchers)) == (1, 1)
    await hand.to_consumer(sink.pid, to.tag, cancel(NORMAL))
    assert (len(sink.process.monitors), len(hand.process.watchers)) == (0, 0)


async def test_one_that_handle_subscribe_turned_away_holds_nobody_up(
    runtime: Runtime,
) -> None:
    class Picky(Source):
        async def handle_subscribe(self, to: Subscription, options: Any) -> Any:
            if not options:
                await self.cancel(to, "no options")

    source = await start(runtime, Picky, dispatcher=BroadcastDispatcher)
    turned_away, hand = Hand(runtime), Hand(runtime)
    await turned_away.subscribe(source.pid)
    tag = await hand.subscribe(source.pid, max_demand=1)
    await hand.ask(source.pid, tag, 2)
    assert hand.read() == [[0, 1]]


class Quiet(Producer):
    """Has no events."""

    def __init__(self, box: list[Any]) -> None:
        box.append(self)
        self.lost: list[Any] = []

    async def handle_demand(self, demand: int) -> None:
        pass

    async def handle_cancel(self, to: Subscription, reason: Any) -> None:
        self.lost.append(reason)


class Taker(Consumer):
    """Takes no events."""

    def __init__(self, box: list[Any], **options: Any) -> None:
        box.append(self)
        vars(self).update(options)

    async def handle_events(self, events: list[Any], to: Subscription) -> None:
        raise AssertionError(events)


async def apart(a: Node, b: Node) -> tuple[Quiet, Taker]:
    """Start a producer on *a*, and a consumer of it on *b*."""
    box: list[Any] = []
    await a.start(Quiet, name="quiet", box=box)
    to = (("quiet", a.name), {"cancel": "temporary"})
    await b.start(Taker, box=box, subscribe_to=[to])
    await settle()
    return box[0], box[1]


async def test_an_option_that_is_no_term_leaves_no_subscription() -> None:
    async with node_pair() as (a, b):
        producer, consumer = await apart(a, b)
        before = consumer.subscriptions
        with pytest.raises(etf.EncodeError):
            await consumer.subscribe(("quiet", a.name), selector=print)
        await settle()
        assert (consumer.subscriptions, len(before)) == (before, 1)
        assert len(consumer.process.monitors) == 1
        assert len(producer.subscribers) == 1


async def test_a_reason_that_is_no_term_cancels_nothing() -> None:
    async with node_pair() as (a, b):
        producer, consumer = await apart(a, b)
        (to,) = producer.subscribers
        with pytest.raises(etf.EncodeError):
            await producer.cancel(to, object())
        assert (producer.subscribers, producer.lost) == ([to], [])
        assert await producer.cancel(to, "enough")
        await settle()
        assert consumer.subscriptions == []


async def test_a_producer_does_not_connect_again_to_a_node_that_is_gone(
    autojump_clock: object,
) -> None:
    async with node_pair(network=MemoryNetwork()) as (a, b):
        producer, _ = await apart(a, b)
        a.disconnect(b.name)
        await trio.sleep(10)
        assert producer.lost == [("down", "noconnection")]
        assert (a.nodes(), b.nodes()) == ([], [])
