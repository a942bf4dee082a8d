"""How a source ends, and is closed, with the producer that reads it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.lowlevel

from ergopy import (
    stage,
)
from tests.gen.stage.stages import cancel
from tests.gen.stage.streams.kit import (
    Items,
    crash,
    events,
    kill,
    start,
    stop,
    taking,
)
from tests.runtimes import (
    Ends,
    find,
    settle,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy.process.runtime import Runtime


async def test_the_end_waits_until_all_is_sent(runtime: Runtime) -> None:
    put, get = trio.open_memory_channel[int](9)
    pid = await start(runtime, get)
    ends = Ends(find(runtime, pid))
    taker = await taking(runtime, pid, 9)
    await taker.to_producer(pid, taker.tag, cancel("normal"))
    # They were wanted, and nobody is there when they come.
    for item in 1, 2, 3:
        await put.send(item)
    put.close()
    await settle()
    assert ends.reasons == []
    other = await taking(runtime, pid, 2)
    assert (other.read(), ends.reasons) == ([[1, 2]], [])
    await other.ask_for(1)
    assert (other.read(), ends.reasons) == ([[3]], ["normal"])


async def test_the_end_waits_for_what_a_pause_holds_back(runtime: Runtime) -> None:
    put, get = trio.open_memory_channel[int](9)
    pid = await start(runtime, get)
    taker = await taking(runtime, pid, 9)
    await stage.demand(pid, "accumulate", caller=runtime.root)
    await put.send(1)
    put.close()
    await settle()
    assert taker.read() == []
    await stage.demand(pid, "forward", caller=runtime.root)
    await settle()
    assert taker.read() == [[1]]
    assert runtime.find(pid) is None


async def test_a_source_that_accumulates_is_started_by_its_stream(
    runtime: Runtime,
) -> None:
    items = Items(1, 2)
    pid = await start(runtime, items.plain, demand="accumulate")
    await settle()
    assert await events(runtime, pid) == [1, 2]


@pytest.mark.parametrize("form", ["plain", "slowly"])
async def test_what_a_source_raises_ends_it_after_what_came_before(
    runtime: Runtime, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    items = Items(1, 2, failure=LookupError("dry"))
    pid = await start(runtime, getattr(items, form))
    ends = Ends(find(runtime, pid))
    taker = await taking(runtime, pid, 9)
    assert taker.events() == [1, 2]
    ((kind, name, text, _),) = ends.reasons
    assert (kind, name, text) == ("python", b"builtins.LookupError", b"dry")
    assert items.closed == 1
    (record,) = [record for record in caplog.records if record.exc_info]
    assert f"in {form}" in str(caplog.text)
    assert record.levelno == logging.ERROR


@pytest.mark.parametrize("end", [stop, kill, crash])
@pytest.mark.parametrize("form", ["plain", "slowly"])
@pytest.mark.parametrize("demand", [1, 2])
async def test_the_source_is_closed_however_the_stage_ends(
    runtime: Runtime, end: Any, form: str, demand: int
) -> None:
    items = Items(*range(9), pause=0 if demand == 1 else 99)
    pid = await start(runtime, getattr(items, form)())
    await taking(runtime, pid, demand)
    assert items.closed == 0
    await end(runtime, pid)
    await settle()
    assert items.closed == 1
    assert runtime.find(pid) is None


async def test_a_source_may_wait_while_it_closes(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    said: list[str] = []

    async def source() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await trio.sleep(2)
            said.append("closed")

    pid = await start(runtime, source)
    await taking(runtime, pid, 1)
    await runtime.root.stop(pid)
    await trio.sleep(3)
    assert said == ["closed"]


async def test_a_source_that_does_not_close_is_given_up(
    runtime: Runtime,
    autojump_clock: trio.abc.Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Source:
        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> int:
            return 1

        async def aclose(self) -> None:
            await trio.sleep_forever()

    await runtime.root.stop(await start(runtime, Source()))
    await trio.sleep(6)
    assert "took longer than 5 s to close" in caplog.text


async def test_what_a_source_raises_as_it_closes_ends_the_stage(
    runtime: Runtime,
) -> None:
    class Source:
        def __init__(self) -> None:
            self.items = iter([1, 2])

        def __iter__(self) -> Any:
            return self

        def __next__(self) -> int:
            return next(self.items)

        def close(self) -> None:
            raise OSError("no end")

    pid = await start(runtime, Source())
    ends = Ends(find(runtime, pid))
    taker = await taking(runtime, pid, 9)
    assert taker.events() == [1, 2]
    assert ends.reasons[0][1:3] == (b"builtins.OSError", b"no end")
