"""Producers whose events are the items of a source: when these are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.lowlevel

from ergopy import (
    stage,
    sys,
)
from tests.gen.stage.stages import cancel
from tests.gen.stage.streams.kit import (
    Items,
    events,
    start,
    taking,
)
from tests.runtimes import (
    Ends,
    assert_only_the_root,
    find,
    settle,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy.process.runtime import Runtime


SOURCES: dict[str, Any] = {
    "a list": lambda: [1, 2, 3],
    "an iterator": lambda: iter([1, 2, 3]),
    "a generator": lambda: Items(1, 2, 3).plain(),
    "an asynchronous generator": lambda: Items(1, 2, 3).slowly(),
    "a generator function": lambda: Items(1, 2, 3).plain,
    "an asynchronous generator function": lambda: Items(1, 2, 3).slowly,
    "a function that makes a list": lambda: lambda: [1, 2, 3],
    "an asynchronous function that makes a list": lambda: Items(1, 2, 3).later,
}


@pytest.mark.parametrize("kind", SOURCES)
async def test_a_source_is_read_to_its_end(runtime: Runtime, kind: str) -> None:
    pid = await start(runtime, SOURCES[kind]())
    ends = Ends(find(runtime, pid))
    assert await events(runtime, pid, max_demand=2) == [1, 2, 3]
    assert ends.reasons == ["normal"]
    await settle()
    assert_only_the_root(runtime)


async def test_a_channel_is_a_source_and_is_closed_with_it(runtime: Runtime) -> None:
    put, get = trio.open_memory_channel[int](9)
    pid = await start(runtime, get)
    async with stage.subscribe(pid, caller=runtime.root) as stream:
        await put.send(1)
        assert await anext(stream) == [1]
    await runtime.root.stop(pid)
    await settle()
    with pytest.raises(trio.BrokenResourceError):
        await put.send(2)


async def test_a_stream_is_a_source(runtime: Runtime) -> None:
    first = await start(runtime, [1, 2, 3])
    second = await start(runtime, stage.subscribe(first, caller=runtime.root))
    assert await events(runtime, second) == [[1, 2, 3]]
    await settle()
    assert_only_the_root(runtime)


@pytest.mark.parametrize("form", ["plain", "slowly"])
async def test_an_item_is_taken_only_when_somebody_wants_it(
    runtime: Runtime, form: str
) -> None:
    items = Items(*range(9))
    pid = await start(runtime, getattr(items, form)())
    await settle()
    assert items.taken == []
    taker = await taking(runtime, pid, 2)
    assert taker.events() == [0, 1]
    await taker.ask_for(1)
    assert taker.events() == [2]
    assert items.taken == [0, 1, 2]


async def test_an_item_does_not_wait_for_others(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    pid = await start(runtime, Items(1, 2, 3, pause=2).slowly())
    async with stage.subscribe(pid, caller=runtime.root) as stream:
        async for batch in stream:
            assert trio.current_time() == pytest.approx(2 * batch[0])
            assert len(batch) == 1


async def test_what_is_there_at_once_comes_together(runtime: Runtime) -> None:
    more = trio.Event()

    async def source() -> AsyncIterator[int]:
        yield 1
        await more.wait()
        for item in 2, 3, 4:
            yield item

    taker = await taking(runtime, await start(runtime, source), 9)
    assert taker.read() == [[1]]
    more.set()
    await settle()
    assert taker.read() == [[2, 3, 4]]


async def test_what_is_read_together_is_one_message_of_the_stage_to_itself(
    runtime: Runtime,
) -> None:
    pid = await start(runtime, range(9))
    await sys.statistics(pid, True, caller=runtime.root)
    await taking(runtime, pid, 9)
    counted = await sys.statistics(pid, caller=runtime.root)
    assert counted is not None
    # And two of the consumer.
    assert counted["messages_in"] == 3


async def test_while_it_waits_for_an_item_it_answers(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    pid = await start(runtime, Items(1, 2, pause=9).slowly())
    taker = await taking(runtime, pid, 1)
    root = runtime.root
    assert await stage.estimate_buffered_count(pid, caller=root) == 0
    assert await sys.get_status(pid, caller=root)
    other = await taking(runtime, pid, 1)
    await taker.to_producer(pid, taker.tag, cancel("enough"))
    assert taker.read() == [cancel("enough")]
    await runtime.root.stop(pid)
    assert trio.current_time() == pytest.approx(0)
    assert other.read() == []
