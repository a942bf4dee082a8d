"""The same over IPv6: a BEAM of ``-proto_dist inet6_tcp``, on ``::1``."""

from __future__ import annotations

import secrets
import socket
from functools import partial

import pytest
import trio

from ergopy import Atom, Node, NodeNotFound
from ergopy.testing.ports import free_port

from .servers import Desk

V6 = ("-proto_dist", "inet6_tcp")
INTERFACE = "{0,0,0,0,0,0,0,1}"


@pytest.fixture(autouse=True)
def need_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")


def name_at(host):
    return f"v6_{secrets.token_hex(4)}@{host}"


@pytest.mark.parametrize("dialler", ["beam", "python"])
async def test_nodes_with_an_ipv6_address_in_their_name_connect(
    new_beam, node_options, dialler
):
    beam = new_beam(name=name_at("::1"), interface=INTERFACE, args=V6)
    options = node_options | {"name": name_at("::1")}
    async with Node(**options) as node:
        await node.start(Desk, 6, name="desk")
        ask = "gen_server:call({desk, Py}, value)"
        if dialler == "python":
            await node.connect(beam.name)
        assert await beam.run(ask, Py=node.name) == 6
        assert node.nodes() == [beam.name]
        assert await beam.run("nodes()") == [node.name]
        assert await node.rpc(beam.name, "erlang", "node", []) == beam.name
        pid = await beam.run("ergopy_peer_server:start(six), whereis(six)")
        assert pid.node == beam.name
        assert await node.call(pid, (Atom("echo"), pid)) == pid


async def test_a_node_that_listens_on_both_is_reached_over_either(
    new_beam, node_options
):
    """Names with addresses: each family asks the port mapper at that address."""
    four = new_beam()
    async with Node(**node_options, listen_host=["127.0.0.1", "::1"]) as node:
        assert await four.run("net_adm:ping(Py)", Py=node.name) == "pong"
        source = """
            {ok, Socket} = gen_tcp:connect({0,0,0,0,0,0,0,1}, Port, [inet6]),
            {ok, {_, There}} = inet:peername(Socket),
            gen_tcp:close(Socket),
            There
        """
        assert await four.run(source, Port=node.port) == node.port


async def test_a_node_whose_host_is_a_name_listens_on_ipv6_too(
    new_beam, node_options, tmp_path
):
    """A BEAM over IPv6 takes the IPv6 address of that host."""
    hosts = tmp_path / "inetrc"
    hosts.write_text('{lookup, [file]}.\n{host, {0,0,0,0,0,0,0,1}, ["six.test"]}.\n')
    inetrc = ("-kernel", "inetrc", f'"{hosts}"')
    beam = new_beam(name=name_at("six.test"), interface=INTERFACE, args=(*V6, *inetrc))
    async with Node(**(node_options | {"name": name_at("six.test")})) as node:
        assert await beam.run("net_adm:ping(Py)", Py=node.name) == "pong"
        assert node.nodes() == [beam.name]


async def test_an_absent_node_at_an_ipv6_address_is_not_found(node_options):
    options = node_options | {"name": name_at("::1")}
    async with Node(**options) as node:
        with pytest.raises(NodeNotFound):
            await node.connect(name_at("::1"))


async def test_a_python_node_of_its_own_epmd_serves_it_over_ipv6(
    new_beam, node_options
):
    """The BEAM registers with it there, and asks it there."""
    port = free_port()
    options = node_options | {
        "name": name_at("::1"),
        "epmd": "embedded",
        "epmd_port": port,
    }
    async with Node(**options) as node:
        start = partial(new_beam, interface=INTERFACE, args=V6, epmd_port=port)
        beam = await trio.to_thread.run_sync(partial(start, name=name_at("::1")))
        assert await beam.run("net_adm:ping(Py)", Py=node.name) == "pong"
        node.disconnect(beam.name)
        assert await node.ping(beam.name)
