"""Workers that end: who hears of it, and who comes after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    Atom,
    Backoff,
    CallExit,
    GenServer,
    Pool,
    StartError,
    pool,
    supervisor,
)
from ergopy.testing import faults
from tests.gen.pool.pools import Callers, begin
from tests.runtimes import Ends, assert_only_the_root, find, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


async def pids(callers: Callers) -> dict[Any, Any]:
    rows = await supervisor.which_children(callers.dest, caller=callers.root)
    return {row.id: row.pid for row in rows}


async def test_a_worker_is_followed_in_its_place_and_the_others_go_on(
    runtime: Runtime,
) -> None:
    callers = await begin(runtime, size=3)
    before = await pids(callers)
    await runtime.root.exit(before[1], "boom")
    await settle()
    after = await pids(callers)
    assert after[0] == before[0]
    assert after[2] == before[2]
    assert runtime.find(after[1]) is not None
    assert after[1] != before[1]
    assert (await callers.numbers()).restarts == 1


async def test_the_calls_of_a_worker_fail_at_once_with_its_reason(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    callers = await begin(runtime, size=1, capacity=3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(callers.note, 0, ("later", 9, 0))
        await settle()
        nursery.start_soon(callers.note, 1, ("fail", 2, "boom"))
        await settle()
        nursery.start_soon(callers.note, 2, ("sleep", 1, 2))
        await settle()
        nursery.start_soon(callers.note, 3, ("sleep", 1, 3))
    assert sorted(callers.ended, key=str) == [
        (2, 0, "boom"),
        (2, 1, "boom"),
        (2, 2, "boom"),
        (3, 3, 3),
    ]
    numbers = await callers.numbers()
    assert (numbers.failed, numbers.served) == (3, 1)


async def test_a_call_may_be_tried_again_with_another_worker(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    log: list[Any] = []
    callers = await begin(runtime, log, size=1, capacity=2, retries=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(callers.note, 0, ("fail once", 1, "boom"))
        await settle()
        nursery.start_soon(callers.note, 1, ("sleep", 1, 1))
    assert callers.ended == [(1, 0, "again"), (2, 1, 1)]
    assert log == [("fail once", 1, "boom")] * 2 + [("sleep", 1, 1)]
    numbers = await callers.numbers()
    assert (numbers.retried, numbers.failed, numbers.served) == (2, 0, 2)


@pytest.mark.parametrize("retries", [0, 1, 2])
async def test_a_call_is_tried_no_more_often_than_it_may(
    runtime: Runtime, autojump_clock: trio.abc.Clock, retries: int
) -> None:
    log: list[Any] = []
    callers = await begin(runtime, log, retries=retries)
    await callers.note(0, ("fail", 1, "boom"))
    assert callers.ended == [(retries + 1, 0, "boom")]
    assert len(log) == retries + 1


async def test_waiting_calls_do_not_suffer(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    callers = await begin(runtime, size=1)
    async with trio.open_nursery() as nursery:
        for n, request in enumerate([("fail", 1, "boom"), ("sleep", 1, 1), 2]):
            nursery.start_soon(callers.note, n, request)
            await settle()
    assert sorted(callers.ended) == [(1, 0, "boom"), (2, 1, 1), (2, 2, 2)]


async def test_a_late_answer_of_a_worker_that_is_gone_is_dropped(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    kept: list[Any] = []

    class Keeps(GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            kept.append(from_)
            raise ValueError("wanted")

    dest = await runtime.root.start(Pool, Keeps)
    callers = Callers(runtime, dest)
    await callers.note(0, "x")
    await runtime.root.reply(kept[0], "late")
    assert callers.ended[0][2][0] == "python"
    assert (await callers.numbers()).served == 0


async def test_too_many_crashes_end_the_pool_and_every_call(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    callers = await begin(runtime, size=2, intensity=1, period=5)
    ends = Ends(find(runtime, callers.dest))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(callers.note, "long", ("sleep", 99, 0))
        await settle()
        for n in range(3):
            nursery.start_soon(callers.note, n, ("fail", 1, "boom"))
            await settle()
    assert ends.reasons == ["shutdown"]
    ended = {name: value for _, name, value in callers.ended}
    assert ended == {"long": "shutdown", 0: "boom", 1: "boom", 2: "shutdown"}
    await settle()
    assert_only_the_root(runtime)


async def test_calls_wait_for_a_worker_that_does_not_come_up_again_at_once(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    attempts: list[float] = []

    class Hard(GenServer):
        async def init(self) -> None:
            attempts.append(trio.current_time())
            if 1 < len(attempts) < 4:
                raise LookupError("not yet")

        async def handle_call(self, request: Any, from_: Any) -> Any:
            return request

    dest = await runtime.root.start(Pool, Hard)
    callers = Callers(runtime, dest)
    (pid,) = (await pids(callers)).values()
    await runtime.root.exit(pid, "boom")
    assert await callers.call("still") == "still"
    assert len(attempts) == 4


async def test_a_killed_pool_leaves_nothing_behind(runtime: Runtime) -> None:
    callers = await begin(runtime, size=2)
    async with trio.open_nursery() as nursery:
        for n in range(5):
            nursery.start_soon(callers.note, n, ("sleep", 9, n))
        await settle()
        await runtime.root.exit(callers.dest, "kill")
    assert [value for _, _, value in callers.ended] == ["killed"] * 5
    await settle()
    assert_only_the_root(runtime)


async def test_more_workers_come_up_while_the_pool_runs(runtime: Runtime) -> None:
    callers = await begin(runtime, size=1)
    await pool.resize(callers.dest, 3, caller=runtime.root)
    assert len({await callers.call("who") for _ in range(3)}) == 3
    numbers = await callers.numbers()
    assert (numbers.size, numbers.workers) == (3, 3)


async def test_fewer_workers_finish_what_they_have(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    callers = await begin(runtime, size=3)
    async with trio.open_nursery() as nursery:
        for n in range(4):
            nursery.start_soon(callers.note, n, ("sleep", n + 1, n))
            await settle()
        await pool.resize(callers.dest, 1, caller=runtime.root)
        numbers = await callers.numbers()
        assert (numbers.size, numbers.workers) == (1, 3)
    await settle()
    assert callers.names == [0, 1, 2, 3]
    assert list(await pids(callers)) == [0]
    assert (await callers.numbers()).workers == 1


async def test_a_worker_that_was_to_go_may_stay(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    callers = await begin(runtime, size=2)
    before = await pids(callers)
    async with trio.open_nursery() as nursery:
        for n in range(2):
            nursery.start_soon(callers.note, n, ("sleep", 1, n))
            await settle()
        await pool.resize(callers.dest, 1, caller=runtime.root)
        await pool.resize(callers.dest, 2, caller=runtime.root)
    await settle()
    assert await pids(callers) == before


async def test_a_resize_that_fails_keeps_what_came_up(runtime: Runtime) -> None:
    class Plain(GenServer):
        pass

    with faults(runtime) as bad:
        bad.fail(Plain, "init", LookupError("no third one"), at=3)
        dest = await runtime.root.start(Pool, Plain)
        with pytest.raises(StartError):
            await pool.resize(dest, 4, caller=runtime.root)
    numbers = await pool.statistics(dest, caller=runtime.root)
    assert (numbers.size, numbers.workers) == (2, 2)


async def test_an_overflow_that_fails_to_start_lets_the_call_wait(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    class One(GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            await trio.sleep(1)
            return request

    dest = await runtime.root.start(Pool, One, max_overflow=1)
    callers = Callers(runtime, dest)
    with faults(runtime) as bad:
        bad.fail(One, "init", LookupError("no other one"), times=None)
        async with trio.open_nursery() as nursery:
            for n in range(2):
                nursery.start_soon(callers.note, n, n)
                await settle()
    assert callers.ended == [(1, 0, 0), (2, 1, 1)]


async def test_an_overflow_that_crashes_is_not_replaced(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    callers = await begin(runtime, size=1, max_overflow=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(callers.note, 0, ("sleep", 3, 0))
        await settle()
        nursery.start_soon(callers.note, 1, ("fail", 1, "boom"))
        await trio.sleep(2)
        assert (await callers.numbers()).workers == 1
        assert await callers.call(Atom("again")) == "again"
    assert callers.ended == [(1, 1, "boom"), (3, 0, 0)]


async def test_a_pool_grows_no_further_than_it_may(runtime: Runtime) -> None:
    callers = await begin(runtime, size=1, max_size=2)
    for size, reason in (3, "system_limit"), (10**9, "system_limit"), (True, "badarg"):
        with pytest.raises(CallExit, match=reason):
            await pool.resize(callers.dest, size, caller=runtime.root)
    await pool.resize(callers.dest, 2, caller=runtime.root)
    assert (await callers.numbers()).size == 2


async def test_calls_wait_through_the_pause_before_a_restart(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    callers = await begin(runtime, size=1, backoff=Backoff(first=3.0, jitter=0.0))
    await callers.note(0, ("fail", 1, "boom"))
    await callers.note(1, "now")
    assert callers.ended == [(1, 0, "boom"), (4, 1, "now")]
