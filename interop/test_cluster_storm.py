"""Names, locks and nodes that come and go, all at once; at the end all agree."""

from __future__ import annotations

import os
import random
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom

from .beam import BeamError, BeamGone
from .clusters.cluster import KINDS, in_order
from .clusters.fixtures import cluster as cluster
from .clusters.fixtures import make_cluster as make_cluster

if TYPE_CHECKING:
    from .clusters.cluster import Cluster

NUMBERS = range(len(KINDS))
NAMES = [(Atom("storm"), number) for number in range(6)]
METHODS = [Atom("random_exit"), Atom("random_notify"), Atom("none")]
SEED = os.environ.get("ERGOPY_SEED", "1")
PAUSE = 0.8
"""Seconds between two things that happen to the nodes."""


@pytest.fixture
async def whole(cluster: Cluster) -> Cluster:
    """All run, know each other and have no names."""
    await cluster.restore()
    return cluster


async def act(cluster: Cluster, number: int, chance: random.Random) -> None:
    """Do one thing with names or locks on a node."""
    # Who does not get the lock of all waits for up to 8 seconds, again and again.
    do, name = partial(cluster[number].do, timeout=60), chance.choice(NAMES)
    match chance.choice(("register", "register", "re_register", "unregister", "lock")):
        case "register":
            pid = await do("holder")
            await do("register", name, pid, chance.choice(METHODS))
            if chance.random() < 0.3:
                await do("kill", pid)
        case "re_register":
            await do("re_register", name, await do("holder"))
        case "unregister":
            await do("unregister", name)
        case "lock":
            pid = await do("holder")
            lock = (Atom("lock"), (chance.choice(NAMES), pid))
            with suppress(BeamError):  # others have it for too long
                await do("ask", pid, lock)
            await do("kill", pid)


async def act_on(cluster: Cluster, number: int, over: trio.Event) -> None:
    """Do one thing after the other on a node, unless it is not there."""
    chance = random.Random(f"{SEED} {number}")
    while not over.is_set():
        try:
            await act(cluster, number, chance)
        except BeamGone:
            await trio.sleep(0.05)


async def settled(cluster: Cluster) -> list[Any]:
    """Have all connect until they stay so; return the names.

    A connection may end once more, because of a loss before that was told of late.
    """
    cluster.patience = 8
    for _ in range(4):
        await cluster.rush()
        with suppress(AssertionError):
            return await cluster.is_whole()
    raise AssertionError(f"some do not agree: {await cluster.all('members')}")


async def test_all_agree_after_a_storm(whole):
    over = trio.Event()
    async with trio.open_nursery() as nursery:
        for number in NUMBERS:
            nursery.start_soon(act_on, whole, number, over)
        for number in NUMBERS:
            await trio.sleep(PAUSE)
            whole.kill9(number)
            await trio.sleep(PAUSE / 4)
            await whole.start(number)
            await whole[number].do("connect", whole[number - 1].name)
            await trio.sleep(PAUSE)
            other = whole[number - 2]
            await whole[number].do("disconnect", other.name)
            await trio.sleep(PAUSE / 4)
            await whole.rush()
        over.set()
    names = await settled(whole)
    for name, pid in names:
        place = [member.name for member in whole].index(pid.node)
        assert await whole[place].do("is_alive", pid), name
    # Nothing is left that would be in the way.
    pids = await whole.all("holder")
    for number, pid in enumerate(pids):
        for name in NAMES:
            assert await whole[number].do("is_free", name)
        assert await whole[number].do("register", (Atom("after"), number), pid) == "yes"
    after = [((Atom("after"), number), pid) for number, pid in enumerate(pids)]
    assert await whole.is_whole() == in_order([*names, *after])
