"""A visible Python node does not make ``global`` of the BEAMs hang."""

from __future__ import annotations

import pytest

from ergopy import Atom, Node

from .servers import Desk

KINDS = pytest.mark.parametrize("hidden", [False, True], ids=["visible", "hidden"])


async def _with_node(beam, node_options, hidden, source):
    async with Node(**node_options, hidden=hidden) as node:
        await node.start(Desk, name="desk")
        assert await beam.run("net_adm:ping(Py)", Py=node.name) == "pong"
        return await beam.run(source, Py=node.name)


@KINDS
async def test_global_sync_returns(beam, node_options, hidden):
    assert await _with_node(beam, node_options, hidden, "global:sync()") == "ok"


@KINDS
async def test_global_trans_runs_its_function(beam, node_options, hidden):
    source = "global:trans({interop_lock, self()}, fun() -> done end)"
    assert await _with_node(beam, node_options, hidden, source) == "done"


@KINDS
async def test_global_names_of_the_beam_work(beam, node_options, hidden):
    source = """
        yes = global:register_name(interop_name, self()),
        Found = global:whereis_name(interop_name) =:= self(),
        global:unregister_name(interop_name),
        {Found, global:whereis_name(interop_name)}
    """
    answer = await _with_node(beam, node_options, hidden, source)
    assert answer == (True, "undefined")


@KINDS
async def test_python_pid_can_have_a_global_name(beam, node_options, hidden):
    async with Node(**node_options, hidden=hidden) as node:
        pid = await node.start(Desk, name="desk")
        source = """
            yes = global:register_name(interop_desk, Pid),
            Value = gen_server:call({global, interop_desk}, {add, 2}),
            global:unregister_name(interop_desk),
            Value
        """
        assert await beam.run(source, Pid=pid) == 2


async def test_two_beams_stay_connected_when_python_leaves(new_beam, node_options):
    one, two = new_beam(), new_beam()
    assert await one.run("net_adm:ping(N)", N=two.name) == "pong"
    assert await one.run("global:sync()") == "ok"
    # Of one that takes part they would lose each other: test_cluster_partitions.
    async with Node(**node_options, global_="observe") as node:
        assert await node.ping(one.name)
        assert await node.ping(two.name)
        assert await one.run("global:sync()") == "ok"
        node.disconnect(one.name)
        assert await two.run("net_adm:ping(Py)", Py=node.name) == "pong"
    gone = "ergopy_peer:until(fun() -> not lists:member(Py, nodes()) end)"
    for beam in (one, two):
        await beam.run(gone, Py=Atom(node_options["name"]))
    assert await one.run("global:sync(), nodes()") == [two.name]
    assert await two.run("global:sync(), nodes()") == [one.name]


async def test_pg_of_the_beam_survives_a_python_node(beam, node):
    source = """
        {ok, Scope} = case pg:start(pg) of {error, {_, P}} -> {ok, P}; Ok -> Ok end,
        unlink(Scope),
        ok = pg:join(interop_group, self()),
        pong = net_adm:ping(Py),
        monitor_node(Py, true),
        erlang:disconnect_node(Py),
        receive {nodedown, Py} -> ok end,
        pong = net_adm:ping(Py),
        {is_process_alive(Scope), pg:get_local_members(interop_group) =:= [self()]}
    """
    assert await beam.run(source, Py=node.name) == (True, True)
