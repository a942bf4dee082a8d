"""Tasks under a supervisor of another node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy import Task, TaskSupervisor
from tests.gen.task.kit import TASKS, double

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime
    from tests.nodes import MakeNode


async def test_a_callable_is_not_for_another_node(runtime: Runtime) -> None:
    class Way:
        pass

    runtime._remote_node = lambda _: Way()  # type: ignore[assignment,return-value]
    place = (TASKS, "a@b")
    for start in Task.async_, Task.async_nolink, Task.start:
        with pytest.raises(TypeError, match="another node cannot run"):
            await start(double, 1, under=place, caller=runtime.root)


async def test_arguments_that_are_no_terms_leave_no_task_of_another_node_behind(
    make_node: MakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A task that is never told what to do would end after this, and its owner with it.
    monkeypatch.setattr("ergopy.gen.task.supervisor.PATIENCE", 0.2)
    here, there = await make_node(), await make_node()
    pid = await there.start(TaskSupervisor, name=TASKS)
    place = (TASKS, there.name)
    told: list[Any] = []

    async def body(me: Process) -> None:
        with pytest.raises(etf.EncodeError):
            await Task.async_(("m", "double"), object(), under=place)
        while await TaskSupervisor.children(place):  # noqa: ASYNC110 - no event
            await trio.sleep(0.01)
        await trio.sleep(0.3)
        told.append(me.messages())

    owner = await here.spawn(body)
    with trio.fail_after(30):
        while here.runtime.find(owner) is not None:  # noqa: ASYNC110 - no event
            await trio.sleep(0.01)
    assert told == [[]]
    assert there.runtime.find(pid) is not None
