"""Streams: the events of producers in a loop of plain Trio code."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from ergopy import (
    Atom,
    LocalProtocolError,
    MailboxLimit,
    Stop,
    Subscription,
    stage,
)
from tests.gen.stage.stages import Source, ask, cancel, keywords, start
from tests.gen.stage.streams.kit import (
    DEMAND,
    FORWARD,
    Played,
    batches,
    read,
)
from tests.runtimes import assert_only_the_root, running, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


async def test_all_events_come_in_order_until_the_producer_is_done(
    runtime: Runtime,
) -> None:
    source = await start(runtime, Source, lazy=True)
    stream = stage.subscribe(source.pid, caller=runtime.root, max_demand=10)
    got: list[Any] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read, stream, got)
        for _ in range(5):
            await settle()
            await run(source, lambda it: it.emit(it.make(7)))
        await settle()
        await run(source, done)
    assert list(chain(*got)) == list(range(35))
    assert max(map(len, got)) <= 5
    assert_only_the_root(runtime)


async def run(source: Source, function: Any) -> None:
    await source.process.runtime.root.send(source.pid, ("run", function))
    await settle()


async def done(_: Source) -> Stop:
    return Stop()


async def test_a_batch_is_handled_when_the_next_one_is_wanted(
    runtime: Runtime,
) -> None:
    hand = Played(runtime)
    stream = stage.subscribe(hand.pid, caller=runtime.root, max_demand=4, demand=None)
    async with stream:
        options = keywords(max_demand=4, cancel=Atom("transient"))
        assert await hand.subscribed() == [options, ask(4)]
        await hand.give(1, 2, 3)
        await hand.give(4)
        assert await anext(stream) == [1, 2]
        assert hand.read() == []
        assert await anext(stream) == [3]
        assert hand.read() == [ask(2)]
        assert await anext(stream) == [4]
        assert hand.read() == []


async def test_the_producers_are_told_to_go_when_all_are_subscribed_to(
    runtime: Runtime,
) -> None:
    sources = [await start(runtime, Source, demand="accumulate") for _ in "ab"]
    pids = [source.pid for source in sources]
    async with stage.subscribe(pids, caller=runtime.root, max_demand=2) as stream:
        got = [await anext(stream) for _ in range(4)]
    assert sorted(got) == [[0], [0], [1], [1]]
    hand = Played(runtime)
    async with stage.subscribe(hand.pid, caller=runtime.root):
        *_, last = await hand.subscribed()
        assert last == FORWARD


async def test_producers_may_be_left_in_the_mode_that_they_are_in(
    runtime: Runtime,
) -> None:
    source = await start(runtime, Source, demand="accumulate")
    stream = stage.subscribe(source.pid, caller=runtime.root, demand=None)
    async with stream:
        await settle()
        assert source.demands == []
        assert await stage.demand(source.pid, caller=runtime.root) == "accumulate"


async def test_others_than_the_producers_can_be_told_to_go(runtime: Runtime) -> None:
    near, first = Played(runtime), Played(runtime)
    async with stage.subscribe(
        near.pid, caller=runtime.root, producers=[first.pid], demand="accumulate"
    ):
        assert [ask(1000)] == (await near.subscribed())[1:]
        (told,) = first.process.messages()
        assert told == (Atom("$gen_cast"), (DEMAND, Atom("accumulate")))


async def test_each_producer_may_have_options_of_its_own(runtime: Runtime) -> None:
    first, second = Played(runtime), Played(runtime)
    async with stage.subscribe(
        [first.pid, (second.pid, {"max_demand": 3, "partition": "odd"})],
        caller=runtime.root,
        max_demand=10,
        min_demand=1,
        cancel="temporary",
        partition="even",
        demand=None,
    ):
        common = {"min_demand": 1, "cancel": Atom("temporary")}
        assert await first.subscribed() == [
            keywords(max_demand=10, **common, partition=Atom("even")),
            ask(10),
        ]
        assert await second.subscribed() == [
            keywords(max_demand=3, **common, partition=Atom("odd")),
            ask(3),
        ]


async def test_events_of_several_producers_come_as_they_are_there(
    runtime: Runtime,
) -> None:
    first, second = Played(runtime), Played(runtime)
    pids = [first.pid, second.pid]
    async with stage.subscribe(pids, caller=runtime.root) as stream:
        await first.subscribed()
        await second.subscribed()
        await second.give("a")
        await first.give("b")
        await second.give("c")
        for hand, event in (second, "a"), (first, "b"), (second, "c"):
            assert await anext(stream) == [event]
            assert stream.subscription == Subscription(hand.pid, hand.tag)


async def test_a_producer_can_be_added_to_a_stream(runtime: Runtime) -> None:
    hand, late = Played(runtime), Played(runtime)
    async with stage.subscribe(hand.pid, caller=runtime.root) as stream:
        await hand.subscribed()
        tag = await stage.sync_subscribe(
            stream.pid, late.pid, max_demand=5, cancel="temporary", caller=runtime.root
        )
        assert (await late.subscribed())[1:] == [ask(5), FORWARD]
        assert late.tag == tag
        await late.give(1)
        await late.cancel("any")
        await hand.give(2)
        assert [await anext(stream), await anext(stream)] == [[1], [2]]


async def test_the_process_behind_it_answers_while_the_loop_is_busy(
    runtime: Runtime,
) -> None:
    hand = Played(runtime)
    async with stage.subscribe(hand.pid, caller=runtime.root) as stream:
        await hand.subscribed()
        await hand.give(1)
        assert await anext(stream) == [1]
        count = await stage.estimate_buffered_count(stream.pid, caller=runtime.root)
        assert count == 0


async def test_events_that_nobody_asked_for_are_taken_and_logged(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    hand = Played(runtime)
    stream = stage.subscribe(hand.pid, caller=runtime.root, max_demand=2)
    async with stream:
        await hand.subscribed()
        await hand.give(1, 2, 3)
        await hand.give()
        assert [await anext(stream) for _ in range(3)] == [[1], [2], [3]]
        assert "stream of node has got 1 events more than it asked for" in caplog.text
        await hand.cancel(Atom("normal"))
        assert await batches(stream) == []


async def test_what_is_under_an_unknown_tag_is_cancelled_there(
    runtime: Runtime,
) -> None:
    hand = Played(runtime)
    async with stage.subscribe(hand.pid, caller=runtime.root) as stream:
        await hand.subscribed()
        tag = hand.new_tag()
        await hand.to_consumer(stream.pid, tag, [1])
        assert hand.read(tag) == [cancel("unknown_subscription")]


async def test_a_producer_that_takes_no_more_messages_does_not_keep_a_loop_from_ending(
    runtime: Runtime,
) -> None:
    async def idle(_: Process) -> None:
        await trio.sleep_forever()

    full = runtime.spawn(idle, (), mailbox=MailboxLimit(2, "raise"))
    async with stage.subscribe(full.pid, caller=runtime.root, demand=None):
        await settle()
        assert len(full.messages()) == 2
    full.kill()
    await settle()
    assert_only_the_root(runtime)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"max_demand": 0}, "max_demand"),
        ({"max_demand": 1.5}, "max_demand"),
        ({"max_demand": 5, "min_demand": 5}, "min_demand"),
        ({"cancel": "never"}, "cancel"),
        ({"demand": "go"}, "demand"),
    ],
)
async def test_bad_options_are_refused_before_anything_runs(
    runtime: Runtime, options: Any, word: str
) -> None:
    with pytest.raises(ValueError, match=word):
        stage.subscribe("any", caller=runtime.root, **options)
    if options.keys() - {"demand"}:
        with pytest.raises(ValueError, match=word):
            stage.subscribe([("any", options)], caller=runtime.root)
    assert_only_the_root(runtime)


@pytest.mark.parametrize("target", [7, None, ("name", "host"), [1]])
async def test_what_can_be_no_producer_is_refused_before_anything_runs(
    runtime: Runtime, target: Any
) -> None:
    with pytest.raises(LocalProtocolError):
        stage.subscribe(["any", target], caller=runtime.root)
    assert_only_the_root(runtime)


async def test_outside_of_processes_the_caller_has_to_be_said(
    runtime: Runtime,
) -> None:
    with pytest.raises(LocalProtocolError, match="caller=node"):
        stage.subscribe("any")


async def test_a_node_that_has_ended_streams_nothing() -> None:
    async with running() as runtime:
        pass
    runtime.nursery = None
    stream = stage.subscribe("any", caller=runtime.root)
    with pytest.raises(LocalProtocolError, match="not running"):
        await anext(stream)
