"""Sources that have no end, or block."""

from __future__ import annotations

import threading
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.lowlevel

from ergopy import (
    SubscriptionCanceled,
    stage,
)
from ergopy.gen.stage.streams.intake import MOST_READ
from tests.gen.stage.streams.kit import (
    Items,
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
    from collections.abc import Iterator

    from ergopy.process.runtime import Runtime


@pytest.mark.parametrize("thread", [False, True])
async def test_a_source_without_end_lets_others_run(
    runtime: Runtime, thread: bool
) -> None:
    pid = await start(runtime, count(), thread=thread)
    got = 0
    async with stage.subscribe(
        pid, caller=runtime.root, max_demand=float("inf")
    ) as stream:
        async for batch in stream:
            got += len(batch)
            if got > 5 * MOST_READ:
                break
    await runtime.root.stop(pid)
    await settle()
    assert_only_the_root(runtime)


async def test_a_thread_reads_what_blocks(runtime: Runtime) -> None:
    lock = threading.Semaphore(0)
    threads: set[int] = set()

    def source() -> Iterator[int]:
        try:
            for n in 1, 2, 3:
                lock.acquire()
                threads.add(threading.get_ident())
                yield n
        finally:
            threads.add(threading.get_ident())

    pid = await start(runtime, source(), thread=True)
    async with stage.subscribe(pid, caller=runtime.root) as stream:
        # It blocks, and the stage answers.
        assert await stage.estimate_buffered_count(pid, caller=runtime.root) == 0
        for n in 1, 2, 3:
            lock.release()
            assert await anext(stream) == [n]
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
    assert threading.get_ident() not in threads


async def test_a_thread_reads_on_no_longer_than_its_stage_lives(
    runtime: Runtime,
) -> None:
    lock = threading.Semaphore(0)
    taken: list[int] = []
    closed_by: list[int] = []

    def source() -> Iterator[int]:
        try:
            for item in range(99):
                taken.append(item)
                lock.acquire()
                yield item
        finally:
            closed_by.append(threading.get_ident())

    pid = await start(runtime, source(), thread=True)
    taker = await taking(runtime, pid, 99)
    find(runtime, pid).kill()
    await settle()
    assert runtime.find(pid) is None
    lock.release()
    lock.release()
    while not closed_by:
        await trio.lowlevel.checkpoint()
    # To close it may block as well.
    assert closed_by != [threading.get_ident()]
    assert taken == [0]
    assert taker.read() == []


async def test_what_a_thread_raises_ends_the_stage(runtime: Runtime) -> None:
    items = Items(1, 2, failure=LookupError("dry"))
    pid = await start(runtime, items.plain, thread=True)
    ends = Ends(find(runtime, pid))
    got: list[Any] = []
    with suppress(SubscriptionCanceled):
        async for batch in stage.subscribe(pid, caller=runtime.root):
            got += batch
    assert got == [1, 2]
    assert ends.reasons[0][1] == b"builtins.LookupError"
