"""The same tasks in Elixir and here, ended in the same ways: the same outcomes."""

from __future__ import annotations

import random

import pytest
import trio
import trio.testing

import ergopy
from ergopy import Exit, Task

from .servers import inside


async def value():
    return b"done"


async def fail():
    raise Exit("boom")


async def leave():
    raise Exit(("shutdown", 7))


async def hang():
    await trio.sleep_forever()


async def trap():
    ergopy.self().trap_exit = True
    await trio.sleep_forever()


async def trap_and_return():
    me = ergopy.self()
    me.trap_exit = True
    await me.receive()
    return b"last words"


async def trap_and_fail():
    me = ergopy.self()
    me.trap_exit = True
    await me.receive()
    raise Exit("boom")


async def kill_itself():
    me = ergopy.self()
    await me.exit(me.pid, "kill")


# What each is in Elixir, and what it is before its end is tried: over, or waiting, with
# exits trapped or not.
WORKS = {
    value: ('"done"', ":over"),
    fail: ("exit(:boom)", ":over"),
    leave: ("exit({:shutdown, 7})", ":over"),
    hang: ("Process.sleep(:infinity)", "false"),
    trap: ("Process.flag(:trap_exit, true); Process.sleep(:infinity)", "true"),
    trap_and_return: (
        'Process.flag(:trap_exit, true); receive do _ -> "last words" end',
        "true",
    ),
    trap_and_fail: (
        "Process.flag(:trap_exit, true); receive do _ -> exit(:boom) end",
        "true",
    ),
    kill_itself: ("Process.exit(self(), :kill)", ":over"),
}

ENDS = {
    "Task.shutdown(task)": lambda task: task.shutdown(),
    "Task.shutdown(task, 1000)": lambda task: task.shutdown(1),
    "Task.shutdown(task, :brutal_kill)": lambda task: task.shutdown("brutal_kill"),
    "Task.yield(task, 100)": lambda task: task.yield_(0.1),
    "Task.ignore(task)": lambda task: task.ignore(),
    "Task.yield(task, 100) || Task.shutdown(task, :brutal_kill)": lambda task: (
        yield_or_kill(task)
    ),
    "List.last(Tuple.to_list(hd(Task.yield_many([task], 100))))": lambda task: (
        first_of_many(task)
    ),
}


async def yield_or_kill(task):
    return await task.yield_(0.1) or await task.shutdown("brutal_kill")


async def first_of_many(task):
    ((_, outcome),) = await Task.yield_many([task], 0.1)
    return outcome


@pytest.mark.parametrize("end", ENDS)
async def test_an_end_has_the_outcome_that_it_has_in_elixir(elixir, node, end):
    async def ours(proc):
        outcomes = []
        for work in WORKS:
            task = await Task.async_nolink(work)
            await trio.testing.wait_all_tasks_blocked(0.05)
            outcomes.append((await ENDS[end](task), len(proc.messages())))
        return outcomes

    source = """
        {:ok, sup} = Task.Supervisor.start_link()
        for {work, state} <- WORKS do
          task = Task.Supervisor.async_nolink(sup, work)
          # A task that fails waits as well, for the logger.
          :ergopy_peer.until(fn ->
            case Process.info(task.pid, [:status, :trap_exit]) do
              nil -> state == :over
              info -> info == [status: :waiting, trap_exit: state]
            end
          end)
          # Its end is told when there is nothing more to know of it.
          Process.sleep(50)
          outcome = END
          {:message_queue_len, left} = Process.info(self(), :message_queue_len)
          {outcome, left}
        end
    """
    works = ", ".join(
        f"{{fn -> {work} end, {state}}}" for work, state in WORKS.values()
    )
    source = source.replace("WORKS", f"[{works}]").replace("END", end)
    assert await inside(node, ours) == await elixir.elixir(source)


async def after(item):
    ms, what = item
    await trio.sleep(ms / 1000)
    if what == "boom":
        raise Exit("boom")
    return what


def scripts():
    """Some works of random length; none ends near the timeout of half a second."""
    chance = random.Random(7)
    for _ in range(4):
        length = chance.randrange(7)
        times = (0, 0, 10, 10, 20, 20, 30, 30, 60_000)
        ends = (1, 2, "boom")
        yield [(chance.choice(times), chance.choice(ends)) for _ in range(length)]


OPTIONS = [
    {"max_concurrency": 1},
    {"max_concurrency": 3},
    {"max_concurrency": 3, "zip_input_on_exit": True},
]


@pytest.mark.parametrize("options", OPTIONS)
async def test_a_stream_has_the_outcomes_that_it_has_in_elixir(elixir, node, options):
    async def ours(script):
        stream = Task.async_stream(
            script,
            after,
            link=False,
            timeout=0.5,
            on_timeout="kill_task",
            caller=node,
            **options,
        )
        return [outcome async for outcome in stream]

    source = """
        {:ok, sup} = Task.Supervisor.start_link()
        work = fn {ms, what} ->
          Process.sleep(ms)
          if what == "boom", do: exit(:boom), else: what
        end
        options = [timeout: 500, on_timeout: :kill_task] ++ options
        Task.Supervisor.async_stream_nolink(sup, script, work, options)
        |> Enum.to_list()
    """
    told = [(ergopy.Atom(name), value) for name, value in options.items()]
    for script in scripts():
        sent = [(ms, what) for ms, what in script]
        theirs = await elixir.elixir(source, script=sent, options=told)
        got = await ours(script)
        as_sent = [
            (kind, ((value[0][0], _bytes(value[0][1])), value[1]))
            if kind == "exit" and options.get("zip_input_on_exit")
            else (kind, value)
            for kind, value in got
        ]
        assert as_sent == theirs


def _bytes(what):
    return what.encode() if isinstance(what, str) else what
