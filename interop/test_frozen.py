"""A BEAM that freezes, pauses or only says nothing, and what that ends."""

from __future__ import annotations

import pytest
import trio

from ergopy import Atom, HandshakeTimeout, Node

from .servers import until

START = "{ok, Pid} = ergopy_peer_server:start(server), Pid"


async def test_frozen_beam_is_given_up_after_the_ticktime(new_beam, node_options):
    beam = new_beam()
    async with Node(**node_options, net_ticktime=1.0) as node:
        assert await node.ping(beam.name)
        beam.pause()
        await until(lambda: not node.nodes())
        beam.resume()


async def test_idle_connection_outlives_many_ticks(new_beam, node_options):
    beam = new_beam(args=("-kernel", "net_ticktime", "2"))
    async with Node(**node_options, net_ticktime=2.0) as node:
        assert await node.ping(beam.name)
        source = """
            monitor_node(Py, true),
            receive {nodedown, Py} -> lost after 4000 -> kept end
        """
        assert await beam.run(source, Py=node.name) == "kept"
        assert node.nodes() == [beam.name]


async def test_beam_that_freezes_during_the_handshake_is_given_up_and_tried_again(
    new_beam, node_options
):
    beam = new_beam()
    async with Node(**node_options, setup_time=0.3) as node:
        beam.pause()
        with pytest.raises(HandshakeTimeout) as caught:
            await node.connect(beam.name)
        assert caught.value.peer == beam.name
        beam.resume()
        # It finds us gone, and forgets that attempt.
        await until_connected(node, beam.name)
        assert await beam.run("nodes()") == [node.name]


async def until_connected(node, peer):
    with trio.fail_after(15):
        while not await node.ping(peer):  # noqa: ASYNC110 - until it is allowed
            await trio.sleep(0.05)


async def test_paused_beam_gets_what_was_sent_meanwhile(new_beam, node):
    beam = new_beam()
    await beam.run(START)
    server = ("server", beam.name)
    assert await node.call(server, Atom("value")) == 0
    beam.pause()
    for _ in range(100):
        await node.cast(server, (Atom("add"), 1))
    beam.resume()
    assert await node.call(server, Atom("value")) == 100
