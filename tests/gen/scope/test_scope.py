"""How long a scope lasts: its block, its owner, closed, cancelled, one in another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import ErgopyError, Scope
from tests.gen.scope.kit import Worker, end
from tests.runtimes import assert_only_the_root, idle, inside, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


async def test_children_end_with_the_block_the_youngest_first(runtime: Runtime) -> None:
    log: list[Any] = []

    async def body(process: Process) -> Any:
        async with Scope(process) as scope:
            first = await scope.start(Worker, log, "first")
            second = await scope.start(Worker, log, "second")
            assert scope.children == [first, second]
        assert scope.children == []
        return process.messages(), dict(process.links)

    assert await inside(runtime, body) == ([], {})
    assert log == [("second", "shutdown"), ("first", "shutdown")]
    assert_only_the_root(runtime)


async def test_each_child_is_stopped_in_its_own_way(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    log: list[Any] = []

    async def body(process: Process) -> float:
        async with Scope(process) as scope:
            await scope.start(Worker, log, "patient", 20, shutdown="infinity")
            await scope.start(Worker, log, "too slow", 9, shutdown=2)
            await scope.start(Worker, log, "killed", shutdown="brutal_kill")
            started = trio.current_time()
        return trio.current_time() - started

    assert await inside(runtime, body) == 22
    assert log == [("patient", "shutdown")]


async def test_children_end_when_their_owner_is_killed(runtime: Runtime) -> None:
    log: list[Any] = []

    async def body(process: Process) -> None:
        async with Scope(process) as scope:
            await scope.start(Worker, log, "first")
            await scope.start(Worker, log, "second")
            await trio.sleep_forever()

    owner = runtime.spawn(body, ())
    await settle()
    await end(runtime, owner.pid, "kill")
    assert log == [("second", "shutdown"), ("first", "shutdown")]
    assert_only_the_root(runtime)


async def test_a_cancelled_block_does_not_wait_for_its_children(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    log: list[Any] = []

    async def body(process: Process) -> Any:
        with trio.move_on_after(1):
            async with Scope(process) as scope:
                await scope.start(Worker, log, "slow", 3)
                await trio.sleep_forever()
        cancelled_at = trio.current_time()
        await settle()
        return cancelled_at, list(log)

    started = trio.current_time()
    cancelled_at, at_once = await inside(runtime, body)
    assert cancelled_at - started == 1
    await trio.sleep(10)
    assert (at_once, log) == ([], [("slow", "shutdown")])
    assert_only_the_root(runtime)


async def test_a_scope_without_a_block_lasts_until_it_is_closed(
    runtime: Runtime,
) -> None:
    log: list[Any] = []

    async def body(process: Process) -> Any:
        scope = Scope(process)
        await scope.start(Worker, log, "it")
        await settle()
        assert log == []
        await scope.aclose()
        await scope.aclose()
        return list(log), process.messages(), dict(process.links)

    assert await inside(runtime, body) == ([("it", "shutdown")], [], {})


async def test_it_ends_with_its_owner_at_the_latest(runtime: Runtime) -> None:
    log: list[Any] = []

    async def body(process: Process) -> None:
        await Scope(process).start(Worker, log, "it")

    await inside(runtime, body)
    await settle()
    assert log == [("it", "shutdown")]
    assert_only_the_root(runtime)


async def test_nothing_starts_in_a_scope_that_is_closed(runtime: Runtime) -> None:
    async def body(process: Process) -> None:
        scope = Scope(process)
        async with scope:
            await scope.start(idle)
        for attempt in (
            lambda: scope.start(idle),
            lambda: scope.__aenter__(),
        ):
            with pytest.raises(ErgopyError, match="nothing can be started"):
                await attempt()
        with pytest.raises(ErgopyError, match="nothing can be started"):
            scope.start_soon(trio.sleep_forever)

    await inside(runtime, body)


async def test_a_scope_is_in_one_block_at_a_time(runtime: Runtime) -> None:
    async def body(process: Process) -> None:
        async with Scope(process) as scope:
            with pytest.raises(ErgopyError, match="in a block already"):
                await scope.__aenter__()

    await inside(runtime, body)


async def test_scopes_may_be_nested(runtime: Runtime) -> None:
    log: list[Any] = []

    async def body(process: Process) -> None:
        async with Scope(process) as outer:
            await outer.start(Worker, log, "outer")
            async with Scope(process) as inner:
                await inner.start(Worker, log, "inner")
            assert log == [("inner", "shutdown")]

    await inside(runtime, body)
    assert [name for name, _ in log] == ["inner", "outer"]


async def test_a_scope_shows_what_it_is(runtime: Runtime) -> None:
    scope = Scope(sleeper(runtime))
    assert repr(scope) == "<Scope of sleeper: 0 children>"
    await scope.aclose()
    assert repr(scope) == "<Scope of sleeper: closed>"


@pytest.mark.parametrize("checkpoints", range(12))
async def test_cancelled_at_any_moment_a_scope_starts_what_comes_next(
    runtime: Runtime, autojump_clock: trio.abc.Clock, checkpoints: int
) -> None:
    async def body(process: Process) -> None:
        async with Scope(process) as scope:
            async with trio.open_nursery() as nursery:

                async def cancel() -> None:
                    for _ in range(checkpoints):
                        await trio.lowlevel.checkpoint()
                    cut.cancel()

                with trio.CancelScope() as cut:
                    nursery.start_soon(cancel)
                    await scope.start(idle)
            assert await scope.start(idle) in scope.children

    await inside(runtime, body)
