"""DynamicSupervisor and PartitionSupervisor, from a BEAM and against Elixir's own."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

import ergopy
from ergopy import (
    Atom,
    ChildError,
    ChildSpec,
    DynamicSupervisor,
    GenServer,
    PartitionSupervisor,
    Pid,
    StartError,
    Stop,
    Via,
    supervisor,
)
from ergopy.gen.supervisor.partition import partition_of

from .phash2_terms import Generator
from .servers import until

if TYPE_CHECKING:
    from .beam import Beam


class Worker(GenServer):
    """A child that a BEAM asks for."""

    async def init(self, *args: Any) -> Any:
        self.args = args
        return Stop("unfit") if args == (Atom("unfit"),) else None

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return list(self.args)


@pytest.fixture
async def dyn(node: ergopy.Node) -> tuple[Any, Any]:
    """A dynamic supervisor that is named for a BEAM."""
    node.provide_spawn("Elixir.Worker", Worker)
    await node.start(DynamicSupervisor, name="dyn", max_children=2)
    return Atom("dyn"), Atom(node.name)


SPEC = """
    spec = fn args, more ->
      Map.merge(%{id: :x, start: {Worker, :start_link, args}}, Map.new(more))
    end
"""


async def test_elixir_starts_children_here(elixir: Beam, dyn: Any) -> None:
    pid, args, counts = await elixir.elixir(
        SPEC
        + """
        {:ok, pid} = DynamicSupervisor.start_child(dyn, spec.([1, "two"], []))
        {pid, GenServer.call(pid, :args), DynamicSupervisor.count_children(dyn)}
        """,
        dyn=dyn,
    )
    assert isinstance(pid, Pid)
    assert pid.node == dyn[1]
    assert args == [1, b"two"]
    assert counts == {"specs": 1, "active": 1, "supervisors": 0, "workers": 1}


async def test_elixir_sees_and_stops_them(elixir: Beam, dyn: Any) -> None:
    before, stopped, unknown, after = await elixir.elixir(
        SPEC
        + """
        {:ok, pid} = DynamicSupervisor.start_child(dyn, spec.([], shutdown: :infinity))
        before = DynamicSupervisor.which_children(dyn)
        ref = Process.monitor(pid)
        stopped = DynamicSupervisor.terminate_child(dyn, pid)
        receive do {:DOWN, ^ref, _, _, :shutdown} -> :ok end
        unknown = DynamicSupervisor.terminate_child(dyn, pid)
        {before, stopped, unknown, DynamicSupervisor.which_children(dyn)}
        """,
        dyn=dyn,
    )
    assert [row[0] for row in before] == ["undefined"]
    assert before[0][2:] == ("worker", [Atom("Elixir.Worker")])
    assert (stopped, unknown, after) == ("ok", ("error", "not_found"), [])


async def test_elixir_hears_why_a_start_came_to_nothing(elixir: Beam, dyn: Any) -> None:
    unfit, undef, full = await elixir.elixir(
        SPEC
        + """
        start = fn spec -> DynamicSupervisor.start_child(dyn, spec) end
        unfit = start.(spec.([:unfit], []))
        undef = start.(%{id: 1, start: {Nobody, :start_link, [1]}})
        for _ <- 1..2, do: {:ok, _} = start.(spec.([], restart: :temporary))
        {unfit, undef, start.(spec.([], []))}
        """,
        dyn=dyn,
    )
    assert unfit == ("error", Atom("unfit"))
    match undef:
        case ("error", ("undef", [(Atom("Elixir.Nobody"), "start_link", *_), *_])):
            pass
        case _:
            pytest.fail(repr(undef))
    assert full == ("error", Atom("max_children"))


@pytest.mark.parametrize(
    ("restart", "reason", "again"),
    [
        (":permanent", ":normal", True),
        (":transient", "{:shutdown, 1}", False),
        (":transient", ":oops", True),
        (":temporary", ":oops", False),
    ],
)
async def test_a_child_that_elixir_has_ended_restarts_by_its_type(
    elixir: Beam, dyn: Any, restart: str, reason: str, again: bool
) -> None:
    old, rows = await elixir.elixir(
        SPEC
        + f"""
        {{:ok, pid}} =
          DynamicSupervisor.start_child(dyn, spec.([1], restart: {restart}))
        catch_exit = fn f -> try do f.() catch :exit, _ -> :ok end end
        catch_exit.(fn -> GenServer.stop(pid, {reason}) end)
        {{pid, DynamicSupervisor.which_children(dyn)}}
        """,
        dyn=dyn,
    )
    assert len(rows) == again
    assert old not in [row[1] for row in rows]


async def test_erlang_uses_it_as_any_supervisor(beam: Beam, dyn: Any) -> None:
    started, rows, counts, spec, gone = await beam.run(
        """
        Spec = #{id => x, start => {'Elixir.Worker', start_link, []}},
        {ok, Pid} = supervisor:start_child(Dyn, Spec),
        {Pid, supervisor:which_children(Dyn), supervisor:count_children(Dyn),
         supervisor:get_childspec(Dyn, Pid), supervisor:terminate_child(Dyn, Pid)}
        """,
        Dyn=dyn,
    )
    assert rows == [("undefined", started, "worker", [Atom("Elixir.Worker")])]
    assert dict(counts) == {"specs": 1, "active": 1, "supervisors": 0, "workers": 1}
    assert spec[1][Atom("restart")] == "permanent"
    assert gone == "ok"


async def test_sys_and_the_initial_call_tell_that_it_is_a_supervisor(
    beam: Beam, node: ergopy.Node, dyn: Any
) -> None:
    state, info = await beam.run(
        """
        {sys:get_state(Dyn),
         rpc:call(Node, erlang, process_info, [Pid, dictionary])}
        """,
        Dyn=dyn,
        Node=dyn[1],
        Pid=node.whereis("dyn"),
    )
    assert state[Atom("max_children")] == 2
    dictionary = dict(info[1])
    assert dictionary[Atom("$initial_call")][0] == "supervisor"


@pytest.fixture
async def theirs(elixir: Beam) -> Any:
    """A DynamicSupervisor of Elixir, by name."""
    await elixir.elixir(
        """
        parent = self()
        spawn(fn ->
          {:ok, sup} = DynamicSupervisor.start_link(
            strategy: :one_for_one, max_children: 2, name: :their_dyn,
            extra_arguments: [])
          send(parent, :up)
          ref = Process.monitor(sup)
          receive do {:DOWN, ^ref, _, _, _} -> :ok end
        end)
        receive do :up -> :ok end
        """
    )
    yield Atom("their_dyn"), elixir.name
    await elixir.elixir("DynamicSupervisor.stop(:their_dyn)")


AGENT = ("Elixir.Agent", "start_link")


async def test_children_are_started_under_elixirs_own(
    node: ergopy.Node, theirs: Any
) -> None:
    get = (Atom("Elixir.Map"), Atom("new"), [])
    spec = ChildSpec(AGENT, *get, restart="temporary")
    pid = await DynamicSupervisor.start_child(theirs, spec, caller=node)
    assert pid is not None
    assert pid.node == theirs[1]
    rows = await supervisor.which_children(theirs, caller=node)
    assert [(row.id, row.pid, row.type) for row in rows] == [
        ("undefined", pid, "worker")
    ]
    assert (await supervisor.count_children(theirs, caller=node)).active == 1
    await supervisor.terminate_child(theirs, pid, caller=node)
    assert await supervisor.which_children(theirs, caller=node) == []


async def test_what_elixirs_own_refuses_is_an_error_here(
    node: ergopy.Node, theirs: Any
) -> None:
    mfa = (Atom("Elixir.Map"), Atom("new"), [])
    spec = ChildSpec(AGENT, *mfa)
    for _ in range(2):
        await DynamicSupervisor.start_child(theirs, spec, caller=node)
    with pytest.raises(ChildError) as refused:
        await DynamicSupervisor.start_child(theirs, spec, caller=node)
    assert refused.value.reason == "max_children"
    with pytest.raises(ChildError) as unknown:
        await supervisor.terminate_child(theirs, node.runtime.root.pid, caller=node)
    assert unknown.value.reason == "not_found"


async def test_a_start_that_fails_under_elixirs_own_says_why(
    node: ergopy.Node, theirs: Any
) -> None:
    spec = ChildSpec(("Elixir.Nobody", "start_link"), 1)
    with pytest.raises(StartError) as caught:
        await DynamicSupervisor.start_child(theirs, spec, caller=node)
    assert caught.value.reason[0] == "undef"


async def test_a_thousand_keys_go_to_the_partitions_that_elixir_sends_them_to(
    elixir: Beam,
) -> None:
    generator = Generator(random.randrange(2**32))
    keys = [generator.term() for _ in range(800)]
    keys += [random.randint(-(2**70), 2**70) for _ in range(100)]
    keys += [f"user-{number}" for number in range(100)]
    for partitions in (1, 3, 8, 13):
        await elixir.elixir(
            """
            parent = self()
            spawn(fn ->
              child = %{id: 1, start: {Agent, :start_link, [Map, :new, []]}}
              {:ok, sup} = PartitionSupervisor.start_link(
                child_spec: child, name: :their_parts, partitions: partitions)
              send(parent, :up)
              ref = Process.monitor(sup)
              receive do {:DOWN, ^ref, _, _, _} -> :ok end
            end)
            receive do :up -> :ok end
            """,
            partitions=partitions,
        )
        theirs = await elixir.elixir(
            """
            pids = Map.new(PartitionSupervisor.which_children(:their_parts),
              fn {number, pid, _, _} -> {pid, number} end)
            found = for key <- keys, do:
              pids[GenServer.whereis({:via, PartitionSupervisor, {:their_parts, key}})]
            Supervisor.stop(:their_parts)
            found
            """,
            keys=keys,
        )
        assert theirs == [partition_of(key, partitions) for key in keys]


async def test_erlang_sees_partitions_as_children_and_can_ask_who_has_a_key(
    beam: Beam, node: ergopy.Node
) -> None:
    await node.start(PartitionSupervisor, Worker, name="parts", partitions=3)
    parts = (Atom("parts"), Atom(node.name))
    rows, who, count = await beam.run(
        """
        {supervisor:which_children(Parts),
         gen_server:call(Parts, {whereis_name, <<"key">>}),
         gen_server:call(Parts, partitions)}
        """,
        Parts=parts,
    )
    assert [row[0] for row in rows] == [2, 1, 0]
    assert count == 3
    ours = Via("parts", "key").whereis(node.runtime)
    assert who == ours
    assert who in [row[1] for row in rows]


async def test_a_partition_that_erlang_kills_comes_back_under_its_number(
    beam: Beam, node: ergopy.Node
) -> None:
    await node.start(PartitionSupervisor, Worker, name="parts", partitions=2)
    via = Via("parts", 1)
    before = via.whereis(node.runtime)
    await beam.run("exit(Pid, kill)", Pid=before)
    await until(lambda: via.whereis(node.runtime) not in (before, None))
    assert await node.call(via, "args") == []
