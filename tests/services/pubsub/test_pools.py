"""Nodes whose pools are not the same size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom, GenServer, PubSub
from ergopy.testing import node_pair
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import ergopy

SCOPE = "Elixir.Phoenix.PubSub"
ADAPTER = "Elixir.Other.Adapter"


class Idle(GenServer):
    """Has a name."""


@pytest.fixture
async def pair() -> AsyncIterator[tuple[ergopy.Node, ergopy.Node]]:
    async with node_pair() as (a, b):
        await a.connect(b.name)
        await settle()
        yield a, b


def workers(node: ergopy.Node, count: int) -> list[Any]:
    names = [ADAPTER, *(f"{ADAPTER}_{n}" for n in range(2, count + 1))]
    return [node.whereis(name) for name in names]


@pytest.mark.parametrize("order", ["the larger first", "the smaller first"])
async def test_larger_pool_of_another_node_is_followed(pair, order):
    a, b = pair
    for node in pair:
        node.pg(SCOPE)
    await settle()
    sizes = [(b, 1), (a, 4)]
    for node, size in reversed(sizes) if order == "the larger first" else sizes:
        await node.start(PubSub, "Other", pool_size=size)
        await settle()
    (worker,) = set(workers(b, 4))
    assert worker is not None
    names = [ADAPTER, *(f"{ADAPTER}_{n}" for n in (2, 3, 4))]
    assert all(b.pg(SCOPE).local_members(Atom(name)) == [worker] for name in names)


async def test_groups_that_are_no_pool_are_not_followed(pair):
    a, b = pair
    for node in pair:
        await node.start(PubSub, "Other")
    await settle()
    (before,) = workers(b, 1)
    groups = [f"{ADAPTER}_{end}" for end in ("99999", "x", "-5", "", "1.0", "_5")]
    for group in (*map(Atom, groups), Atom("Elixir.Athen.Adapter_5"), (1, 2), 5):
        a.pg(SCOPE).join(group, a.whereis(ADAPTER))
    await settle()
    assert workers(b, 5) == [before, None, None, None, None]


async def test_name_of_a_worker_that_somebody_has_is_passed_over(pair):
    a, b = pair
    other = await b.start(Idle, name=f"{ADAPTER}_2")
    await b.start(PubSub, "Other")
    await a.start(PubSub, "Other", pool_size=3)
    await settle()
    first, second, third = workers(b, 3)
    assert first is not None
    assert (first, second) == (third, other)


async def test_node_with_a_smaller_pool_is_sent_all(pair):
    """Elixir's nodes do not follow: the first worker is all that they have."""
    a, b = pair
    await a.start(PubSub, "Other", pool_size=3)
    heard = []

    async def worker(proc):
        b.pg(SCOPE).join(Atom(ADAPTER), proc.pid)
        while True:
            heard.append((await proc.receive())[2])

    await b.spawn(worker)
    await settle()

    async def talk(proc):
        await PubSub.of("Other").broadcast("t", proc.pid)

    pids = [await a.spawn(talk) for _ in range(6)]
    await settle()
    assert sorted(heard, key=str) == sorted(pids, key=str)
