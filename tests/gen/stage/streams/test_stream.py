"""Streams: the events of producers in a loop of plain Trio code."""

from __future__ import annotations

import gc
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from ergopy import (
    Atom,
    Exit,
    LocalProtocolError,
    MailboxLimit,
    NoProcess,
    Stop,
    Subscription,
    SubscriptionCanceled,
    stage,
)
from tests.gen.stage.stages import Hand, Source, ask, cancel, keywords, start
from tests.runtimes import assert_only_the_root, find, inside, running, settle

if TYPE_CHECKING:
    from ergopy import Process, StageStream
    from ergopy.process.runtime import Runtime

DEMAND = Atom("$demand")
FORWARD = (Atom("$gen_cast"), (DEMAND, Atom("forward")))

CLEAN = [Atom("normal"), Atom("shutdown"), (Atom("shutdown"), 1)]
OTHERS = [Atom("killed"), Atom("noproc"), (Atom("shutdown"), 1, 2), b"text", 7]


async def batches(stream: Any) -> list[list[Any]]:
    return [batch async for batch in stream]


async def read(stream: StageStream, batches: list[Any]) -> None:
    """Be a loop beside the test."""
    async for batch in stream:
        batches.append(batch)


class Played(Hand):
    """A producer that the test plays, with one consumer."""

    tag: Any
    consumer: Any

    async def subscribed(self) -> list[Any]:
        """Wait until somebody has subscribed; return what else was said."""
        await settle()
        messages = self.process.messages()
        self.process.clear()
        _, (self.consumer, self.tag), subscribe = messages[0]
        assert subscribe[:2] == (Atom("subscribe"), None)
        return [
            subscribe[2],
            *(m[-1] if m[0] != "$gen_cast" else m for m in messages[1:]),
        ]

    async def give(self, *events: Any) -> None:
        await self.to_consumer(self.consumer, self.tag, list(events))

    async def cancel(self, reason: Any) -> None:
        await self.to_consumer(self.consumer, self.tag, cancel(reason))


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


MODES = [
    *[("transient", reason, False) for reason in CLEAN],
    *[("transient", reason, True) for reason in OTHERS],
    *[("permanent", reason, True) for reason in CLEAN + OTHERS],
    *[("temporary", reason, False) for reason in CLEAN + OTHERS],
]


@pytest.mark.parametrize("how", ["cancel", "down"])
@pytest.mark.parametrize(("mode", "reason", "raises"), MODES)
async def test_what_the_end_of_a_producer_means(
    runtime: Runtime, how: str, mode: str, reason: Any, raises: bool
) -> None:
    hand = Played(runtime)
    stream = stage.subscribe(hand.pid, caller=runtime.root, cancel=mode)
    async with stream:
        await hand.subscribed()
        await hand.give(1)
        if how == "cancel":
            await hand.cancel(reason)
        else:
            hand.process.end(reason)
            await settle()
        # What came before goes first.
        assert await anext(stream) == [1]
        if raises:
            with pytest.raises(SubscriptionCanceled) as caught:
                await anext(stream)
            assert caught.value.subscription == Subscription(hand.pid, hand.tag)
            assert caught.value.reason == reason
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
    hand.process.kill()
    await settle()
    assert_only_the_root(runtime)


async def test_the_loop_ends_with_the_last_producer(runtime: Runtime) -> None:
    first, second = Played(runtime), Played(runtime)
    got: list[Any] = []
    stream = stage.subscribe([first.pid, second.pid], caller=runtime.root)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read, stream, got)
        await first.subscribed()
        await second.subscribed()
        await first.cancel(Atom("normal"))
        await second.give(1)
        await second.give(2)
        assert got == [[1], [2]]
        await second.cancel(Atom("normal"))
    assert got == [[1], [2]]


async def test_an_end_that_is_raised_cancels_the_other_producers(
    runtime: Runtime,
) -> None:
    first, second = Played(runtime), Played(runtime)
    stream = stage.subscribe([first.pid, second.pid], caller=runtime.root)
    async with stream:
        await first.subscribed()
        await second.subscribed()
        await first.cancel("broken")
        await second.give("late")
        second.read()
        with pytest.raises(SubscriptionCanceled):
            await anext(stream)
        assert second.read() == [cancel("normal")]


@pytest.mark.parametrize("mode", ["permanent", "transient"])
async def test_nobody_to_subscribe_to_is_an_error_of_the_block_and_the_loop(
    runtime: Runtime, mode: str
) -> None:
    hand = Played(runtime)
    targets = [hand.pid, "nobody"]
    with pytest.raises(NoProcess, match="nobody"):
        async with stage.subscribe(targets, caller=runtime.root, cancel=mode):
            raise AssertionError("the block is not entered")
    # The other one was subscribed to by then.
    assert hand.read()[-1] == cancel("normal")
    stream = stage.subscribe("nobody", caller=runtime.root, cancel=mode)
    with pytest.raises(NoProcess, match="nobody"):
        await anext(stream)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_nobody_to_subscribe_to_is_an_end_if_that_is_temporary(
    runtime: Runtime,
) -> None:
    stream = stage.subscribe("nobody", caller=runtime.root, cancel="temporary")
    assert await batches(stream) == []
    assert_only_the_root(runtime)


