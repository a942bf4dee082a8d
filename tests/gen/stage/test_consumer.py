"""A consumer, as the producer sees it that speaks to it by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom, LocalProtocolError, Stop
from tests.gen.stage.stages import (
    GEN_CONSUMER,
    Hand,
    Sink,
    ask,
    cancel,
    ends_of,
    start,
)

if TYPE_CHECKING:
    from ergopy import Subscription
    from ergopy.process.runtime import Runtime


async def begin(
    runtime: Runtime, *, mode: str | None = None, **options: Any
) -> tuple[Any, Hand, Subscription]:
    """Start a consumer that is subscribed to a producer by hand."""
    hand = Hand(runtime)
    sink = await start(runtime, Sink, subscribe_to=[(hand.pid, options)], mode=mode)
    (subscription,) = sink.subscriptions
    return sink, hand, subscription


async def test_it_subscribes_and_asks_when_it_starts(runtime: Runtime) -> None:
    _, hand, (_, tag) = await begin(runtime)
    assert hand.read(tag) == [(Atom("subscribe"), None, []), ask(1000)]


async def test_the_producer_is_told_its_options(runtime: Runtime) -> None:
    _, hand, _ = await begin(
        runtime, max_demand=10, min_demand=3, cancel="temporary", partition="odd", x=1
    )
    subscribe, first = hand.read()
    assert first == ask(10)
    assert subscribe[2] == [
        (Atom("max_demand"), 10),
        (Atom("min_demand"), 3),
        (Atom("cancel"), Atom("temporary")),
        (Atom("partition"), Atom("odd")),
        (Atom("x"), 1),
    ]


@pytest.mark.parametrize("infinity", [math.inf, "infinity", Atom("infinity")])
async def test_without_a_limit_it_asks_for_a_large_number(
    runtime: Runtime, infinity: Any
) -> None:
    _, hand, _ = await begin(runtime, max_demand=infinity)
    subscribe, first = hand.read()
    assert (subscribe[2], first) == (
        [(Atom("max_demand"), Atom("infinity"))],
        ask(2**59 - 1),
    )


# max_demand, min_demand, how many events come; how they are handled, what is asked for.
DEMANDS = [
    (1000, None, 400, [400], []),
    (1000, None, 500, [500], [500]),
    (1000, None, 1000, [500, 500], [500, 500]),
    (1000, None, 600, [500, 100], [500]),
    (1, None, 1, [1], [1]),
    (2, None, 1, [1], [1]),
    (2, None, 2, [1, 1], [1, 1]),
    (10, 0, 9, [9], []),
    (10, 0, 10, [10], [10]),
    (10, 9, 3, [1, 1, 1], [1, 1, 1]),
    (10, 5, 3, [3], []),
    (10, 5, 7, [5, 2], [5]),
    (7, None, 7, [4, 3], [4]),
]


@pytest.mark.parametrize(("most", "least", "count", "sizes", "asks"), DEMANDS)
async def test_it_asks_for_more_when_min_demand_are_left(
    runtime: Runtime,
    most: int,
    least: int | None,
    count: int,
    sizes: list[int],
    asks: list[int],
) -> None:
    options: dict[str, Any] = {"max_demand": most}
    if least is not None:
        options["min_demand"] = least
    sink, hand, (_, tag) = await begin(runtime, **options)
    hand.read()
    await hand.to_consumer(sink.pid, tag, list(range(count)))
    assert [len(batch) for batch in sink.batches] == sizes
    assert [event for batch in sink.batches for event in batch] == list(range(count))
    assert hand.read() == [ask(count) for count in asks]


async def test_it_asks_after_each_batch_that_it_has_handled(runtime: Runtime) -> None:
    seen: list[Any] = []

    class Watching(Sink):
        async def handle_events(self, events: list[Any], to: Subscription) -> Any:
            seen.append(hand.read())

    hand = Hand(runtime)
    sink = await start(runtime, Watching, subscribe_to=[(hand.pid, {"max_demand": 2})])
    hand.read()
    await hand.to_consumer(sink.pid, sink.subscriptions[0].tag, [1, 2])
    assert [*seen, hand.read()] == [[], [ask(1)], [ask(1)]]


async def test_more_than_it_asked_for_is_handled_and_logged(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    sink, hand, (_, tag) = await begin(runtime, max_demand=2, min_demand=0)
    hand.read()
    await hand.to_consumer(sink.pid, tag, [1, 2, 3, 4, 5])
    assert sink.batches == [[1, 2], [3, 4], [5]]
    assert "has got 3 events more than it asked for" in caplog.text
    assert hand.read() == [ask(2)]


async def test_a_manual_subscription_asks_only_when_told(runtime: Runtime) -> None:
    sink, hand, subscription = await begin(runtime, mode="manual", max_demand=2)
    assert [body[0] for body in hand.read()] == ["subscribe"]
    assert await sink.ask(subscription, 300)
    assert await sink.ask(subscription, 0)
    assert hand.read() == [ask(300)]
    await hand.to_consumer(sink.pid, subscription.tag, list(range(7)))
    assert sink.batches == [list(range(7))]
    assert hand.read() == []


async def test_it_may_ask_before_it_has_said_how(runtime: Runtime) -> None:
    class Eager(Sink):
        async def handle_subscribed(self, to: Subscription, options: Any) -> Any:
            await self.ask(to, 5)
            return "manual"

    hand = Hand(runtime)
    await start(runtime, Eager, subscribe_to=[hand.pid])
    assert hand.read()[1:] == [ask(5)]


async def test_an_automatic_subscription_is_not_asked_for(runtime: Runtime) -> None:
    sink, _, subscription = await begin(runtime)
    with pytest.raises(LocalProtocolError, match="asks by itself"):
        await sink.ask(subscription, 1)


@pytest.mark.parametrize("count", [-1, 1.5, True, None, "1"])
async def test_one_asks_for_a_number(runtime: Runtime, count: Any) -> None:
    sink, hand, subscription = await begin(runtime, mode="manual")
    hand.read()
    with pytest.raises(ValueError, match="one asks for a number of events"):
        await sink.ask(subscription, count)
    assert hand.read() == []


async def test_the_mode_can_be_changed_at_any_time(runtime: Runtime) -> None:
    sink, hand, subscription = await begin(runtime, max_demand=10)
    assert hand.read()[1:] == [ask(10)]
    assert await sink.set_mode(subscription, "manual")
    await hand.to_consumer(sink.pid, subscription.tag, list(range(8)))
    assert (hand.read(), len(sink.batches)) == ([], 1)
    await sink.ask(subscription, 1)
    assert hand.read() == [ask(1)]
    await sink.set_mode(subscription, "automatic")
    # Three are to come; with these it is ten again.
    assert hand.read() == [ask(7)]
    await hand.to_consumer(sink.pid, subscription.tag, list(range(5)))
    assert hand.read() == [ask(5)]


async def test_automatic_with_enough_to_come_asks_for_nothing(runtime: Runtime) -> None:
    sink, hand, subscription = await begin(runtime, mode="manual", max_demand=10)
    await sink.ask(subscription, 6)
    hand.read()
    await sink.set_mode(subscription, "automatic")
    assert hand.read() == []
    await hand.to_consumer(sink.pid, subscription.tag, [1])
    assert hand.read() == [ask(5)]


async def test_there_are_two_modes(runtime: Runtime) -> None:
    sink, _, subscription = await begin(runtime)
    with pytest.raises(ValueError, match="automatic or manual"):
        await sink.set_mode(subscription, "sometimes")


async def test_what_is_no_subscription_cannot_be_steered(runtime: Runtime) -> None:
    sink, _, subscription = await begin(runtime)
    unknown = subscription._replace(tag=sink.new_ref())
    assert not await sink.set_mode(unknown, "manual")
    assert not await sink.ask(unknown, 1)
    assert not await sink.cancel(unknown)
    assert not sink.set_cancel(unknown, "temporary")


async def test_events_under_an_unknown_tag_are_refused(runtime: Runtime) -> None:
    sink, hand, _ = await begin(runtime)
    hand.read()
    await hand.to_consumer(sink.pid, hand.new_tag(), [1])
    assert sink.batches == []
    assert hand.read() == [cancel(Atom("unknown_subscription"))]


async def test_who_names_the_consumer_as_the_producer_is_understood(
    runtime: Runtime,
) -> None:
    sink, hand, (_, tag) = await begin(runtime, max_demand=2)
    hand.read()
    await hand.send(sink.pid, (GEN_CONSUMER, (sink.pid, tag), [1]))
    assert (sink.batches, hand.read()) == ([[1]], [ask(1)])
    await hand.send(sink.pid, (GEN_CONSUMER, (sink.pid, hand.new_tag()), [1]))
    assert sink.batches == [[1]]
    await hand.send(sink.pid, (GEN_CONSUMER, (sink.pid, tag), cancel([110, 111])))
    assert sink.took("canceled")[0][1] == ("cancel", [110, 111])


async def test_it_may_subscribe_several_times_to_the_same(runtime: Runtime) -> None:
    hand = Hand(runtime)
    sink = await start(runtime, Sink, subscribe_to=[(hand.pid, {"max_demand": 2})] * 2)
    first, second = sink.subscriptions
    hand.read()
    await hand.to_consumer(sink.pid, second.tag, [1])
    assert hand.read(first.tag) == []
    await hand.to_consumer(sink.pid, second.tag, [2])
    assert hand.read(second.tag) == [ask(1)]


BODIES: list[Any] = [
    None,
    Atom("cancel"),
    (Atom("cancel"),),
    (Atom("cancel"), 1, 2),
    (Atom("notification"), 1),
    {},
    b"events",
    (1, 2),
]


@pytest.mark.parametrize("body", BODIES, ids=repr)
async def test_what_says_nothing_is_an_info(runtime: Runtime, body: Any) -> None:
    sink, hand, (_, tag) = await begin(runtime, max_demand=2)
    await hand.to_consumer(sink.pid, tag, body)
    assert len(sink.took("info")) == 1
    await hand.to_consumer(sink.pid, tag, [1])
    assert sink.batches == [[1]]


async def test_demand_is_not_for_a_consumer(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    sink, hand, (_, tag) = await begin(runtime)
    await hand.to_producer(sink.pid, tag, ask(1))
    assert "got a $gen_producer message, which is not for it" in caplog.text
    assert sink.process.alive


async def test_an_empty_list_of_events_is_none(runtime: Runtime) -> None:
    sink, hand, (_, tag) = await begin(runtime, max_demand=1)
    hand.read()
    await hand.to_consumer(sink.pid, tag, [])
    assert (sink.batches, hand.read()) == ([], [])


async def test_events_that_a_consumer_returns_are_dropped_and_logged(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    class Wrong(Sink):
        async def handle_events(self, events: list[Any], to: Subscription) -> Any:
            return events

    hand = Hand(runtime)
    sink = await start(runtime, Wrong, subscribe_to=[(hand.pid, {"max_demand": 1})])
    await hand.to_consumer(sink.pid, sink.subscriptions[0].tag, [1])
    assert "it gives none, so these are dropped" in caplog.text
    assert hand.read()[-1] == ask(1)


async def test_handle_events_may_stop_it(runtime: Runtime) -> None:
    sink, hand, (_, tag) = await begin(runtime)
    reasons = ends_of(sink)
    await hand.to_consumer(sink.pid, tag, ["stop"])
    assert reasons == [Atom("stopped")]


async def test_handle_subscribed_may_stop_it(runtime: Runtime) -> None:
    class Unwilling(Sink):
        async def handle_subscribed(self, to: Subscription, options: Any) -> Any:
            return Stop("unwilling")

    sink = await start(runtime, Unwilling)
    reasons = ends_of(sink)
    hand = Hand(runtime)
    await hand.send(sink.pid, ("run", lambda self: self.subscribe(hand.pid)))
    assert reasons == [Atom("unwilling")]
