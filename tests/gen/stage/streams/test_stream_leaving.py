"""A loop that is left, and whose caller or process ends."""

from __future__ import annotations

import gc
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from ergopy import (
    Exit,
    SubscriptionCanceled,
    stage,
)
from tests.gen.stage.stages import Source, ask, start
from tests.gen.stage.streams.kit import (
    Played,
    read,
)
from tests.runtimes import assert_only_the_root, find, inside, settle

if TYPE_CHECKING:
    from ergopy import Process, StageStream
    from ergopy.process.runtime import Runtime


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
