"""Tasks between Elixir and Python: either one's supervisor, asked by the other."""

from __future__ import annotations

import pytest
import trio

import ergopy
from ergopy import Atom, Exit, Task, TaskExit, TaskSupervisor, TaskTimeout

from .servers import inside, until

# The functions that Elixir may run here, as ``:math_py.function``.
MODULE = "math_py"


async def double(n):
    await trio.lowlevel.checkpoint()
    return 2 * n


def who():
    proc = ergopy.self()
    names = ("$callers", "$ancestors", "$initial_call")
    return [proc.pid, *(proc.dictionary.get(Atom(name)) for name in names)]


async def fail(reason):
    raise Exit(reason)


async def crash():
    raise ValueError("wanted")


async def sleep(ms):
    await trio.sleep(ms / 1000)
    return "slept"


@pytest.fixture
async def tasks(node):
    functions = [double, who, fail, crash, sleep]
    node.export(MODULE, {function.__name__: function for function in functions})
    node.export(MODULE, {"object": object})
    await node.start(TaskSupervisor, name="tasks")
    return node


async def none_left(node):
    """Wait until no task of ours runs."""
    with trio.fail_after(10):
        while await TaskSupervisor.children("tasks", caller=node):  # noqa: ASYNC110
            await trio.sleep(0.005)


async def test_async_and_await_of_elixir(elixir, tasks):
    source = """
        sup = {:tasks, py}
        task = Task.Supervisor.async(sup, :math_py, :double, [21])
        {Task.await(task), node(task.pid) == py, task.owner == self()}
    """
    assert await elixir.elixir(source, py=tasks.name) == (42, True, True)


async def test_many_tasks_at_once(elixir, tasks):
    source = """
        Enum.map(1..200, &Task.Supervisor.async({:tasks, py}, :math_py, :double, [&1]))
        |> Task.await_many()
        |> Enum.sum()
    """
    assert await elixir.elixir(source, py=tasks.name) == 2 * sum(range(201))
    await none_left(tasks)


async def test_async_nolink_leaves_the_caller_alone(elixir, tasks):
    source = """
        sup = {:tasks, py}
        bad = Task.Supervisor.async_nolink(sup, :math_py, :fail, [:boom])
        crash = Task.Supervisor.async_nolink(sup, :math_py, :crash, [])
        undef = Task.Supervisor.async_nolink(sup, :os, :cmd, ['id'])
        object = Task.Supervisor.async_nolink(sup, :math_py, :object, [])
        {:exit, {:python, class, text, _}} = Task.yield(crash)
        {:exit, {:undef, [{:os, :cmd, ['id'], []} | _]}} = Task.yield(undef)
        {:exit, {:python, "etf" <> _, _, _}} = Task.yield(object)
        {Task.yield(bad), class, text}
    """
    expected = (("exit", "boom"), b"builtins.ValueError", b"wanted")
    assert await elixir.elixir(source, py=tasks.name) == expected


async def test_a_linked_task_that_fails_ends_its_caller(elixir, tasks):
    source = """
        {pid, ref} = spawn_monitor(fn ->
          Task.Supervisor.async({:tasks, py}, :math_py, :fail, [:boom]) |> Task.await()
        end)
        receive do {:DOWN, ^ref, _, ^pid, reason} -> reason end
    """
    reason = await elixir.elixir(source, py=tasks.name)
    # Which of the two, the link or the await, comes first is open on a BEAM as well.
    assert reason == "boom" or reason[0] == "boom"


async def test_a_fun_of_a_beam_cannot_run(elixir, tasks):
    source = """
        task = Task.Supervisor.async_nolink({:tasks, py}, fn -> 1 end)
        Task.yield(task)
    """
    answer = await elixir.elixir(source, py=tasks.name)
    assert answer == ("exit", "a_beam_fun_cannot_run_here")


async def test_a_task_knows_its_callers(elixir, tasks):
    source = """
        task = Task.Supervisor.async({:tasks, py}, :math_py, :who, [])
        [pid, callers, [sup | _], call] = Task.await(task)
        {pid == task.pid, callers == [self()], sup, call}
    """
    expected = (True, True, "tasks", ("math_py", "who", 0))
    assert await elixir.elixir(source, py=tasks.name) == expected


async def test_shutdown_and_timeouts_of_elixir(elixir, tasks):
    source = """
        slow = fn ->
          Task.Supervisor.async_nolink({:tasks, py}, :math_py, :sleep, [60_000])
        end
        one = slow.()
        nil = Task.yield(one, 10)
        nil = Task.shutdown(one)
        nil = Task.shutdown(slow.(), :brutal_kill)
        length(Task.Supervisor.children({:tasks, py}))
    """
    assert await elixir.elixir(source, py=tasks.name) == 0


async def test_start_child_runs_for_its_effects(elixir, tasks):
    ran = []
    tasks.export("effects", {"note": ran.append})
    source = """
        {:ok, pid} = Task.Supervisor.start_child({:tasks, py}, :effects, :note, [7])
        node(pid) == py
    """
    assert await elixir.elixir(source, py=tasks.name) is True
    await until(lambda: ran == [7])


