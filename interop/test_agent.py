"""Agents between Elixir and Python, each asked by the other."""

from __future__ import annotations

import pytest

from ergopy import Agent, Atom, CallExit, agent

from .servers import inside


def add(value, n):
    return value + n


def itself(value):
    return value


def swap(value, new):
    return value, new


def boom(value):
    raise ValueError("wanted")


@pytest.fixture
async def counter(node):
    node.export(
        "counter_py", {"add": add, "itself": itself, "swap": swap, "boom": boom}
    )
    node.export("counter_py", {"object": lambda value: object()})
    return await node.start(Agent, 10, name="counter")


async def test_every_verb_of_elixir(elixir, node, counter):
    source = """
        agent = {:counter, py}
        ten = Agent.get(agent, :counter_py, :itself, [])
        :ok = Agent.update(agent, :counter_py, :add, [5])
        :ok = Agent.cast(agent, :counter_py, :add, [1])
        old = Agent.get_and_update(agent, :counter_py, :swap, [100])
        {ten, old, Agent.get(agent, :counter_py, :add, [1]), :sys.get_state(agent)}
    """
    assert await elixir.elixir(source, py=node.name) == (10, 16, 101, 100)


REFUSED = [
    ("fn n -> n end", ("a_beam_fun_cannot_run_here",)),
    ("&System.cmd/1", ("undef",)),
    (":os, :cmd, []", ("undef",)),
    (":counter_py, :itself, [1]", ("undef",)),
    (":counter_py, :object, []", ("python",)),
]


@pytest.mark.parametrize(("function", "word"), REFUSED)
async def test_what_cannot_run_here_fails_the_caller_alone(
    elixir, node, counter, function, word
):
    source = f"""
        try do
          Agent.get({{:counter, py}}, {function})
        catch
          :exit, {{reason, {{GenServer, :call, _}}}} -> reason
        end
    """
    reason = await elixir.elixir(source, py=node.name)
    assert (reason if isinstance(reason, Atom) else reason[0],) == word
    assert await agent.get(counter, itself, caller=node) == 10


async def test_a_call_that_was_refused_leaves_nothing_on_the_beam(
    elixir, node, counter
):
    source = """
        refuse = fn ->
          try do Agent.get({:counter, py}, fn n -> n end) catch :exit, _ -> :ok end
        end
        for _ <- 1..100, do: refuse.()
        {:monitors, monitors} = Process.info(self(), :monitors)
        {:messages, messages} = Process.info(self(), :messages)
        {monitors, messages, Agent.get({:counter, py}, :counter_py, :itself, [])}
    """
    assert await elixir.elixir(source, py=node.name) == ([], [], 10)


async def test_a_function_that_raises_ends_the_agent(elixir, node, counter):
    source = """
        try do
          Agent.update({:counter, py}, :counter_py, :boom, [])
        catch
          :exit, {{:python, class, _, _}, _} -> class
        end
    """
    assert await elixir.elixir(source, py=node.name) == b"builtins.ValueError"
    assert node.whereis("counter") is None


async def test_an_agent_of_elixir_is_asked_by_module_and_function(elixir, node):
    source = "{:ok, pid} = Agent.start(fn -> %{a: 1} end); pid"
    pid = await elixir.elixir(source)
    key = Atom("a")
    assert await agent.get(pid, ("Elixir.Map", "get"), key, caller=node) == 1
    await agent.update(pid, ("Elixir.Map", "put"), key, 2, caller=node)
    await agent.cast(pid, ("Elixir.Map", "put"), Atom("b"), 3, caller=node)
    pop = ("Elixir.Map", "pop")

    async def body(proc):
        return await agent.get_and_update(pid, pop, key)

    assert await inside(node, body) == 2
    assert await agent.get(pid, ("Elixir.Map", "keys"), caller=node) == ["b"]
    with pytest.raises(TypeError, match="another node"):
        await agent.get(pid, itself, caller=node)
    with pytest.raises(CallExit) as caught:
        await agent.get(pid, ("no", "such"), caller=node)
    assert caught.value.reason[0] == "undef"
