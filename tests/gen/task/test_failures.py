"""A task or an owner that fails, and whom that ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, Exit, Task, TaskExit
from tests.gen.task.kit import fail, hang
from tests.runtimes import Ends, assert_only_the_root, inside, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


async def crash() -> None:
    raise ValueError("wanted")


async def test_a_task_without_a_value_raises_its_reason(
    runtime: Runtime, owning: Any
) -> None:
    async def body(me: Any) -> Any:
        task = await Task.async_nolink(fail, caller=me)
        with pytest.raises(TaskExit) as caught:
            await task.await_()
        assert caught.value.task is task
        return caught.value.reason

    assert await owning(body) == "boom"
    await settle()
    assert_only_the_root(runtime)


async def test_an_exception_is_the_reason_that_it_is_elsewhere_and_logged_once(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    task = await Task.async_nolink(crash, caller=runtime.root)
    with pytest.raises(TaskExit) as caught:
        await task.await_()
    kind, name, text, frames = caught.value.reason
    assert (kind, name, text) == ("python", b"builtins.ValueError", b"wanted")
    assert b"test_failures.py" in frames[-1]
    (record,) = caplog.records
    assert record.report == "crash_report"  # type: ignore[attr-defined]
    assert record.label == "crash"  # type: ignore[attr-defined]


async def test_a_linked_task_that_fails_ends_its_owner(runtime: Runtime) -> None:
    async def body(me: Process) -> None:
        await (await Task.async_(fail)).await_()

    owner = runtime.spawn(body, ())
    ends = Ends(owner)
    await settle()
    assert ends.reasons == ["boom"]


async def test_an_owner_that_traps_exits_lives_and_hears_of_it(
    runtime: Runtime,
) -> None:
    async def body(me: Process) -> Any:
        me.trap_exit = True
        task = await Task.async_(fail)
        with pytest.raises(TaskExit):
            await task.await_()
        return task, await me.receive()

    task, message = await inside(runtime, body)
    assert message == (Atom("EXIT"), task.pid, "boom")


async def test_an_owner_that_fails_ends_its_linked_task(runtime: Runtime) -> None:
    tasks: list[Any] = []

    async def body(me: Process) -> None:
        tasks.append(await Task.async_(hang))
        tasks.append(await Task.async_nolink(hang))
        raise Exit("gone")

    runtime.spawn(body, ())
    await settle()
    linked, free = tasks
    assert runtime.find(linked.pid) is None
    assert runtime.find(free.pid) is not None


async def test_a_task_that_fails_leaves_a_program_alone(runtime: Runtime) -> None:
    task = await Task.async_(fail, caller=runtime.root)
    with pytest.raises(TaskExit):
        await task.await_()
    assert not runtime.root.links


async def test_start_link_fails_together_with_who_started_it(
    runtime: Runtime,
) -> None:
    async def body(me: Process) -> None:
        await Task.start_link(fail)
        await trio.sleep_forever()

    ends = Ends(runtime.spawn(body, ()))
    await settle()
    assert ends.reasons == ["boom"]