async def test_streams_of_elixir(elixir, tasks):
    source = """
        sup = {:tasks, py}
        good = Task.Supervisor.async_stream(sup, 1..20, :math_py, :double, [])
               |> Enum.map(fn {:ok, n} -> n end)
        bad = Task.Supervisor.async_stream_nolink(sup, [:a, :b], :math_py, :fail, [])
              |> Enum.to_list()
        late = Task.Supervisor.async_stream_nolink(sup, [1, 60_000], :math_py, :sleep,
                 [], timeout: 1000, on_timeout: :kill_task) |> Enum.to_list()
        {good, bad, late}
    """
    good, bad, late = await elixir.elixir(source, py=tasks.name)
    assert good == [2 * n for n in range(1, 21)]
    assert bad == [("exit", "a"), ("exit", "b")]
    assert late == [("ok", b"slept"), ("exit", "timeout")]


async def test_leaving_a_stream_early_ends_its_tasks_here(elixir, tasks):
    source = """
        {:tasks, py}
        |> Task.Supervisor.async_stream([1, 60_000, 60_000], :math_py, :sleep, [],
             max_concurrency: 3)
        |> Enum.take(1)
    """
    assert await elixir.elixir(source, py=tasks.name) == [("ok", b"slept")]
    await none_left(tasks)


async def test_one_task_too_many_for_elixir(elixir, tasks):
    await tasks.start(TaskSupervisor, name="few", max_children=1)
    source = """
        _ = Task.Supervisor.async_nolink({:few, py}, :math_py, :sleep, [60_000])
        try do
          Task.Supervisor.async({:few, py}, :math_py, :double, [1])
        rescue
          error in RuntimeError -> String.slice(error.message, 0, 15)
        end
    """
    assert await elixir.elixir(source, py=tasks.name) == b"reached the max"


async def test_the_end_of_the_caller_ends_its_linked_task(elixir, tasks):
    source = """
        spawn(fn ->
          Task.Supervisor.async({:tasks, py}, :math_py, :sleep, [60_000])
          exit(:gone)
        end)
    """
    await elixir.elixir(source, py=tasks.name)
    await none_left(tasks)


@pytest.fixture
async def theirs(elixir):
    source = """
        {:ok, sup} = Task.Supervisor.start_link([])
        Process.unlink(sup)
        sup
    """
    return await elixir.elixir(source)


async def test_a_task_of_ours_under_a_supervisor_of_elixir(node, theirs):
    async def body(proc):
        task = await Task.async_(("Elixir.String", "upcase"), b"hi", under=theirs)
        assert task.pid.node == theirs.node
        value = await task.await_()
        await trio.sleep(0.05)
        return value, proc.messages()

    assert await inside(node, body) == (b"HI", [])


async def test_a_program_asks_a_supervisor_of_elixir(node, theirs):
    task = await Task.async_(("erlang", "node"), under=theirs, caller=node)
    assert await task.await_() == theirs.node
    bad = await Task.async_nolink(
        ("erlang", "exit"), Atom("boom"), under=theirs, caller=node
    )
    assert await bad.yield_() == ("exit", "boom")
    slow = await Task.async_nolink(
        ("timer", "sleep"), 60_000, under=theirs, caller=node
    )
    with pytest.raises(TaskTimeout):
        await slow.await_(0.05)
    slow = await Task.async_nolink(
        ("timer", "sleep"), 60_000, under=theirs, caller=node
    )
    assert await slow.shutdown() is None
    slow = await Task.async_nolink(
        ("timer", "sleep"), 60_000, under=theirs, caller=node
    )
    assert await slow.shutdown("brutal_kill") is None


async def test_a_stream_of_ours_under_a_supervisor_of_elixir(node, theirs):
    stream = Task.async_stream(
        range(20), ("erlang", "-"), 1, under=theirs, max_concurrency=4, caller=node
    )
    assert [outcome async for outcome in stream] == [("ok", n - 1) for n in range(20)]


async def test_a_late_task_of_a_stream_is_killed_over_there(elixir, node, theirs):
    stream = Task.async_stream(
        [1, 60_000],
        ("timer", "sleep"),
        under=theirs,
        link=False,
        timeout=1,
        on_timeout="kill_task",
        caller=node,
    )
    assert [outcome async for outcome in stream] == [("ok", "ok"), ("exit", "timeout")]
    source = "Task.Supervisor.children(sup)"
    assert await elixir.elixir(source, sup=theirs) == []


async def test_a_lost_node_is_the_end_of_its_tasks(node, new_beam):
    beam = new_beam("elixir")
    source = """
        {:ok, sup} = Task.Supervisor.start_link([])
        Process.unlink(sup)
        sup
    """
    sup = await beam.elixir(source)
    task = await Task.async_nolink(("timer", "sleep"), 60_000, under=sup, caller=node)
    beam.kill9()
    with pytest.raises(TaskExit) as caught:
        await task.await_()
    assert caught.value.reason == ("nodedown", beam.name)
