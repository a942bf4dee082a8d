"""No EPMD on either side: fixed ports, routes, and resolvers."""

from __future__ import annotations

import secrets

import pytest
import trio

from ergopy import Atom, DnsResolver, EpmdResolver, Node, NodeNotFound
from ergopy.testing.ports import free_port

from .servers import Desk

CALL = "gen_server:call({desk, Py}, value)"


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def lone_beam(new_beam, port):
    """A BEAM that knows no EPMD: it and all others listen on one port."""
    args = ("-erl_epmd_port", str(port))
    # Whoever did ask an EPMD would find nobody on this one.
    return new_beam(name=name_at("127.0.0.1"), args=args, epmd_port=free_port())


@pytest.fixture
def options(cookie, port):
    return {
        "name": name_at("127.0.0.2"),
        "cookie": cookie,
        "epmd": "off",
        "listen": port,
    }


def name_at(host):
    return f"lone_{secrets.token_hex(4)}@{host}"


def by_rule(port, kind):
    """Each way to say that every node listens on *port* of its host."""

    def plain(name):
        return name.partition("@")[2], port

    async def later(name):
        await trio.lowlevel.checkpoint()
        return plain(name)

    return {"dns": DnsResolver(port), "function": plain, "async function": later}[kind]


@pytest.mark.parametrize("kind", ["dns", "function", "async function"])
async def test_python_dials_a_beam_by_a_rule(lone_beam, port, options, kind):
    async with Node(**options, resolver=by_rule(port, kind)) as node:
        assert node.port == port
        assert await node.rpc(lone_beam.name, "erlang", "node", []) == lone_beam.name
        assert node.nodes() == [lone_beam.name]


async def test_a_beam_dials_python_on_the_port_of_all_nodes(lone_beam, options):
    async with Node(**options) as node:
        await node.start(Desk, 4, name="desk")
        assert await lone_beam.run(CALL, Py=node.name) == 4
        assert await lone_beam.run("nodes()") == [node.name]


async def test_a_route_is_enough(lone_beam, port, options):
    routes = {lone_beam.name: ("127.0.0.1", port)}
    async with Node(**options, routes=routes) as node:
        assert await node.ping(lone_beam.name)
        with pytest.raises(NodeNotFound, match="routes="):
            await node.connect(name_at("127.0.0.3"))


async def test_a_python_node_that_comes_back_is_another_incarnation(lone_beam, options):
    """Without EPMD the creation is a random one."""
    async with Node(**options) as node:
        old = await node.start(Desk, 1, name="desk")
        assert node.creation >= 4
        assert await lone_beam.run(CALL, Py=node.name) == 1
        creation = node.creation
    # Until it has seen the end, the BEAM would call over the old connection.
    await lone_beam.run("ergopy_peer:until(fun() -> nodes() =:= [] end)")
    async with Node(**options) as node:
        new = await node.start(Desk, 2, name="desk")
        assert node.creation != creation
        assert await lone_beam.run(CALL, Py=node.name) == 2
        assert await lone_beam.run("gen_server:call(Pid, value)", Pid=new) == 2
        await lone_beam.run("Pid ! stray", Pid=old)
        assert await lone_beam.run(CALL, Py=node.name) == 2


async def test_three_nodes_of_both_kinds_are_one_cluster(
    lone_beam, new_beam, port, options
):
    other = new_beam(
        "otp25",
        name=name_at("127.0.0.3"),
        interface="{127,0,0,3}",
        args=("-erl_epmd_port", str(port)),
        epmd_port=free_port(),
    )
    async with Node(**options, resolver=DnsResolver(port)) as node:
        for beam in (lone_beam, other):
            assert await beam.run("net_adm:ping(Py)", Py=node.name) == "pong"
        assert await lone_beam.run("net_adm:ping(N)", N=other.name) == "pong"
        for beam, peers in ((lone_beam, {other}), (other, {lone_beam})):
            names = {node.name, *(peer.name for peer in peers)}
            assert set(await beam.run("nodes()")) == names


async def test_nodes_with_and_without_epmd_are_found_by_one_node(
    beam, new_beam, port, node_options
):
    """Of several resolvers the first that knows wins."""
    lone = new_beam(
        name=name_at("127.0.0.1"),
        args=("-erl_epmd_port", str(port)),
        epmd_port=free_port(),
    )

    def only_lone(name):
        return ("127.0.0.1", port) if name == lone.name else None

    resolver = [only_lone, EpmdResolver()]
    async with Node(**node_options, resolver=resolver) as node:
        assert await node.ping(beam.name)
        assert await node.ping(lone.name)
        assert set(node.nodes()) >= {beam.name, lone.name}
        assert await node.rpc(lone.name, "erlang", "nodes", [Atom("known")])


async def test_a_node_listens_on_the_first_free_port_of_a_range(beam, node_options):
    first = free_port()
    wide = range(first, min(first + 50, 65535))
    async with Node(**node_options, listen=wide) as node:
        assert node.port in wide
        assert await beam.run("net_adm:ping(Py)", Py=node.name) == "pong"


async def test_a_host_name_with_a_fixed_port_is_looked_up(new_beam, port, cookie):
    """As of the pods of a headless service; here it is localhost's own name."""
    beam = new_beam(
        name="lone@127.0.0.1",
        args=("-erl_epmd_port", str(port)),
        epmd_port=free_port(),
    )
    async with Node(
        name_at("127.0.0.2"),
        cookie=cookie,
        epmd="off",
        resolver=lambda name: ("localhost", port),
    ) as node:
        assert await node.ping(beam.name)
