"""Tasks under a task supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import ergopy
from ergopy import (
    Atom,
    ChildError,
    ChildSpec,
    Exit,
    NoProcess,
    NotPermitted,
    PartitionSupervisor,
    ProcessConfig,
    SpecError,
    Supervisor,
    Task,
    TaskExit,
    TaskSupervisor,
    Via,
    supervisor,
)
from tests.gen.task.kit import TASKS, double, fail, hang
from tests.runtimes import Ends, assert_only_the_root, inside, running, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


@pytest.mark.parametrize("start", [Task.async_, Task.async_nolink])
@pytest.mark.parametrize("function", [double, ("m", "double")])
async def test_a_task_may_be_a_child_of_a_supervisor(
    tasks: Runtime, start: Any, function: Any
) -> None:
    async def body(me: Process) -> Any:
        task = await start(function, 21, under=TASKS)
        assert (task.pid in me.links) == (start == Task.async_)
        value = await task.await_()
        await settle()
        return value, me.messages()

    assert await inside(tasks, body) == (42, [])


async def test_the_supervisor_tells_its_children(tasks: Runtime) -> None:
    root = tasks.root
    task = await Task.async_nolink(hang, under=TASKS, caller=root)
    assert await TaskSupervisor.children(TASKS, caller=root) == [task.pid]
    await task.shutdown()
    assert await TaskSupervisor.children(TASKS, caller=root) == []


async def test_a_program_has_such_tasks_too(tasks: Runtime) -> None:
    task = await Task.async_(double, 4, under=TASKS, caller=tasks.root)
    assert await task.await_() == 8
    await settle()
    assert len(tasks.processes) == 2
    assert not tasks.aliases


async def test_its_process_knows_whose_child_it_is_and_who_asked(
    tasks: Runtime,
) -> None:
    def look() -> Any:
        it = ergopy.self()
        return dict(it.dictionary), it.label, len(it.monitors)

    async def body(me: Process) -> Any:
        seen, label, watched = await (await Task.async_(look, under=TASKS)).await_()
        assert not watched
        assert seen[Atom("$callers")] == [me.pid]
        assert seen[Atom("$ancestors")] == [TASKS, tasks.root.pid]
        assert seen[Atom("$initial_call")][0] == __name__
        return label

    assert (await inside(tasks, body)).endswith("look")


async def test_a_failure_is_that_of_the_task_and_not_of_its_supervisor(
    tasks: Runtime,
) -> None:
    async def body(me: Process) -> Any:
        task = await Task.async_nolink(fail, under=TASKS)
        with pytest.raises(TaskExit) as caught:
            await task.await_()
        return caught.value.reason

    assert await inside(tasks, body) == "boom"
    assert tasks.whereis(TASKS) is not None


async def test_a_linked_one_ends_its_owner(tasks: Runtime) -> None:
    async def body(me: Process) -> None:
        await (await Task.async_(fail, under=TASKS)).await_()

    ends = Ends(tasks.spawn(body, ()))
    await settle()
    assert ends.reasons == ["boom"]


async def test_the_end_of_the_supervisor_ends_its_tasks(tasks: Runtime) -> None:
    task = await Task.async_nolink(hang, under=TASKS, caller=tasks.root)
    await tasks.root.stop(TASKS, "shutdown")
    assert await task.yield_(0) == ("exit", "shutdown")
    await settle()
    assert_only_the_root(tasks)


async def test_one_task_too_many_is_refused() -> None:
    async with running() as runtime:
        root = runtime.root
        await root.start(TaskSupervisor, name=TASKS, max_children=1)
        task = await Task.async_nolink(hang, under=TASKS, caller=root)
        for start in Task.async_, Task.async_nolink, Task.start:
            with pytest.raises(ChildError) as caught:
                await start(double, 1, under=TASKS, caller=root)
            assert caught.value.reason == "max_children"
        stream = Task.async_stream([1], double, under=TASKS, caller=root)
        with pytest.raises(ChildError):
            await anext(stream)
        assert await task.shutdown() is None
        stream = Task.async_stream([1], double, under=TASKS, caller=root)
        assert await anext(stream) == ("ok", 2)


async def test_a_task_without_a_value_may_be_restarted(tasks: Runtime) -> None:
    ran: list[Any] = []

    async def twice() -> None:
        ran.append(ergopy.self().pid)
        if len(ran) < 3:
            raise Exit("boom")

    pid = await Task.start(twice, under=TASKS, restart="transient", caller=tasks.root)
    await settle()
    assert ran[0] == pid
    assert len(set(ran)) == 3
    pid = await Task.start(fail, under=TASKS, caller=tasks.root)
    await settle()
    assert tasks.find(pid) is None
    assert len(tasks.processes) == 2


async def test_a_supervisor_that_is_not_there_is_an_error(runtime: Runtime) -> None:
    for start in Task.async_, Task.start:
        with pytest.raises(NoProcess):
            await start(double, 1, under=TASKS, caller=runtime.root)
    assert_only_the_root(runtime)


async def test_its_children_are_ended_by_their_pid(tasks: Runtime) -> None:
    task = await Task.async_nolink(hang, under=TASKS, caller=tasks.root)
    (row,) = await supervisor.which_children(TASKS, caller=tasks.root)
    assert row.pid == task.pid
    assert row.modules == ["Elixir.Task.Supervised"]
    await supervisor.terminate_child(TASKS, task.pid, caller=tasks.root)
    assert await task.yield_(0) == ("exit", "shutdown")


@pytest.mark.parametrize("policy", ["deep", "etf"])
@pytest.mark.parametrize("under", [None, TASKS])
async def test_processes_that_copy_what_they_send_have_tasks_too(
    tasks: Runtime, policy: Any, under: Any
) -> None:
    async def body(me: Process) -> Any:
        one = await Task.async_(double, 4, under=under)
        two = await Task.async_(lambda: [1], under=under)
        three = await Task.async_(("m", "double"), 5, under=under)
        return await Task.await_many([one, two, three])

    config = ProcessConfig(copy=policy)
    assert await inside(tasks, body, config=config) == [8, [1], 10]


async def test_a_process_that_may_not_spawn_has_no_tasks(tasks: Runtime) -> None:
    async def body(me: Process) -> None:
        for start in Task.async_, Task.async_nolink, Task.start, Task.start_link:
            with pytest.raises(NotPermitted):
                await start(double, 1)
        assert await (await Task.async_(double, 1, under=TASKS)).await_() == 2

    await inside(tasks, body, config=ProcessConfig(may_spawn=False))


@pytest.mark.parametrize("shutdown", [-1, "never", (1,)])
async def test_a_time_that_is_none_is_refused_before_anybody_is_asked(
    runtime: Runtime, shutdown: Any
) -> None:
    for start in Task.async_, Task.async_nolink, Task.start:
        with pytest.raises(SpecError):
            await start(double, 1, under=TASKS, shutdown=shutdown, caller=runtime.root)


async def test_task_supervisors_may_share_the_work(tasks: Runtime) -> None:
    root = tasks.root
    child = ChildSpec(TaskSupervisor)
    await root.start(PartitionSupervisor, child, name="parts", partitions=3)

    async def body(me: Process) -> Any:
        begun = [await Task.async_(double, n, under=Via("parts", n)) for n in range(6)]
        values = await Task.await_many(begun)
        later = [await Task.async_(hang, under=Via("parts", n)) for n in range(6)]
        above = [tasks.find(task.pid or me.pid) for task in later]
        parents = {process.parent for process in above if process is not None}
        return values, len(parents)

    assert await inside(tasks, body) == ([0, 2, 4, 6, 8, 10], 3)


async def test_a_task_is_a_child_of_any_supervisor(runtime: Runtime) -> None:
    ran: list[Any] = []

    async def work(n: int) -> None:
        ran.append((n, ergopy.self().label))
        if len(ran) < 2:
            raise Exit("boom")

    children = [
        Task.child_spec(work, 7, restart="transient"),
        Task.child_spec(hang, id="other"),
    ]
    pid = await runtime.root.start(Supervisor, children)
    await settle()
    assert [n for n, _ in ran] == [7, 7]
    assert ran[0][1].endswith("work")
    rows = await supervisor.which_children(pid, caller=runtime.root)
    assert [(row.id, row.pid is None) for row in rows] == [
        ("other", False),
        ("Elixir.Task", True),
    ]
    with pytest.raises(TypeError):
        Task.child_spec("work")  # type: ignore[arg-type]


async def test_a_stream_of_children_is_one_as_any_other(tasks: Runtime) -> None:
    async def body(me: Process) -> Any:
        stream = Task.async_stream([1, 2, 3], double, under=TASKS, max_concurrency=2)
        return [outcome async for outcome in stream], me.messages()

    expected = [("ok", 2), ("ok", 4), ("ok", 6)]
    assert await inside(tasks, body) == (expected, [])
