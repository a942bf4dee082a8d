"""Callbacks that call their own stage, and stages after a callback that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom, DemandDispatcher, Dispatcher, Subscription
from tests.gen.stage.stages import Hand, Sink, Source, Through, ask, cancel, start

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


async def test_batches_are_handled_one_after_the_other(runtime: Runtime) -> None:
    class Parting(Through):
        async def handle_events(self, events: list[Any], to: Subscription) -> Any:
            self.log.append(("begin", events))
            if len(self.subscribers) > 1:
                await self.cancel(self.subscribers[0], "enough")
            self.log.append(("end", events))
            return events

    above, below = Hand(runtime), Hand(runtime)
    through = await start(runtime, Parting, subscribe_to=[above.pid])
    ((_, tag),) = through.subscriptions
    await above.to_consumer(through.pid, tag, [1])
    await above.to_consumer(through.pid, tag, [2])
    first, second = [await below.subscribe(through.pid) for _ in range(2)]
    await below.ask(through.pid, second, 5)
    steps = [entry for entry in through.log if entry[0] in ("begin", "end")]
    assert steps == [("begin", [1]), ("end", [1]), ("begin", [2]), ("end", [2])]
    below.read(first)
    assert through.buffered == 0


@pytest.mark.parametrize("count", [5, 10])
async def test_one_that_becomes_manual_while_it_handles_events_asks_no_more(
    runtime: Runtime, count: int
) -> None:
    class Enough(Sink):
        async def handle_events(self, events: list[Any], to: Subscription) -> Any:
            await self.set_mode(to, "manual")

    hand = Hand(runtime)
    sink = await start(runtime, Enough, subscribe_to=[(hand.pid, {"max_demand": 10})])
    (to,) = sink.subscriptions
    hand.read()
    await hand.to_consumer(sink.pid, to.tag, list(range(count)))
    assert hand.read() == []
    # It counts what is to come all the same.
    await sink.set_mode(to, "automatic")
    assert hand.read() == [ask(count)]


async def test_what_came_beyond_demand_is_not_asked_for_again(
    runtime: Runtime,
) -> None:
    hand = Hand(runtime)
    options = {"max_demand": 4, "min_demand": 0}
    sink = await start(runtime, Sink, subscribe_to=[(hand.pid, options)])
    (to,) = sink.subscriptions
    hand.read()
    await hand.to_consumer(sink.pid, to.tag, [1, 2, 3])
    await hand.to_consumer(sink.pid, to.tag, [4, 5, 6])
    assert hand.read() == [ask(4)]


async def test_a_producer_that_fails_while_it_goes_on_forgets_no_demand(
    runtime: Runtime,
) -> None:
    class Faulty(Source):
        async def handle_demand(self, demand: int) -> Any:
            if demand == 2:
                raise ValueError("no")
            return await super().handle_demand(demand)

    source, hand = await start(runtime, Faulty, demand="accumulate"), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    for count in (1, 2, 3):
        await hand.ask(source.pid, tag, count)

    async def go_on(self: Source) -> Any:
        with pytest.raises(ValueError, match="no"):
            await self.resume_demand()
        await self.emit(["later"])
        await self.resume_demand()

    await hand.send(source.pid, ("run", go_on))
    assert source.demands == [1, 3]
    assert hand.read(tag) == [[0], [1, 2, 3], ["later"]]


async def test_to_pause_it_twice_forgets_nothing(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source, demand="accumulate"), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 2)
    source.pause_demand()
    await source.resume_demand()
    assert hand.read(tag) == [[0, 1]]


async def test_discarded_events_add_up(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    source = await start(runtime, Source, lazy=True, buffer_size=2)
    for _ in range(2):
        await source.emit([1, 2, 3, 4])
    assert (source.buffered, source.discarded) == (2, 6)
    assert caplog.text.count("has discarded") == 2


async def test_who_names_itself_in_the_place_of_the_producer_is_not_told(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    sink, hand = await start(runtime, Sink), Hand(runtime)
    message = (Atom("$gen_consumer"), (sink.pid, hand.new_tag()), [1])
    await hand.send(sink.pid, message)
    assert (sink.log, caplog.text) == ([], "")


async def test_a_dispatcher_may_want_events_for_one_that_has_not_asked(
    runtime: Runtime,
) -> None:
    class Push(Dispatcher):
        def subscribe(self, subscription: Subscription, options: Any) -> None:
            self.to = subscription
            self.wanted = 3

        def cancel(self, subscription: Subscription) -> None:
            self.wanted = 0

        def ask(self, subscription: Subscription, count: int, out: Any) -> None:
            self.wanted += count

        def dispatch(self, events: list[Any], out: Any) -> list[Any]:
            sent = events[: self.wanted]
            out.send(self.to, sent)
            self.wanted -= len(sent)
            return events[len(sent) :]

    source, hand = await start(runtime, Source, dispatcher=Push), Hand(runtime)
    await hand.subscribe(source.pid)
    assert hand.read() == [[0, 1, 2]]


async def test_no_events_are_nothing_for_a_dispatcher(runtime: Runtime) -> None:
    class Strict(DemandDispatcher):
        def dispatch(self, events: list[Any], out: Any) -> list[Any]:
            assert events
            return super().dispatch(events, out)

    source, hand = (
        await start(runtime, Source, dispatcher=Strict, lazy=True),
        Hand(runtime),
    )
    await source.emit([])
    await hand.ask(source.pid, await hand.subscribe(source.pid), 2)
    await source.emit([])
    assert hand.read() == []


async def test_an_end_that_ends_nothing_does_not_wait_for_the_buffer(
    runtime: Runtime,
) -> None:
    above, below = Hand(runtime), Hand(runtime)
    target = (above.pid, {"cancel": "transient"})
    through = await start(runtime, Through, subscribe_to=[target], times=3)
    (to,) = through.subscriptions
    await below.ask(through.pid, await below.subscribe(through.pid), 1)
    await above.to_consumer(through.pid, to.tag, [1])
    await above.to_consumer(through.pid, to.tag, cancel(Atom("normal")))
    assert through.buffered == 2
    assert through.took("canceled") == [(to, ("cancel", "normal"))]


def test_subscriptions_differ_if_they_are_not_equal() -> None:
    one, other = Subscription("peer", 1), Subscription("peer", 1.0)
    assert (one == other, one != other) == (False, True)
    assert (one == Subscription("peer", 1), one != Subscription("peer", 1)) == (
        True,
        False,
    )


def test_subscriptions_under_one_tag_are_two_for_two_stages() -> None:
    assert Subscription("one", 1) != Subscription("other", 1)
