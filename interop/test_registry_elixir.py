"""Elixir's ``Registry`` and ours, side by side; and registries across the two."""

from __future__ import annotations

from typing import Any

import pytest

import ergopy
import etf
from ergopy import Atom, GenServer, Registry, RemoteRegistry
from tests.gen.registry.match_rows import parsed

from .servers import inside

A = Atom


class User(GenServer):
    async def init(self, name: Any = None) -> None:
        self.name = name

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return self.name


# What a process does with a registry, in both languages: the result of each line.
ELIXIR = """
    {:ok, _} = Registry.start_link(keys: keys, name: name, listeners: [:registry_ear])
    me = self()
    other = spawn(fn -> receive do :never -> :ok end end)
    ear = spawn(fn ->
      Process.register(self(), :registry_ear)
      send(me, :listening)
      receive do {:heard, count} ->
        send(me, {:heard, for(_ <- 1..count//1, do: receive do m -> m end)})
      end
    end)
    receive do :listening -> :ok end
    r = name
    plain = fn {:ok, _} -> :ok; {:error, {:already_registered, _}} -> :taken end
    results = [
      plain.(Registry.register(r, "hello", {1, :atom, 1})),
      plain.(Registry.register(r, "hello", {2, :atom, 2})),
      plain.(Registry.register(r, {:user, 1}, 5)),
      plain.(Registry.register(r, 1, :int)),
      plain.(Registry.register(r, 1.0, :float)),
      Registry.count(r),
      Registry.lookup(r, "hello") |> Enum.map(&elem(&1, 1)),
      Registry.lookup(r, "nothing"),
      Registry.keys(r, me),
      Registry.keys(r, other),
      Registry.values(r, 1, me),
      Registry.match(r, "hello", {1, :_, :_}) |> Enum.map(&elem(&1, 1)),
      Registry.match(r, "hello", {:"$1", :_, :"$1"}) |> Enum.map(&elem(&1, 1)),
      Registry.match(r, "hello", {:_, :_, :"$1"}, [{:>, :"$1", 1}]) |> length(),
      Registry.count_match(r, "hello", {:_, :atom, :_}),
      Registry.select(r, [
        {{:"$1", :_, :"$2"}, [{:is_atom, :"$2"}], [{{:"$1", :"$2"}}]}
      ]),
      Registry.count_select(r, [{{:"$1", :_, :_}, [{:is_number, :"$1"}], [true]}]),
      Registry.unregister_match(r, "hello", {1, :_, :_}),
      Registry.lookup(r, "hello") |> Enum.map(&elem(&1, 1)),
      Registry.unregister(r, "hello"),
      Registry.lookup(r, "hello"),
      Registry.put_meta(r, :topic, "x"),
      Registry.meta(r, :topic),
      Registry.delete_meta(r, :topic),
      Registry.meta(r, :topic),
      Registry.count(r)
    ]
    send(ear, {:heard, heard})
    said = receive do {:heard, all} -> all end
    Process.exit(other, :kill)
    {results, Enum.map(said, fn m -> put_elem(m, 3, :me) end)}
"""


async def ours(node: Any, keys: str, name: str) -> tuple[list[Any], list[Any]]:
    """Do with our registry what the text above does with Elixir's."""
    unique = keys == "unique"

    async def body(proc: ergopy.Process) -> tuple[list[Any], list[Any]]:
        pid = await node.start(Registry, name=name, keys=keys, listeners=[proc.pid])
        r = Registry.of(pid)
        other = await proc.spawn(idle)

        def register(key: Any, value: Any) -> Atom:
            try:
                r.register(key, value)
            except ergopy.NameTaken:
                return A("taken")
            return A("ok")

        def values(found: list[tuple[Any, Any]]) -> list[Any]:
            return [value for _, value in found]

        def done(_: None) -> Atom:
            return A("ok")

        def meta() -> Any:
            missing = object()
            value = r.meta(A("topic"), missing)
            return A("error") if value is missing else (A("ok"), value)

        results = [
            register("hello", (1, A("atom"), 1)),
            register("hello", (2, A("atom"), 2)),
            register((A("user"), 1), 5),
            register(1, A("int")),
            register(1.0, A("float")),
            r.count(),
            values(r.entries("hello")),
            r.entries("nothing"),
            r.keys(),
            r.keys(other),
            r.values(1),
            values(r.match("hello", parsed("{1, '_', '_'}"))),
            values(r.match("hello", parsed("{'$1', '_', '$1'}"))),
            len(r.match("hello", parsed("{'_', '_', '$1'}"), parsed("[{'>','$1',1}]"))),
            r.count_match("hello", parsed("{'_', atom, '_'}")),
            r.select(parsed("[{{'$1','_','$2'}, [{is_atom,'$2'}], [{{'$1','$2'}}]}]")),
            r.count_select(parsed("[{{'$1','_','_'}, [{is_number,'$1'}], [true]}]")),
            done(r.unregister_match("hello", parsed("{1, '_', '_'}"))),
            values(r.entries("hello")),
            done(r.unregister("hello")),
            r.entries("hello"),
            done(r.put_meta(A("topic"), "x")),
            meta(),
            done(r.delete_meta(A("topic"))),
            meta(),
            r.count(),
        ]
        said = [(*m[:3], A("me"), *m[4:]) for m in proc.messages()]
        assert all(m[3] == proc.pid for m in proc.messages())
        assert unique == (results[1] == "taken")
        return results, said

    return await inside(node, body)


