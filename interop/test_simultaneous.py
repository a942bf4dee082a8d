"""Both sides dial at the same moment: one connection comes of it."""

from __future__ import annotations

import secrets

import pytest
import trio

from ergopy import Atom, Node

from .servers import Desk, until


@pytest.mark.parametrize("prefix", ["aa", "zz"], ids=["lesser name", "greater name"])
async def test_one_connection_when_both_dial(beam, node_options, prefix):
    for _ in range(10):
        name = f"{prefix}_{secrets.token_hex(4)}@127.0.0.1"
        async with Node(**(node_options | {"name": name})) as node:
            await node.start(Desk, 3, name="desk")
            answers = []

            async def python_dials(node=node, answers=answers):
                answers.append(await node.ping(beam.name))

            async def beam_dials(node=node, answers=answers):
                source = "gen_server:call({desk, Py}, value)"
                answers.append(await beam.run(source, Py=node.name) == 3)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(beam_dials)
                nursery.start_soon(python_dials)
            assert answers == [True, True]
            assert node.nodes() == [beam.name]
            names = await beam.run("nodes()")
            assert names.count(Atom(name)) == 1


async def test_many_processes_dial_one_node_once(beam, node):
    answers = []

    async def ask(proc):
        answers.append(await proc.node.ping(beam.name))

    for _ in range(50):
        await node.spawn(ask)
    await until(lambda: len(answers) == 50)
    assert all(answers)
    assert node.nodes() == [beam.name]


async def test_python_nodes_dial_each_other_at_once(node_options):
    for _ in range(10):
        one = node_options | {"name": f"aa_{secrets.token_hex(4)}@127.0.0.1"}
        two = node_options | {"name": f"zz_{secrets.token_hex(4)}@127.0.0.1"}
        async with Node(**one) as left, Node(**two) as right:
            answers = []

            async def dial(node, peer, answers=answers):
                answers.append(await node.ping(peer))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(dial, left, right.name)
                nursery.start_soon(dial, right, left.name)
            assert answers == [True, True]
            assert (left.nodes(), right.nodes()) == ([right.name], [left.name])
