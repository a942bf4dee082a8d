"""Both sides dial at the same moment: one connection comes of it."""

from __future__ import annotations

import secrets

import pytest
import trio

from ergopy import Atom, Node

from .servers import Desk, until

ROUNDS = 100
WATCH = """
    Host = self(),
    register(Watcher, spawn(fun() ->
        ok = net_kernel:monitor_nodes(true, [{node_type, all}]),
        Host ! ready,
        Count = fun Count(Ups, Downs) ->
            receive
                {nodeup, Py, _} -> Count(Ups + 1, Downs);
                {nodedown, Py, _} -> Count(Ups, Downs + 1);
                %% It may be told of a loss after nodes/1 knows it.
                {tell, To, Least} when Downs >= Least -> To ! {seen, Ups, Downs};
                {Kind, _, _} when Kind =/= tell -> Count(Ups, Downs)
            end
        end,
        Count(0, 0)
    end)),
    receive ready -> ok end
"""
GONE = "ergopy_peer:until(fun() -> not lists:member(Py, nodes(connected)) end)"
SEEN = "Watcher ! {tell, self(), Least}, receive {seen, U, D} -> {U, D} end"


@pytest.mark.parametrize("prefix", ["aa", "zz"], ids=["lesser name", "greater name"])
async def test_a_hundred_times_both_dial_and_one_connection_comes_of_it(
    beam, node_options, prefix
):
    """None that came up is lost again, on either side.

    On a hidden connection the BEAM says nothing on its own, which would connect again.
    """
    name = Atom(f"{prefix}_{secrets.token_hex(4)}@127.0.0.1")
    watcher = Atom(f"watcher_{name[3:11]}")
    await beam.run(WATCH, Watcher=watcher, Py=name)
    async with Node(**(node_options | {"name": name}), hidden=True) as node:
        await node.start(Desk, 3, name="desk")
        changes = []
        node.runtime.node_watchers.append(lambda peer, up: changes.append((peer, up)))
        for _ in range(ROUNDS):
            answers = []

            async def python_dials(answers=answers):
                answers.append(await node.ping(beam.name))

            async def beam_dials(answers=answers):
                source = "gen_server:call({desk, Py}, value)"
                answers.append(await beam.run(source, Py=name) == 3)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(beam_dials)
                nursery.start_soon(python_dials)
            assert answers == [True, True]
            assert node.nodes("connected") == [beam.name]
            names = await beam.run("nodes(connected)")
            assert names.count(name) == 1
            assert node.disconnect(beam.name)
            await beam.run(GONE, Py=name)
        assert changes == [(beam.name, True), (beam.name, False)] * ROUNDS
        seen = await beam.run(SEEN, Watcher=watcher, Least=ROUNDS)
        assert seen == (ROUNDS, ROUNDS)


async def test_many_processes_dial_one_node_once(beam, node):
    answers = []

    async def ask(proc):
        answers.append(await proc.node.ping(beam.name))

    for _ in range(50):
        await node.spawn(ask)
    await until(lambda: len(answers) == 50)
    assert all(answers)
    assert node.nodes() == [beam.name]


@pytest.mark.parametrize("prefix", ["aa", "zz"], ids=["lesser name", "greater name"])
async def test_who_only_has_a_name_does_not_keep_its_owner_from_connecting(
    new_beam, node_options, prefix
):
    """A stranger shakes hands in the name of each with the other, and no further."""
    name = Atom(f"{prefix}_{secrets.token_hex(4)}@127.0.0.1")
    # A BEAM of a greater name says no to us until it has given the stranger up.
    beam = new_beam(args=("-kernel", "net_setuptime", "2"))
    port = await beam.run(
        "{ok, P} = net_adm:names({127,0,0,1}), "
        '{_, Port} = lists:keyfind(hd(string:split(atom_to_list(node()), "@")), 1, P), '
        "Port"
    )
    async with Node(**(node_options | {"name": name})) as node:
        strangers = [
            await _begin(beam.name, node.port),
            await _begin(name, port),
        ]
        await node.connect(beam.name)
        assert node.nodes() == [beam.name]
        for stranger in strangers:
            await stranger.aclose()
        assert await node.ping(beam.name)


async def _begin(name, port):
    """Say who we are, as a node does that dials; wait for the status."""
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    body = b"N" + (0xD07DF7FBD).to_bytes(8, "big") + (7).to_bytes(4, "big")
    body += len(name).to_bytes(2, "big") + name.encode()
    await stream.send_all(len(body).to_bytes(2, "big") + body)
    assert await stream.receive_some(1)
    return stream