def in_order(result: Any) -> Any:
    """Sort a list: those of ``ets`` have no order."""
    return sorted(result, key=etf.identity_key) if type(result) is list else result


async def idle(proc: ergopy.Process) -> None:
    await proc.receive()


@pytest.mark.parametrize("keys", ["unique", "duplicate"])
async def test_elixirs_registry_does_the_same(elixir, node, keys):
    results, said = await ours(node, keys, f"both_{keys}")
    theirs, heard = await elixir.elixir(
        ELIXIR, keys=A(keys), name=A(f"both_{keys}"), heard=len(said)
    )
    for place, (one, two) in enumerate(zip(results, theirs, strict=True)):
        assert etf.same(in_order(one), in_order(two)), place
    assert etf.same(said, heard)


async def test_elixir_uses_a_python_registry(elixir, node):
    await node.start(Registry, name="users", start=User)
    source = """
        users = {:users, py}
        {:ok, pid} = GenServer.call(users, {:lookup_or_start, "bob", ["bob@home"]})
        "bob@home" = GenServer.call(pid, :name)
        {:ok, ^pid} = GenServer.call(users, {:lookup, "bob"})
        {:error, {:already_started, ^pid}} = GenServer.call(users, {:start, "bob", []})
        [{:undefined, ^pid, :worker, [_]}] = Supervisor.which_children(users)
        one = DynamicSupervisor.count_children(users)
        one = Supervisor.count_children(users)
        :ok = GenServer.call(users, {:stop, "bob"})
        {one, GenServer.call(users, {:lookup, "bob"})}
    """
    counts, gone = await elixir.elixir(source, py=node.name)
    assert counts == {"specs": 1, "active": 1, "supervisors": 0, "workers": 1}
    assert gone == ("error", "not_found")
    assert Registry.of("users", node).lookup("bob") is None


# A server that takes the requests of the GenRegistry package, and starts Agents.
GEN_REGISTRY = """
    defmodule ErgopyGenRegistry do
      use GenServer
      def init(_) do
        Process.flag(:trap_exit, true)
        {:ok, %{}}
      end
      def handle_call({verb, id, args}, _, pids) when verb != :stop do
        case pids do
          %{^id => pid} when verb == :start ->
            {:reply, {:error, {:already_started, pid}}, pids}
          %{^id => pid} -> {:reply, {:ok, pid}, pids}
          _ ->
            case args do
              [:fail] -> {:reply, {:error, :wanted}, pids}
              [value] ->
                {:ok, pid} = Agent.start_link(fn -> value end)
                {:reply, {:ok, pid}, Map.put(pids, id, pid)}
            end
        end
      end
      def handle_call({:stop, id}, _, pids) do
        case Map.pop(pids, id) do
          {nil, _} -> {:reply, {:error, :not_found}, pids}
          {pid, pids} ->
            Process.unlink(pid)
            Process.exit(pid, :shutdown)
            {:reply, :ok, pids}
        end
      end
      def handle_info({:EXIT, _, _}, pids), do: {:noreply, pids}
    end
    {:ok, pid} = GenServer.start(ErgopyGenRegistry, [], name: :gen_registry)
    pid
"""


async def test_python_uses_a_gen_registry_in_elixir(elixir, node):
    pid = await elixir.elixir(GEN_REGISTRY)
    users = RemoteRegistry(("gen_registry", elixir.name), node)
    bob = await users.lookup_or_start("bob", 1)
    assert await users.lookup_or_start("bob", 2) == bob
    with pytest.raises(ergopy.AlreadyStarted) as caught:
        await users.start("bob", 2)
    assert caught.value.pid == bob
    with pytest.raises(ergopy.StartError) as failed:
        await users.start("other", A("fail"))
    assert failed.value.reason == "wanted"
    await users.stop("bob")
    with pytest.raises(ergopy.NotRegistered):
        await users.stop("bob")
    await node.exit(pid, "kill")
