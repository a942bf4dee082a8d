"""A producer, as the consumers see it that speak to it by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from ergopy import (
    Atom,
    BroadcastDispatcher,
    Exit,
    StartError,
    Stop,
    stage,
)
from tests.gen.stage.stages import (
    Hand,
    Source,
    cancel,
    ends_of,
    start,
)
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

NORMAL, DOWN, CANCEL = Atom("normal"), Atom("down"), Atom("cancel")


async def test_it_gives_what_is_asked_for_and_no_more(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    tag = await hand.subscribe(source.pid, max_demand=10)
    assert hand.read() == []
    await hand.ask(source.pid, tag, 3)
    await hand.ask(source.pid, tag, 2)
    assert hand.read(tag) == [[0, 1, 2], [3, 4]]
    assert source.demands == [3, 2]


async def test_events_name_the_producer_and_the_tag(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 1)
    assert hand.process.messages() == [(Atom("$gen_consumer"), (source.pid, tag), [0])]


@pytest.mark.parametrize("count", [1, 255, 256, 2**31, 2**70])
async def test_any_number_may_be_asked_for(runtime: Runtime, count: int) -> None:
    source, hand = await start(runtime, Source, lazy=True), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, count)
    assert source.demands == [min(count, 2**59 - 1)]


async def test_infinity_is_a_number_as_large_as_any(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source, lazy=True), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, Atom("infinity"))
    assert source.demands == [2**59 - 1]


@pytest.mark.parametrize("count", [0, -1, -(2**70)])
async def test_who_asks_for_nothing_gets_nothing(runtime: Runtime, count: int) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, count)
    await hand.ask(source.pid, tag, 1)
    assert hand.read(tag) == [[0]]


async def test_what_is_made_beyond_demand_waits(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source, lazy=True), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 2)

    async def make(self: Source) -> Any:
        return self.make(5)

    await hand.send(source.pid, ("run", make))
    assert hand.read(tag) == [[0, 1]]
    assert source.buffered == 3
    await hand.ask(source.pid, tag, 2)
    assert (hand.read(tag), source.demands) == ([[2, 3]], [2])
    await hand.ask(source.pid, tag, 2)
    assert (hand.read(tag), source.demands) == ([[4]], [2, 1])


async def test_what_nobody_takes_waits_for_the_first_consumer(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source, lazy=True), Hand(runtime)

    async def make(self: Source) -> Any:
        return self.make(5)

    await hand.send(source.pid, ("run", make))
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 10)
    assert (hand.read(tag), source.demands) == ([[0, 1, 2, 3, 4]], [5])


@pytest.mark.parametrize(("keep", "kept"), [("first", [0, 1]), ("last", [3, 4])])
async def test_a_full_buffer_drops_events_and_says_so(
    runtime: Runtime, keep: str, kept: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    source = await start(runtime, Source, lazy=True, buffer_size=2, buffer_keep=keep)
    hand = Hand(runtime)

    async def make(self: Source) -> Any:
        return self.make(5)

    await hand.send(source.pid, ("run", make))
    assert (source.buffered, source.discarded) == (2, 3)
    assert "has discarded 3 events" in caplog.text
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 10)
    assert hand.read(tag) == [kept]


async def test_format_discarded_counts_and_may_keep_the_log_quiet(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    counts: list[int] = []

    class Quiet(Source):
        def format_discarded(self, count: int) -> bool:
            counts.append(count)
            return False

    source, hand = await start(runtime, Quiet, buffer_size=0), Hand(runtime)

    async def make(self: Source) -> Any:
        return self.make(5)

    await hand.send(source.pid, ("run", make))
    assert counts == [5]
    assert "discarded" not in caplog.text


async def test_emit_from_a_call_comes_before_the_answer(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source, lazy=True), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 2)

    async def push(self: Source) -> Any:
        await self.emit(["a", "b"])
        return "done"

    assert await runtime.root.call(source.pid, ("run", push)) == "done"
    assert hand.read(tag) == [["a", "b"]]


async def test_emit_takes_a_list(runtime: Runtime) -> None:
    source = await start(runtime, Source)
    with pytest.raises(TypeError, match="events are a list, not str"):
        await source.emit("event")


async def test_the_value_of_a_call_is_its_answer_even_if_it_is_a_list(
    runtime: Runtime,
) -> None:
    source = await start(runtime, Source)
    assert await runtime.root.call(source.pid, [1, 2]) == [1, 2]
    assert source.buffered == 0


async def test_paused_it_holds_demand_and_events_back(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source, demand="accumulate"), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 2)

    async def make(self: Source) -> Any:
        return ["extra"]

    await hand.send(source.pid, ("run", make))
    await hand.ask(source.pid, tag, 3)
    assert (hand.read(), source.demands) == ([], [])
    assert await stage.demand(source.pid, caller=runtime.root) == "accumulate"
    await stage.demand(source.pid, "forward", caller=runtime.root)
    await settle()
    assert source.demands == [2, 3]
    assert hand.read(tag) == [[0, 1], ["extra"], [2, 3]]
    assert await stage.demand(source.pid, caller=runtime.root) == "forward"


async def test_it_may_be_paused_again_while_it_goes_on(runtime: Runtime) -> None:
    class Shy(Source):
        async def handle_demand(self, demand: int) -> Any:
            self.pause_demand()
            return await super().handle_demand(demand)

    source, hand = await start(runtime, Shy, demand="accumulate"), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    for count in (1, 2, 3):
        await hand.ask(source.pid, tag, count)
    for demands in ([1], [1, 2], [1, 2, 3]):
        await stage.demand(source.pid, "forward", caller=runtime.root)
        await settle()
        assert source.demands == demands


async def test_events_made_before_the_pause_are_given_in_it(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)

    async def make_and_pause(self: Source) -> Any:
        await self.emit(self.make(2))
        self.pause_demand()

    await hand.send(source.pid, ("run", make_and_pause))
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 5)
    assert (hand.read(tag), source.demands) == ([[0, 1]], [])


async def test_many_small_demands_do_not_pile_up_in_a_pause(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ergopy.gen.stage.producer.MOST_HELD", 3)
    source, hand = await start(runtime, Source, demand="accumulate"), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    for _ in range(10):
        await hand.ask(source.pid, tag, 1)
    await stage.demand(source.pid, "forward", caller=runtime.root)
    await settle()
    assert source.demands == [1, 1, 8]


@pytest.mark.parametrize("callback", ["demand", "subscribe", "cancel"])
async def test_any_callback_may_stop_it(runtime: Runtime, callback: str) -> None:
    async def stop(self: Any, *args: Any) -> Any:
        return Stop("stopped")

    source_class = type("Stopping", (Source,), {f"handle_{callback}": stop})
    source, hand = await start(runtime, source_class), Hand(runtime)
    reasons = ends_of(source)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 1)
    await hand.to_producer(source.pid, tag, cancel(NORMAL))
    assert reasons == [Atom("stopped")]


async def test_what_no_callback_may_return_is_a_crash(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    class Wrong(Source):
        async def handle_demand(self, demand: int) -> Any:
            return ("noreply", [1])

    source, hand = await start(runtime, Wrong), Hand(runtime)
    reasons = ends_of(source)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 1)
    assert reasons[0][1] == b"builtins.TypeError"
    assert "Wrong.handle_demand returned" in caplog.text


async def test_a_crash_in_a_callback_ends_it(runtime: Runtime) -> None:
    class Wrong(Source):
        async def handle_demand(self, demand: int) -> Any:
            raise Exit("boom")

    source, hand = await start(runtime, Wrong), Hand(runtime)
    reasons = ends_of(source)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 1)
    assert reasons == [Atom("boom")]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"buffer_size": -1}, "buffer_size="),
        ({"buffer_size": 1.5}, "buffer_size="),
        ({"buffer_size": True}, "buffer_size="),
        ({"buffer_keep": "middle"}, "buffer_keep="),
        ({"demand": "later"}, "demand="),
        ({"dispatcher": "broadcast"}, "dispatcher= is a Dispatcher"),
        ({"subscribe_to": ["other"]}, "a Producer takes no events"),
    ],
    ids=str,
)
async def test_an_option_that_makes_no_sense_fails_the_start(
    runtime: Runtime, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(StartError, match=problem):
        await start(runtime, Source, **options)


async def test_a_buffer_of_any_size_has_two_names(runtime: Runtime) -> None:
    for size in (math.inf, "infinity"):
        source = await start(runtime, Source, buffer_size=size)
        await source.emit(list(range(20_000)))
        assert (source.buffered, source.discarded) == (20_000, 0)


async def test_init_may_set_the_options(runtime: Runtime) -> None:
    class Chosen(Source):
        async def init(self) -> None:
            await super().init()
            self.buffer_size = 1
            self.dispatcher = BroadcastDispatcher

    source = await start(runtime, Chosen)
    await source.emit([1, 2])
    assert source.buffered == 1


async def test_callbacks_have_to_be_coroutines() -> None:
    for name in ("demand", "subscribe", "cancel"):
        with pytest.raises(TypeError, match="has to be an 'async def'"):
            type("Wrong", (Source,), {f"handle_{name}": lambda self: None})


async def test_an_info_waits_for_the_events_before_it(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source, lazy=True), Hand(runtime)
    await source.emit([1, 2])
    await stage.sync_info(source.pid, "first", caller=runtime.root)
    await source.emit([3])
    await stage.async_info(source.pid, "second", caller=runtime.root)
    await settle()
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 1)
    assert source.took("info") == []
    await hand.ask(source.pid, tag, 1)
    assert source.took("info") == [("first",)]
    await hand.ask(source.pid, tag, 1)
    assert source.took("info") == [("first",), ("second",)]


async def test_it_counts_what_is_buffered(runtime: Runtime) -> None:
    source = await start(runtime, Source)
    await source.emit([1, 2, 3])
    count = await stage.estimate_buffered_count(source.pid, caller=runtime.root)
    assert (count, source.buffered) == (3, 3)


async def test_in_a_pause_an_info_waits_for_events_only(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source, demand="accumulate"), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 2)
    await stage.sync_info(source.pid, "drained", caller=runtime.root)
    await settle()
    assert source.took("info") == [("drained",)]
    await source.emit(["event"])
    await stage.sync_info(source.pid, "later", caller=runtime.root)
    await settle()
    assert source.took("info") == [("drained",)]
    await stage.demand(source.pid, "forward", caller=runtime.root)
    await settle()
    assert source.took("info")[1:] == []
    await hand.ask(source.pid, tag, 1)
    await settle()
    assert source.took("info")[1:] == [("later",)]


async def test_an_info_waits_for_events_of_a_pause_that_began_in_the_one_before(
    runtime: Runtime,
) -> None:
    class Pausing(Source):
        async def handle_demand(self, demand: int) -> Any:
            self.pause_demand()
            return self.make(demand)

    source, hand = await start(runtime, Pausing, demand="accumulate"), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 1)
    await stage.demand(source.pid, "forward", caller=runtime.root)
    await stage.sync_info(source.pid, "here", caller=runtime.root)
    await settle()
    assert (hand.read(tag), source.took("info")) == ([], [])
    await source.resume_demand()
    await settle()
    assert (hand.read(tag), source.took("info")) == ([[0]], [("here",)])