async def test_a_name_is_looked_for_when_the_stream_begins(runtime: Runtime) -> None:
    stream = stage.subscribe("late", caller=runtime.root)
    hand = Played(runtime)
    runtime.register("late", hand.pid)
    async with stream:
        assert (await hand.subscribed())[1] == ask(1000)


async def leave_by_break(stream: StageStream) -> None:
    async with stream as events:
        async for _ in events:
            break


async def leave_by_error(stream: StageStream) -> None:
    with suppress(LookupError):
        async with stream as events:
            async for _ in events:
                raise LookupError


async def leave_by_cancellation(stream: StageStream) -> None:
    with trio.CancelScope() as scope:
        async with stream as events:
            async for _ in events:
                scope.cancel()
                await trio.sleep_forever()
    # Who is cancelled does not wait for the process behind the stream.
    await settle()


async def leave_without_a_block(stream: StageStream) -> None:
    async for _ in stream:
        break
    del stream
    gc.collect()
    await settle()


@pytest.mark.parametrize(
    "leave",
    [leave_by_break, leave_by_error, leave_by_cancellation, leave_without_a_block],
)
async def test_leaving_cancels_the_subscription_and_leaves_nothing_behind(
    runtime: Runtime, leave: Any
) -> None:
    source = await start(runtime, Source)

    async def body(me: Process) -> Any:
        # The one in the test would keep it, where it is to be dropped.
        await leave(stage.subscribe(source.pid, max_demand=8))
        await settle()
        return me.messages(), dict(me.watchers), dict(me.monitors), dict(me.links)

    assert await inside(runtime, body) == ([], {}, {}, {})
    (canceled,) = source.took("cancel")
    assert canceled[1] == ("cancel", "normal")
    assert source.subscribers == []
    source.process.kill()
    await settle()
    assert_only_the_root(runtime)


async def test_a_stream_that_nobody_reads_subscribes_to_nothing(
    runtime: Runtime,
) -> None:
    hand = Played(runtime)
    stream = stage.subscribe(hand.pid, caller=runtime.root)
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    del stream
    await settle()
    assert hand.process.messages() == []


async def test_a_cancelled_start_leaves_nothing_behind(runtime: Runtime) -> None:
    hand = Played(runtime)
    with trio.CancelScope() as scope:
        scope.cancel()
        async with stage.subscribe(hand.pid, caller=runtime.root):
            raise AssertionError("the block is not entered")
    await settle()
    hand.process.kill()
    await settle()
    assert_only_the_root(runtime)


async def test_a_cancelled_wait_loses_no_batch(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    hand = Played(runtime)
    stream = stage.subscribe(hand.pid, caller=runtime.root, max_demand=2)
    with trio.move_on_after(1):
        await anext(stream)
    await hand.subscribed()
    await hand.give(1)
    assert await anext(stream) == [1]
    # The step that is cancelled is the one that asks.
    with trio.CancelScope() as scope:
        scope.cancel()
        await anext(stream)
    assert hand.read() == [ask(1)]
    await hand.give(2)
    assert await anext(stream) == [2]
    await stream.aclose()


async def test_the_end_of_the_caller_ends_the_stream(runtime: Runtime) -> None:
    source = await start(runtime, Source)
    kept = []  # or it would end because it is dropped

    async def body(me: Process) -> None:
        stream = stage.subscribe(source.pid)
        kept.append(stream)
        async for _ in stream:
            raise Exit("normal")

    runtime.spawn(body, ())
    await settle()
    assert [reason for _, reason in source.took("cancel")] == [("cancel", "normal")]
    source.process.kill()
    await settle()
    assert_only_the_root(runtime)


async def test_the_loop_hears_that_the_process_behind_it_was_killed(
    runtime: Runtime,
) -> None:
    hand = Played(runtime)
    async with stage.subscribe(hand.pid, caller=runtime.root) as stream:
        await hand.subscribed()
        assert find(runtime, stream.pid).label == "stream of node"
        find(runtime, stream.pid).kill()
        with pytest.raises(SubscriptionCanceled, match="the stream") as caught:
            await anext(stream)
    assert (caught.value.subscription, caught.value.reason) == (None, "killed")


async def test_a_stream_that_another_task_closes_just_ends(runtime: Runtime) -> None:
    hand = Played(runtime)
    stream = stage.subscribe(hand.pid, caller=runtime.root)
    got: list[Any] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read, stream, got)
        await hand.subscribed()
        await stream.aclose()
    assert got == []


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
