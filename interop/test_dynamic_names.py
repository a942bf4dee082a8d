"""Nodes without a name: ``erl -name undefined``, and the same from Python."""

from __future__ import annotations

import pytest

from ergopy import Atom, ConnectError, Node, Pid

from .beam import unique_name
from .servers import Desk, inside, until

UNNAMED = "undefined@127.0.0.1"
CALL = "gen_server:call({desk, Py}, {echo, hi})"
LOSE = """
    erlang:disconnect_node(Py),
    ergopy_peer:until(fun() -> node() =:= nonode@nohost end)
"""


async def enter(beam, node):
    """Let *beam* connect to *node*; return the name and creation it gets."""
    source = (
        "true = net_kernel:connect_node(Py), {node(), erlang:system_info(creation)}"
    )
    return await beam.run(source, Py=node.name)


# Python gives the name.


async def test_a_beam_gets_a_name_calls_and_is_called_back(new_beam, node, desk):
    beam = new_beam(name=UNNAMED)
    assert beam.name == "nonode@nohost"
    name, creation = await enter(beam, node)
    assert name.endswith("@127.0.0.1")
    assert creation >= 4
    assert await beam.run(CALL, Py=node.name) == "hi"
    assert node.nodes("hidden") == [name]
    assert node.nodes() == []
    assert await beam.run("{nodes(), nodes(hidden)}") == ([], [node.name])
    pid = await beam.run("{ok, Pid} = ergopy_peer_server:start(server), Pid")
    assert (pid.node, pid.creation) == (name, creation)
    assert await node.call(pid, (Atom("add"), 2)) == 2
    assert await node.call(("server", name), Atom("value")) == 2
    assert await node.rpc(name, "erlang", "node", []) == name


async def test_a_beam_that_comes_back_gets_the_same_name_as_somebody_new(
    new_beam, node, desk
):
    beam = new_beam(name=UNNAMED)
    name, creation = await enter(beam, node)
    old = await beam.run("{ok, Pid} = ergopy_peer_server:start(server), Pid")
    for number in range(1, 4):
        await beam.run(LOSE, Py=node.name)
        await until(lambda: not node.nodes("hidden"))
        assert await enter(beam, node) == (name, creation + number)
        assert await beam.run(CALL, Py=node.name) == "hi"
        # Its process lives on, and has another pid for us.
        new = await beam.run("whereis(server)")
        assert (old.id, old.serial) == (new.id, new.serial)
        assert new.creation == creation + number
        assert await node.call(new, Atom("value")) == 0


async def test_a_name_is_not_given_to_two_beams(new_beam, node):
    beams = [new_beam(name=UNNAMED) for _ in range(3)]
    names = {(await enter(beam, node))[0] for beam in beams}
    assert len(names) == 3
    assert set(node.nodes("hidden")) == names


async def test_a_beam_that_python_named_reaches_other_beams(new_beam, beam, node):
    nameless = new_beam(name=UNNAMED)
    name, _ = await enter(nameless, node)
    assert await nameless.run("net_adm:ping(N)", N=beam.name) == "pong"
    assert name in await beam.run("nodes(hidden)")


async def test_a_beam_that_is_killed_gives_its_name_back(new_beam, node):
    first, second = new_beam(name=UNNAMED), new_beam(name=UNNAMED)
    name, creation = await enter(first, node)
    first.kill9()
    await until(lambda: not node.nodes("hidden"))
    assert await enter(second, node) == (name, creation + 1)


async def test_a_beam_with_another_cookie_gets_no_name(new_beam, node):
    stranger = new_beam(name=UNNAMED, cookie="anothercookie")
    connect = "{net_kernel:connect_node(Py), node()}"
    assert await stranger.run(connect, Py=node.name) == (False, "nonode@nohost")
    assert node.nodes("connected") == []


async def test_an_allow_list_lets_a_nameless_beam_in_by_host(new_beam, node_options):
    beam = new_beam(name=UNNAMED)
    async with Node(**node_options, allow=["there@127.0.0.1"]) as node:
        connect = "net_kernel:connect_node(Py)"
        assert await beam.run(connect, Py=node.name) is False
        node.allow(["127.0.0.1"])
        assert await beam.run(connect, Py=node.name) is True


# A BEAM gives the name.


def unnamed(options, named_by):
    return Node(**(options | {"name": UNNAMED, "named_by": named_by}))


