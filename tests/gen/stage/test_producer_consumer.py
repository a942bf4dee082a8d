"""A stage between others: what waits in it, and for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom, BroadcastDispatcher, stage
from tests.gen.stage.stages import (
    Hand,
    Sink,
    Source,
    Through,
    ask,
    cancel,
    ends_of,
    start,
)
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy import Subscription
    from ergopy.process.runtime import Runtime

NORMAL = Atom("normal")


async def between(
    runtime: Runtime, kind: type = Through, *, times: int = 1, **options: Any
) -> tuple[Any, Hand, Hand, Subscription]:
    """Start one between a producer and a consumer, both by hand."""
    above, below = Hand(runtime), Hand(runtime)
    target = (above.pid, {"max_demand": 4, "cancel": "transient"})
    through = await start(runtime, kind, subscribe_to=[target], times=times, **options)
    (subscription,) = through.subscriptions
    above.read()
    return through, above, below, subscription


async def test_events_wait_until_somebody_wants_what_becomes_of_them(
    runtime: Runtime,
) -> None:
    through, above, below, (_, tag) = await between(runtime)
    await above.to_consumer(through.pid, tag, [1, 2])
    assert (through.batches, above.read()) == ([], [])
    consumer = await below.subscribe(through.pid)
    assert through.batches == []
    await below.ask(through.pid, consumer, 1)
    # A batch is handled as a whole, and asked for anew when it is.
    assert (through.batches, above.read()) == ([[1, 2]], [ask(2)])
    assert (below.read(), through.buffered) == ([[1]], 1)
    await above.to_consumer(through.pid, tag, [3, 4])
    assert through.batches == [[1, 2]]
    await below.ask(through.pid, consumer, 2)
    assert through.batches == [[1, 2], [3, 4]]
    assert (below.read(), through.buffered) == ([[2], [3]], 1)


async def test_what_it_makes_of_a_batch_may_be_more_or_less(runtime: Runtime) -> None:
    through, above, below, (_, tag) = await between(runtime, times=3)
    consumer = await below.subscribe(through.pid)
    await below.ask(through.pid, consumer, 2)
    await above.to_consumer(through.pid, tag, ["a", "b"])
    assert (below.read(), through.buffered) == ([["a", "a"]], 4)
    await below.ask(through.pid, consumer, 10)
    assert (below.read(), through.buffered) == ([["a", "b", "b", "b"]], 0)


async def test_one_that_filters_goes_on_asking(runtime: Runtime) -> None:
    through, above, below, (_, tag) = await between(runtime, times=0)
    consumer = await below.subscribe(through.pid)
    await below.ask(through.pid, consumer, 1)
    for _ in range(5):
        await above.to_consumer(through.pid, tag, ["a", "b"])
        assert above.read() == [ask(2)]
    assert (below.read(), len(through.batches)) == ([], 5)


async def test_it_keeps_any_number_of_events(runtime: Runtime) -> None:
    through, above, below, (_, tag) = await between(runtime, times=20_000)
    consumer = await below.subscribe(through.pid)
    await below.ask(through.pid, consumer, 1)
    await above.to_consumer(through.pid, tag, ["a"])
    assert (through.buffered, through.discarded) == (19_999, 0)


async def test_a_limited_one_drops_what_is_too_much(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    through, above, below, (_, tag) = await between(runtime, times=9, buffer_size=3)
    consumer = await below.subscribe(through.pid)
    await below.ask(through.pid, consumer, 1)
    await above.to_consumer(through.pid, tag, ["a"])
    assert (through.buffered, through.discarded) == (3, 5)
    assert "has discarded 5 events" in caplog.text


@pytest.mark.parametrize("reason", [NORMAL, Atom("boom")], ids=str)
async def test_the_end_of_a_producer_waits_for_its_events(
    runtime: Runtime, reason: Any, caplog: pytest.LogCaptureFixture
) -> None:
    through, above, below, subscription = await between(runtime)
    reasons = ends_of(through)
    await above.to_consumer(through.pid, subscription.tag, [1, 2])
    await above.to_consumer(through.pid, subscription.tag, cancel(reason))
    assert (through.took("canceled"), reasons) == ([], [])
    consumer = await below.subscribe(through.pid)
    await below.ask(through.pid, consumer, 5)
    assert [entry[0] for entry in through.log][-2:] == ["events", "canceled"]
    assert below.read() == [[1, 2]]
    assert reasons == ([] if reason == NORMAL else [reason])
    # Nothing more is asked for of who has ended.
    assert above.read() == []


@pytest.mark.parametrize("last", [1, 5])
@pytest.mark.parametrize("early", [True, False])
async def test_a_finished_one_gives_what_it_has_before_it_ends(
    runtime: Runtime, early: bool, last: int
) -> None:
    above, below = Hand(runtime), Hand(runtime)
    through = await start(runtime, Through, subscribe_to=[above.pid])
    (subscription,) = through.subscriptions
    reasons = ends_of(through)
    consumer = await below.subscribe(through.pid)
    if early:
        # Handled before the end comes, or after it.
        await below.ask(through.pid, consumer, 2)
    await above.to_consumer(through.pid, subscription.tag, [1, 2, 3])
    await above.to_consumer(through.pid, subscription.tag, cancel(NORMAL))
    if not early:
        await below.ask(through.pid, consumer, 2)
    assert (below.read(), reasons) == ([[1, 2]], [])
    await below.ask(through.pid, consumer, last)
    assert (below.read(), reasons) == ([[3]], [NORMAL])


async def test_one_that_fails_does_not_wait_for_its_buffer(runtime: Runtime) -> None:
    through, above, below, subscription = await between(runtime, times=3)
    reasons = ends_of(through)
    consumer = await below.subscribe(through.pid)
    await below.ask(through.pid, consumer, 1)
    await above.to_consumer(through.pid, subscription.tag, [1])
    await above.to_consumer(through.pid, subscription.tag, cancel(Atom("boom")))
    assert (through.took("canceled")[0][1], reasons) == (("cancel", "boom"), ["boom"])


async def test_without_waiting_events_the_end_comes_at_once(runtime: Runtime) -> None:
    through, above, _, subscription = await between(runtime)
    await above.to_consumer(through.pid, subscription.tag, cancel(NORMAL))
    assert through.took("canceled") == [(subscription, ("cancel", NORMAL))]


async def test_an_info_follows_the_events_that_wait(runtime: Runtime) -> None:
    through, above, below, (_, tag) = await between(runtime)
    await above.to_consumer(through.pid, tag, [1, 2])
    await stage.sync_info(through.pid, "info", caller=runtime.root)
    consumer = await below.subscribe(through.pid)
    await below.ask(through.pid, consumer, 1)
    await settle()
    assert (through.batches, through.took("info")) == ([[1, 2]], [])
    await below.ask(through.pid, consumer, 1)
    await settle()
    assert through.took("info") == [("info",)]


async def test_an_info_to_an_empty_one_comes_at_once(runtime: Runtime) -> None:
    through, *_ = await between(runtime)
    await stage.sync_info(through.pid, "info", caller=runtime.root)
    await settle()
    assert through.took("info") == [("info",)]


async def test_a_consumer_may_be_parted_with_while_events_are_handled(
    runtime: Runtime,
) -> None:
    class Parting(Through):
        async def handle_events(self, events: list[Any], to: Subscription) -> Any:
            for consumer in self.subscribers:
                await self.cancel(consumer, "enough")
            return await super().handle_events(events, to)

    through, above, below, (_, tag) = await between(runtime, Parting)
    consumer = await below.subscribe(through.pid)
    await below.ask(through.pid, consumer, 5)
    await above.to_consumer(through.pid, tag, [1, 2])
    assert below.read() == [cancel(Atom("enough"))]
    assert (through.batches, through.buffered) == ([[1, 2]], 2)


async def test_it_forwards_demand_always(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    through, *_ = await between(runtime)
    root = runtime.root
    assert await stage.demand(through.pid, caller=root) == "forward"
    await stage.demand(through.pid, "forward", caller=root)
    assert caplog.text == ""
    await stage.demand(through.pid, "accumulate", caller=root)
    await settle()
    assert "only a producer has a demand mode" in caplog.text


async def test_broadcast_asks_for_what_the_slowest_wants(runtime: Runtime) -> None:
    through, above, below, (_, tag) = await between(
        runtime, dispatcher=BroadcastDispatcher
    )
    other = Hand(runtime)
    fast = await below.subscribe(through.pid)
    slow = await other.subscribe(through.pid)
    await below.ask(through.pid, fast, 10)
    await above.to_consumer(through.pid, tag, [1, 2])
    assert through.batches == []
    await other.ask(through.pid, slow, 2)
    assert (below.read(), other.read()) == ([[1, 2]], [[1, 2]])


async def test_a_line_of_stages_loses_nothing_and_keeps_the_order(
    runtime: Runtime,
) -> None:
    source = await start(runtime, Source, limit=5000)
    dest = source.pid
    for most in (1, 7, 1000):
        through = await start(
            runtime, Through, subscribe_to=[(dest, {"max_demand": most})]
        )
        dest = through.pid
    sink = await start(runtime, Sink)
    await sink.subscribe(dest, max_demand=10, cancel="temporary")
    await settle()
    assert [event for batch in sink.batches for event in batch] == list(range(5000))
