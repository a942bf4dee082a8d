"""Workers that are borrowed, and casts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, CallExit, CallTimeout, NoProcess, pool
from tests.gen.pool.pools import begin
from tests.runtimes import find, inside, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


async def test_a_borrowed_worker_gets_nothing_else_to_do(runtime: Runtime) -> None:
    callers = await begin(runtime, size=2)
    root = runtime.root
    async with pool.worker(callers.dest, caller=root) as mine:
        others = {await callers.call("who") for _ in range(4)}
        assert len(others) == 1
        assert mine not in others
        assert await root.call(mine, "who") == mine
        assert (await callers.numbers()).busy == 1
    await settle()
    assert mine in {await callers.call("who") for _ in range(4)}
    assert not find(runtime, callers.dest).monitors
    assert not runtime.aliases


async def test_a_borrower_waits_in_the_line(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    callers = await begin(runtime, size=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(callers.note, 0, ("sleep", 2, 0))
        await settle()
        async with pool.worker(callers.dest, caller=runtime.root):
            assert trio.current_time() == pytest.approx(2)
            nursery.start_soon(callers.note, 1, 1)
            await trio.sleep(3)
            assert callers.names == [0]
    assert callers.names == [0, 1]


async def test_a_borrower_may_be_one_too_many(runtime: Runtime) -> None:
    callers = await begin(runtime, size=1, max_waiting=0)
    async with pool.worker(callers.dest, caller=runtime.root):
        with pytest.raises(CallExit, match="overloaded"):
            async with pool.worker(callers.dest, caller=runtime.root):
                raise AssertionError
    assert (await callers.numbers()).rejected == 1


@pytest.mark.parametrize("how", ["timeout", "cancel"])
async def test_who_stops_waiting_leaves_the_line_and_gets_no_worker(
    runtime: Runtime, autojump_clock: trio.abc.Clock, how: str
) -> None:
    callers = await begin(runtime, size=1)

    async def want() -> None:
        if how == "timeout":
            with pytest.raises(CallTimeout):
                async with pool.worker(callers.dest, timeout=1, caller=runtime.root):
                    raise AssertionError
            return
        with trio.move_on_after(1):
            async with pool.worker(callers.dest, caller=runtime.root):
                raise AssertionError

    async with trio.open_nursery() as nursery:
        nursery.start_soon(callers.note, 0, ("sleep", 3, 0))
        await settle()
        await want()
        await settle()
        assert (await callers.numbers()).waiting == 0
    assert await callers.call(1) == 1


async def test_what_a_borrower_had_comes_back_when_it_ends(runtime: Runtime) -> None:
    callers = await begin(runtime, size=1)
    got: list[Any] = []

    async def borrower(me: Process) -> None:
        async with pool.worker(callers.dest) as mine:
            got.append(mine)
            await me.receive()

    first = runtime.spawn(borrower, ())
    await settle()
    first.kill()
    await settle()
    assert await callers.call("who") == got[0]


async def test_a_borrowed_worker_that_ends_is_replaced(runtime: Runtime) -> None:
    callers = await begin(runtime, size=1)
    async with pool.worker(callers.dest, caller=runtime.root) as mine:
        await runtime.root.exit(mine, "boom")
        await settle()
        with pytest.raises(NoProcess):
            await runtime.root.call(mine, "who")
        assert await callers.call("who") != mine
    assert await callers.call(1) == 1


async def test_a_process_borrows_in_its_own_name(runtime: Runtime) -> None:
    callers = await begin(runtime, size=1)

    async def body(me: Process) -> Any:
        async with pool.worker(callers.dest) as mine:
            return await me.call(mine, "from") == me.pid

    assert await inside(runtime, body)


async def test_casts_take_turns_and_are_not_counted_as_work(runtime: Runtime) -> None:
    log: list[Any] = []
    callers = await begin(runtime, log, size=2)
    for n in range(4):
        await runtime.root.cast(callers.dest, n)
    await runtime.root.send(callers.dest, Atom("hello"))
    await settle()
    assert sorted(log, key=str) == [
        ("cast", 0),
        ("cast", 1),
        ("cast", 2),
        ("cast", 3),
        ("info", "hello"),
    ]
    assert (await callers.numbers()).busy == 0


async def test_casts_without_room_are_dropped_counted_and_logged_once(
    runtime: Runtime,
    autojump_clock: trio.abc.Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    log: list[Any] = []
    callers = await begin(runtime, log, size=1, max_casts=2)
    for _ in range(2):
        await runtime.root.cast(callers.dest, ("sleep", 1))
        await settle()
        for n in range(5):
            await runtime.root.cast(callers.dest, n)
        await settle()
        await trio.sleep(2)
    assert log == [("cast", ("sleep", 1)), ("cast", 0), ("cast", 1)] * 2
    assert (await callers.numbers()).dropped == 6
    assert [r.getMessage() for r in caplog.records] == [
        "Pool drops casts: no worker has room for them"
    ] * 2


async def test_the_least_loaded_gets_the_cast(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    log: list[Any] = []
    callers = await begin(runtime, log, size=2, dispatch="least_loaded")
    root = runtime.root
    for _ in range(2):
        await root.cast(callers.dest, ("sleep", 5))
    await settle()
    for n in range(4):
        await root.cast(callers.dest, n)
        await settle()
    counts = sorted(p.message_count() for p in runtime.processes.values())
    assert counts[-2:] == [2, 2]


async def test_a_borrowed_worker_that_ends_leaves_no_watch_on_its_borrower(
    runtime: Runtime,
) -> None:
    callers = await begin(runtime, size=1)
    async with pool.worker(callers.dest, caller=runtime.root) as mine:
        await runtime.root.exit(mine, "kill")
        assert await callers.call("who") != mine
        assert not find(runtime, callers.dest).monitors
