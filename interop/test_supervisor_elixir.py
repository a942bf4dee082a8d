"""Elixir's ``Supervisor`` functions on a supervisor of ours."""

from __future__ import annotations

from typing import Any

from ergopy import Atom, ChildSpec, GenServer, Supervisor, supervisor


class Worker(GenServer):
    async def init(self, value: Any) -> None:
        self.value = value

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return self.value


async def test_elixir_manages_children_of_ours(elixir, node):
    node.provide_spawn("Elixir.Shop.Worker", Worker)
    await node.start(Supervisor, [], name="shop")
    source = """
        sup = {:shop, py}
        spec = %{id: Shop.Worker, start: {Shop.Worker, :start_link, [:hello]}}
        {:ok, pid} = Supervisor.start_child(sup, spec)
        {:error, {:already_started, ^pid}} = Supervisor.start_child(sup, spec)
        :hello = GenServer.call(pid, :value)
        [{Shop.Worker, ^pid, :worker, [Shop.Worker]}] = Supervisor.which_children(sup)
        %{active: 1, specs: 1, supervisors: 0, workers: 1} =
          Supervisor.count_children(sup)
        :ok = Supervisor.terminate_child(sup, Shop.Worker)
        {:error, :not_found} = Supervisor.terminate_child(sup, Nobody)
        {:ok, again} = Supervisor.restart_child(sup, Shop.Worker)
        {:error, :running} = Supervisor.delete_child(sup, Shop.Worker)
        :ok = Supervisor.terminate_child(sup, Shop.Worker)
        :ok = Supervisor.delete_child(sup, Shop.Worker)
        {again != pid, Supervisor.which_children(sup)}
    """
    assert await elixir.elixir(source, py=node.name) == (True, [])


async def test_a_specification_with_a_genserver_start_finds_what_is_provided(
    elixir, node
):
    node.provide_spawn("Elixir.Shop.Worker", Worker)
    await node.start(Supervisor, [], name="shop")
    source = """
        start = {GenServer, :start_link, [Shop.Worker, 42, [name: :cashier]]}
        spec = Supervisor.child_spec(%{id: :w, start: start}, restart: :transient)
        {:ok, pid} = Supervisor.start_child({:shop, py}, spec)
        {42, GenServer.call({:cashier, py}, :value), GenServer.call(pid, :value)}
    """
    assert await elixir.elixir(source, py=node.name) == (42, 42, 42)


async def test_supervisor_stop_of_elixir_ends_ours_in_order(elixir, node):
    await node.start(Supervisor, [(Worker, 1)], name="shop")
    stopped = await elixir.elixir("Supervisor.stop({:shop, py})", py=node.name)
    assert stopped == "ok"
    assert node.whereis("shop") is None


async def test_a_genserver_of_elixir_is_a_child_of_ours(elixir, node):
    source = """
        unless Code.ensure_loaded?(Shelf) do
          defmodule Shelf do
            use GenServer
            def init(goods), do: {:ok, goods}
            def handle_call(:goods, _from, goods), do: {:reply, goods, goods}
          end
        end
        :ok
    """
    await elixir.elixir(source)
    args = [Atom("Elixir.Shelf"), 5, [(Atom("name"), Atom("shelf"))]]
    spec = ChildSpec(("Elixir.GenServer", "start_link"), *args, node=elixir.name)
    sup = await node.start(Supervisor, [spec])
    (row,) = await supervisor.which_children(sup, caller=node)
    assert await elixir.elixir("Process.whereis(:shelf)") == row.pid
    assert await node.call(("shelf", elixir.name), Atom("goods")) == 5
    await node.stop(sup)
    assert await elixir.elixir("Process.whereis(:shelf)") is None
