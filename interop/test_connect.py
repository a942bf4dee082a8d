"""Becoming, being and ceasing to be connected, seen from both sides."""

from __future__ import annotations

import pytest

from ergopy import Atom, Node

from .beam import unique_name
from .servers import inside, until


async def test_beam_pings_python(beam, node):
    assert await beam.run("net_adm:ping(Py)", Py=node.name) == "pong"


async def test_python_pings_beam(beam, node):
    assert await node.ping(beam.name) is True


async def test_ping_of_nobody_is_pang_on_both_sides(beam, node):
    nobody = Atom(unique_name("nobody"))
    assert await node.ping(nobody) is False
    assert await beam.run("net_adm:ping(N)", N=nobody) == "pang"


async def test_repeated_ping_keeps_one_connection(beam, node):
    for _ in range(20):
        assert await beam.run("net_adm:ping(Py)", Py=node.name) == "pong"
        assert await node.ping(beam.name)
    assert list(node.nodes()) == [beam.name]


@pytest.mark.parametrize("dialler", ["beam", "python"])
async def test_both_sides_list_each_other(beam, node, dialler):
    if dialler == "beam":
        assert await beam.run("net_kernel:connect_node(Py)", Py=node.name) is True
    else:
        await node.connect(beam.name)
    await beam.run(
        "ergopy_peer:until(fun() -> lists:member(Py, nodes()) end)", Py=node.name
    )
    await until(lambda: beam.name in node.nodes())


@pytest.mark.parametrize("dialler", ["beam", "python"])
async def test_hidden_python_node_is_listed_as_hidden_only(beam, node_options, dialler):
    async with Node(**node_options, hidden=True) as node:
        if dialler == "beam":
            assert await beam.run("net_adm:ping(Py)", Py=node.name) == "pong"
        else:
            assert await node.ping(beam.name)
        lists = await beam.run("{nodes(), nodes(hidden), nodes(connected)}")
        assert [node.name in names for names in lists] == [False, True, True]
        assert beam.name not in node.nodes()
        assert beam.name in node.nodes("hidden")


async def test_hidden_beam_is_listed_as_hidden_only(new_beam, node):
    beam = new_beam(args=("-hidden",))
    assert await node.ping(beam.name)
    assert beam.name not in node.nodes()
    assert beam.name in node.nodes("hidden")
    assert await beam.run("{nodes(), nodes(hidden)}") == ([], [node.name])


async def test_disconnect_by_the_beam_is_noticed_and_undone_by_the_next_send(
    beam, node, desk
):
    assert await node.ping(beam.name)
    changes = []
    node.runtime.node_watchers.append(lambda _, up: changes.append(up))
    assert await beam.run("erlang:disconnect_node(Py)", Py=node.name) is True
    # It may come back at once.
    await until(lambda: False in changes)
    assert await beam.run("gen_server:call({desk, Py}, value)", Py=node.name) == 0
    await until(lambda: beam.name in node.nodes())


async def test_beam_sees_nodeup_and_nodedown_of_a_python_node(beam, node_options):
    name = Atom(node_options["name"])
    register = """
        Host = self(),
        register(Watcher, spawn(fun() ->
            net_kernel:monitor_nodes(true),
            Host ! ready,
            Seen = [receive {Event, Py} -> Event end || _ <- [up, down]],
            receive {tell, To} -> To ! {seen, Seen} end
        end)),
        receive ready -> ok end
    """
    watcher = Atom(f"watcher_{name[3:11]}")
    await beam.run(register, Py=name, Watcher=watcher)
    async with Node(**node_options) as node:
        assert await node.ping(beam.name)
    tell = "Watcher ! {tell, self()}, receive {seen, Seen} -> Seen end"
    assert await beam.run(tell, Watcher=watcher) == ["nodeup", "nodedown"]


async def test_left_node_is_gone_from_the_port_mapper(beam, epmd, node_options):
    async with Node(**node_options) as node:
        assert node.name.partition("@")[0] in epmd.names()
    assert node_options["name"].partition("@")[0] not in epmd.names()
    assert await beam.run("net_adm:ping(Py)", Py=Atom(node_options["name"])) == "pang"


async def test_port_mapper_lists_beam_and_python(beam, node):
    entries = await beam.run("{ok, Names} = net_adm:names({127, 0, 0, 1}), Names")
    ports = {bytes(name).decode(): port for name, port in entries}
    assert beam.name.partition("@")[0] in ports
    assert ports[node.name.partition("@")[0]] == node.port


async def test_two_python_nodes_and_a_beam_reach_each_other(beam, node, node_options):
    options = node_options | {"name": unique_name("py")}
    async with Node(**options) as other:
        assert await other.ping(node.name)
        assert await other.ping(beam.name)
        assert await beam.run("net_adm:ping(Py)", Py=node.name) == "pong"
        ask = await beam.run("lists:sort(nodes())")
        assert {node.name, other.name} <= set(ask)


async def test_process_can_ask_which_nodes_there_are(beam, node):
    await node.connect(beam.name)

    async def ask(proc):
        return list(proc.node.nodes())

    assert await inside(node, ask) == [beam.name]
