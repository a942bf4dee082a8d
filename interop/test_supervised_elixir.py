"""Elixir's supervisors with a Python process as their child, as ``examples`` shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ergopy import Atom, GenServer

EXAMPLE = Path(__file__).parents[1] / "examples" / "python_child.ex"


class Model(GenServer):
    """Traps exits and says how it ended."""

    log: list[Any]

    async def init(self, how: Any) -> None:
        self.trap_exit = True
        self.how = how

    async def handle_call(self, request: Any, from_: Any) -> Any:
        if request == "crash":
            raise ValueError("wanted")
        return (request, self.how)

    async def terminate(self, reason: Any) -> None:
        self.log.append(reason)


@pytest.fixture
async def model(elixir, node):
    """How the models ended that Elixir started on the node."""
    source = "unless Code.ensure_loaded?(PythonChild), do: Code.compile_file(file)"
    await elixir.elixir(source, file=str(EXAMPLE).encode())
    log: list[Any] = []
    node.provide_spawn("model", type("Logged", (Model,), {"log": log}))
    return log


async def test_supervisor_starts_restarts_and_stops_its_child(elixir, node, model):
    source = """
        children = [{PythonChild, {py, :model, [:small]}}]
        {:ok, sup} = Supervisor.start_link(children, strategy: :one_for_one)
        [{_, pid, :worker, [PythonChild]}] = Supervisor.which_children(sup)
        first = GenServer.call(pid, :hello)
        catch_exit = try do GenServer.call(pid, :crash) catch :exit, _ -> :crashed end
        :ergopy_peer.until(fn ->
          match?([{_, new, _, _}] when is_pid(new) and new != pid,
                 Supervisor.which_children(sup))
        end)
        [{_, new, _, _}] = Supervisor.which_children(sup)
        second = GenServer.call(new, :again)
        :ok = Supervisor.stop(sup)
        {first, catch_exit, second}
    """
    assert await elixir.elixir(source, py=node.name) == (
        ("hello", "small"),
        "crashed",
        ("again", "small"),
    )
    (crash, *_), end = model
    assert crash == "python"
    assert end == "shutdown"


async def test_dynamic_supervisor_starts_counts_and_ends_children(elixir, node, model):
    source = """
        {:ok, sup} = DynamicSupervisor.start_link(strategy: :one_for_one)
        start = fn how ->
          child = {PythonChild, {py, :model, [how]}}
          {:ok, pid} = DynamicSupervisor.start_child(sup, child)
          pid
        end
        [one, two] = Enum.map([:one, :two], start)
        both = Enum.map([one, two], &GenServer.call(&1, :hello))
        counted = DynamicSupervisor.count_children(sup)
        :ok = DynamicSupervisor.terminate_child(sup, one)
        left = Enum.map(DynamicSupervisor.which_children(sup), &elem(&1, 1))
        Process.exit(two, :kill)
        :ergopy_peer.until(fn ->
          match?([{_, new, _, _}] when is_pid(new) and new != two,
                 DynamicSupervisor.which_children(sup))
        end)
        [{_, new, _, _}] = DynamicSupervisor.which_children(sup)
        again = GenServer.call(new, :again)
        :ok = DynamicSupervisor.stop(sup)
        {both, counted, left == [two], again}
    """
    both, counted, left, again = await elixir.elixir(source, py=node.name)
    assert both == [("hello", "one"), ("hello", "two")]
    assert counted == {
        Atom("active"): 2,
        Atom("specs"): 2,
        Atom("supervisors"): 0,
        Atom("workers"): 2,
    }
    assert left is True
    assert again == ("again", "two")
    assert model == ["shutdown", "shutdown"]


async def test_child_that_is_not_provided_is_an_error(elixir, node, model):
    source = """
        {:ok, sup} = DynamicSupervisor.start_link(strategy: :one_for_one)
        {:error, {:undef, [{module, function, args, _} | _]}} =
          DynamicSupervisor.start_child(sup, {PythonChild, {py, :nothing, [1]}})
        {module, function, args}
    """
    got = await elixir.elixir(source, py=node.name)
    assert got == ("nothing", "start_link", [1])


@pytest.mark.parametrize(
    "spawn",
    [
        "Node.spawn(py, :greeter, :start, [self(), :hello])",
        "Node.spawn_link(py, :greeter, :start, [self(), :hello])",
        "elem(Node.spawn_monitor(py, :greeter, :start, [self(), :hello]), 0)",
        "Node.spawn(py, :greeter, :start, [self(), :hello], [:link])",
        "elem(Node.spawn(py, :greeter, :start, [self(), :hello], [:monitor]), 0)",
        "Node.spawn(py, &:greeter.start/0) && self()",
        ":proc_lib.spawn_link(py, :greeter, :start, [self(), :hello])",
    ],
)
async def test_node_spawn_starts_what_is_provided(elixir, node, spawn):
    async def greeter(proc, to=None, word=None):
        if to is not None:
            await proc.send(to, (word, proc.pid))

    node.provide_spawn("greeter", greeter)
    source = f"""
        pid = {spawn}
        if pid == self(), do: pid, else: (receive do {{:hello, ^pid}} -> pid end)
    """
    pid = await elixir.elixir(source, py=node.name)
    assert pid.node == (elixir.name if "&" in spawn else node.name)


async def test_fun_of_elixir_is_not_run(elixir, node):
    source = """
        {pid, ref} = Node.spawn_monitor(py, fn -> System.halt() end)
        receive do {:DOWN, ^ref, _, ^pid, {reason, _}} -> reason end
    """
    assert await elixir.elixir(source, py=node.name) == "undef"
