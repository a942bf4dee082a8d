"""What a loop hears of the end of its producers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from ergopy import (
    Atom,
    NoProcess,
    Subscription,
    SubscriptionCanceled,
    stage,
)
from tests.gen.stage.stages import ask, cancel
from tests.gen.stage.streams.kit import (
    CLEAN,
    OTHERS,
    Played,
    batches,
    read,
)
from tests.runtimes import assert_only_the_root, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


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