async def test_a_beam_names_python_and_each_reaches_the_other(beam, node_options):
    async with unnamed(node_options, beam.name) as node:
        name = node.name
        # A BEAM lists a node a moment after that node has read its last word.
        assert await node.ping(beam.name)
        assert name in await beam.run("nodes(hidden)")
        assert name not in await beam.run("nodes()")
        pid = await node.start(Desk, 5, name="desk")
        assert await beam.run("gen_server:call(Pid, value)", Pid=pid) == 5
        assert await beam.run("gen_server:call({desk, Py}, value)", Py=name) == 5
        assert await beam.run("net_adm:ping(Py)", Py=name) == "pong"
        assert await beam.run("node(Pid)", Pid=pid) == name
        remote = await beam.run("whereis(init)")

        async def watch(proc):
            await proc.monitor(remote)
            await proc.link(remote)
            await proc.exit(remote, "ignored")
            return await proc.node.rpc(beam.name, "erlang", "node", [])

        assert await inside(node, watch) == beam.name
    gone = "ergopy_peer:until(fun() -> not lists:member(Py, nodes(hidden)) end)"
    assert await beam.run(gone, Py=name)
    assert node.name == "nonode@nohost"


async def test_python_that_comes_back_has_the_same_name_as_somebody_new(
    new_beam, node_options
):
    beam = new_beam()
    node = unnamed(node_options, beam.name)
    seen = []
    for value in range(4):
        async with node:
            seen.append((node.name, node.creation))
            await node.start(Desk, value, name="desk")
            source = "gen_server:call({desk, Py}, value)"
            assert await beam.run(source, Py=node.name) == value
        gone = "ergopy_peer:until(fun() -> nodes(connected) =:= [] end)"
        assert await beam.run(gone)
    name, creation = seen[0]
    assert seen == [(name, creation + number) for number in range(4)]


@pytest.mark.parametrize("how", ["disconnected", "killed"])
async def test_python_has_no_name_without_the_beam_that_gave_it(
    beam, new_beam, node_options, how
):
    giver = new_beam()
    async with unnamed(node_options, giver.name) as node:
        assert await node.ping(beam.name)
        # Before it has answered, the giver may not know the connection to end.
        assert await node.ping(giver.name)
        pid = await node.start(Desk, 7)
        if how == "killed":
            giver.kill9()
        else:
            await giver.run("erlang:disconnect_node(Py)", Py=node.name)
        await node.wait_closed()
        await until(lambda: not node.nodes("connected"))
        gone = "ergopy_peer:until(fun() -> not lists:member(Py, nodes(hidden)) end)"
        assert await beam.run(gone, Py=node.name)
        with pytest.raises(ConnectError, match="gave this node its name"):
            await node.connect(beam.name)
        assert await node.call(pid, Atom("value")) == 7


async def test_python_enters_by_the_first_beam_that_is_there(beam, node_options):
    peers = [unique_name("absent"), beam.name]
    async with unnamed(node_options, peers) as node:
        assert node.nodes("hidden") == [beam.name]


async def test_nameless_python_and_nameless_beam_meet_at_a_beam(new_beam, node_options):
    giver, nameless = new_beam(), new_beam(name=UNNAMED)
    async with unnamed(node_options, giver.name) as node:
        await node.start(Desk, 9, name="desk")
        assert await nameless.run("net_kernel:connect_node(N)", N=giver.name)
        theirs = await nameless.run("node()")
        assert theirs != node.name
        assert await node.ping(giver.name)
        assert await nameless.run("net_adm:ping(N)", N=giver.name) == "pong"
        hidden = await giver.run("lists:sort(nodes(hidden))")
        assert hidden == sorted([theirs, node.name])
        # Neither listens under that name; the giver passes messages between them.
        source = "erpc:call(N, gen_server, call, [{desk, Py}, value])"
        assert await nameless.run(source, N=giver.name, Py=node.name) == 9


async def test_a_pid_of_a_nameless_beam_is_local_there_before_and_after(new_beam, node):
    beam = new_beam(name=UNNAMED)
    name, creation = await enter(beam, node)
    old = await beam.run("{ok, Pid} = ergopy_peer_server:start(server), Pid")
    await beam.run(LOSE, Py=node.name)
    await until(lambda: not node.nodes("hidden"))
    await enter(beam, node)
    # A pid of the earlier name reaches nobody, as one of a node that restarted.
    await node.send(old, (Atom("add"), 1))
    new = await beam.run("whereis(server)")
    assert isinstance(new, Pid)
    assert await node.call(new, Atom("value")) == 0
    assert (name, creation) == (old.node, old.creation)
