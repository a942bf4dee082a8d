"""``await_many`` and ``yield_many``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Exit, Task, TaskExit, TaskTimeout
from tests.runtimes import assert_only_the_root, inside, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


async def after(seconds: float, value: Any) -> Any:
    await trio.sleep(seconds)
    if value == "boom":
        raise Exit("boom")
    return value


async def begin(me: Any, *works: tuple[float, Any]) -> list[Task]:
    return [await Task.async_nolink(after, *work, caller=me) for work in works]


@pytest.fixture(params=["process", "program"])
def owning(request: pytest.FixtureRequest, runtime: Runtime) -> Any:
    async def run(body: Any) -> Any:
        if request.param == "program":
            result = await body(runtime.root)
        else:
            result = await inside(runtime, body)
        await settle()
        for process in list(runtime.processes.values()):
            process.kill()
        await settle()
        assert_only_the_root(runtime)
        return result

    return run


async def test_values_come_in_the_order_of_the_tasks(
    owning: Any, autojump_clock: trio.abc.Clock
) -> None:
    async def body(me: Any) -> Any:
        tasks = await begin(me, (3, "a"), (1, "b"), (2, "c"))
        began = trio.current_time()
        values = await Task.await_many(tasks)
        return values, trio.current_time() - began

    assert await owning(body) == (["a", "b", "c"], pytest.approx(3))


async def test_nothing_is_awaited_at_once(
    owning: Any, autojump_clock: trio.abc.Clock
) -> None:
    async def body(me: Any) -> Any:
        return await Task.await_many([]), await Task.yield_many([])

    assert await owning(body) == ([], [])


async def test_the_first_failure_is_told_at_once(
    owning: Any, autojump_clock: trio.abc.Clock
) -> None:
    async def body(me: Any) -> Any:
        tasks = await begin(me, (4, "a"), (1, "boom"), (2, "c"))
        began = trio.current_time()
        with pytest.raises(TaskExit) as caught:
            await Task.await_many(tasks)
        assert caught.value.task is tasks[1]
        assert trio.current_time() - began == pytest.approx(1)
        await trio.sleep(5)
        return me.messages()

    assert await owning(body) == []


async def test_one_time_for_all_of_them(
    owning: Any, autojump_clock: trio.abc.Clock
) -> None:
    async def body(me: Any) -> Any:
        tasks = await begin(me, (1, "a"), (9, "b"))
        began = trio.current_time()
        with pytest.raises(TaskTimeout) as caught:
            await Task.await_many(tasks, 2)
        assert caught.value.task is tasks[1]
        assert trio.current_time() - began == pytest.approx(2)
        await trio.sleep(9)
        return me.messages()

    assert await owning(body) == []


ROWS = [
    # limit, on_timeout, the outcomes after two seconds, how many still run then
    (None, "nothing", [("ok", "a"), None, ("exit", "boom"), None], 2, 2),
    (None, "ignore", [("ok", "a"), None, ("exit", "boom"), None], 2, 2),
    (None, "kill_task", [("ok", "a"), None, ("exit", "boom"), None], 0, 2),
    (1, "kill_task", [("ok", "a"), None, None, None], 3, 1),
    (2, "kill_task", [("ok", "a"), None, ("exit", "boom"), None], 2, 1.5),
    (0, "kill_task", [None, None, None, None], 4, 0),
]


@pytest.mark.parametrize(("limit", "on_timeout", "outcomes", "left", "seconds"), ROWS)
async def test_yield_many_gives_each_its_outcome(
    runtime: Runtime,
    owning: Any,
    autojump_clock: trio.abc.Clock,
    limit: int | None,
    on_timeout: str,
    outcomes: list[Any],
    left: int,
    seconds: float,
) -> None:
    async def body(me: Any) -> None:
        tasks = await begin(me, (1, "a"), (6, "b"), (1.5, "boom"), (9, "c"))
        began = trio.current_time()
        got = await Task.yield_many(tasks, 2, limit=limit, on_timeout=on_timeout)
        assert trio.current_time() - began == pytest.approx(seconds)
        assert [task for task, _ in got] == tasks
        assert [outcome for _, outcome in got] == outcomes
        await settle()
        assert sum(runtime.find(task.pid) is not None for task in tasks) == left  # type: ignore[arg-type]
        if on_timeout == "nothing":
            again = await Task.yield_many([tasks[1], tasks[3]], None)
            assert [outcome for _, outcome in again] == [("ok", "b"), ("ok", "c")]

    await owning(body)


async def test_an_unknown_answer_to_a_timeout_is_refused(runtime: Runtime) -> None:
    with pytest.raises(ValueError, match="on_timeout"):
        await Task.yield_many([], on_timeout="panic")


async def test_a_cancelled_wait_for_many_keeps_what_the_rest_will_say(
    owning: Any, autojump_clock: trio.abc.Clock
) -> None:
    async def body(me: Any) -> Any:
        tasks = await begin(me, (3, "a"), (4, "b"))
        with trio.move_on_after(1):
            await Task.await_many(tasks)
        return await Task.await_many(tasks)

    assert await owning(body) == ["a", "b"]


async def test_a_cancelled_wait_for_many_puts_back_what_had_come(
    owning: Any, autojump_clock: trio.abc.Clock
) -> None:
    async def body(me: Any) -> Any:
        tasks = await begin(me, (1, "a"), (1, "boom"), (4, "b"))
        with trio.move_on_after(2):
            await Task.yield_many(tasks)
        return [outcome for _, outcome in await Task.yield_many(tasks)]

    assert await owning(body) == [("ok", "a"), ("exit", "boom"), ("ok", "b")]
