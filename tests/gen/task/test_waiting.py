"""Waiting for one task: its time, again after a cancellation, and who may wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import LocalProtocolError, Task, TaskTimeout
from tests.gen.task.kit import double, fail, hang
from tests.runtimes import assert_only_the_root, inside, mail, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


async def slow() -> str:
    await trio.sleep(2)
    return "done"


async def test_a_task_that_takes_too_long_goes_on_unheard(
    runtime: Runtime, owning: Any, autojump_clock: trio.abc.Clock
) -> None:
    async def body(me: Any) -> Any:
        task = await Task.async_(slow, caller=me)
        began = trio.current_time()
        with pytest.raises(TaskTimeout) as caught:
            await task.await_(1)
        assert trio.current_time() - began == pytest.approx(1)
        assert caught.value.seconds == 1
        assert isinstance(caught.value, TimeoutError)
        assert task.pid is not None
        assert runtime.find(task.pid) is not None
        await trio.sleep(2)
        return mail(me)

    assert await owning(body) == []
    await settle()
    assert_only_the_root(runtime)


async def test_await_has_five_seconds_by_default(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    task = await Task.async_(hang, caller=runtime.root)
    began = trio.current_time()
    with pytest.raises(TaskTimeout):
        await task.await_()
    assert trio.current_time() - began == pytest.approx(5)


async def test_a_cancelled_wait_can_be_begun_again(
    runtime: Runtime, owning: Any, autojump_clock: trio.abc.Clock
) -> None:
    async def body(me: Any) -> Any:
        task = await Task.async_(slow, caller=me)
        with trio.move_on_after(1):
            await task.await_()
        return await task.await_()

    assert await owning(body) == "done"


async def test_yield_tells_what_there_is(
    runtime: Runtime, owning: Any, autojump_clock: trio.abc.Clock
) -> None:
    async def body(me: Any) -> Any:
        task = await Task.async_(slow, caller=me)
        bad = await Task.async_nolink(fail, caller=me)
        return [await task.yield_(1), await task.yield_(), await bad.yield_()]

    assert await owning(body) == [None, ("ok", "done"), ("exit", "boom")]


async def test_only_the_owner_may_wait_and_only_in_its_body(runtime: Runtime) -> None:
    async def body(me: Process) -> None:
        task = await Task.async_(double, 1)
        raised = trio.Event()

        async def helper() -> None:
            for wait in (task.await_, task.yield_, task.shutdown, task.ignore):
                with pytest.raises(LocalProtocolError, match="in its body only"):
                    await wait()
            raised.set()

        me.start_soon(helper)
        await raised.wait()

        async def other(process: Process) -> None:
            with pytest.raises(LocalProtocolError):
                await task.await_()

        await inside(runtime, other)
        assert await task.await_() == 2

    await inside(runtime, body)


async def test_a_completed_task_has_its_value_at_once(owning: Any) -> None:
    async def body(me: Any) -> Any:
        task = Task.completed(7, caller=me)
        assert task.pid is None
        with pytest.raises(ValueError, match="no process"):
            await Task.completed(7, caller=me).shutdown()
        return await task.await_(0)

    assert await owning(body) == 7


async def test_a_message_that_only_names_the_task_is_not_its_value(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    async def late() -> str:
        await trio.sleep(1)
        return "done"

    async def body(me: Process) -> Any:
        task = await Task.async_nolink(late)
        strange = [("began", task.ref), (task.ref, 1, 2), (task.ref,)]
        for message in strange:
            await me.send(me.pid, message)
        assert await Task.yield_many([task], 0) == [(task, None)]
        assert await task.yield_(0) is None
        assert await task.await_() == "done"
        return me.messages() == strange

    assert await inside(runtime, body)
