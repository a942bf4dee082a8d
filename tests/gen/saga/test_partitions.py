"""Sagas of three nodes that lose each other in the middle of a transaction.

A connection is cut, or breaks, in some callback of some saga. When it is mended all
agree, and nothing is left of the transaction.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy.testing import MemoryNetwork

from .chain import Chain, Part

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Node, Saga

PHASES = [
    ("leaf", "new"),
    ("middle", "result"),
    ("first", "result"),
    ("first", "prepare"),
    ("middle", "prepare"),
    ("leaf", "prepare"),
    ("first", "commit"),
    ("middle", "commit"),
    ("leaf", "commit"),
]
"""What the sagas do, in this order, but for the votes."""

DECIDED = PHASES[-3:]
CABLES = ["ab", "bc", "ab bc"]


class World:
    """A chain over the nodes a, b and c, and the cables between them."""

    def __init__(
        self, network: MemoryNetwork, nodes: list[Node], name: str | None
    ) -> None:
        self.network = network
        self.nodes = nodes
        self.name = name
        self.chain = Chain()
        self.chain.on(*nodes)

    async def start(self) -> None:
        first, *others = zip(self.chain.words, self.nodes, strict=True)
        for role, node in others:
            await node.start(Part, self.chain, role, name=role)
        role, node = first
        self.first = await node.start(Part, self.chain, role, name=self.name)

    async def begin(self, lifespan: float = 600, *, two_phase: bool = True) -> Any:
        return await self.nodes[0].call(self.first, (lifespan, two_phase))

    def each(self, cables: str) -> list[tuple[str, str]]:
        return [(f"{a}@memory", f"{b}@memory") for a, b in cables.split()]

    async def cut(self, cables: str) -> None:
        for a, b in self.each(cables):
            self.network.cut(a, b)

    async def reset(self, cables: str) -> None:
        for a, b in self.each(cables):
            self.network.reset(a, b)

    async def heal(self, cables: str) -> None:
        for a, b in self.each(cables):
            self.network.heal(a, b)

    async def assert_nothing_is_left(self) -> None:
        """Check that it is over, and all were told so once."""
        for words in self.chain.words.values():
            assert len(words) == len(set(words))
        assert self.chain.left() == {}
        assert await self.chain.records(*self.nodes) == {}


@asynccontextmanager
async def worlds(name: str | None = "first") -> AsyncIterator[World]:
    network = MemoryNetwork()
    async with (
        network.node("a", net_ticktime=8) as a,
        network.node("b", net_ticktime=8) as b,
        network.node("c", net_ticktime=8) as c,
    ):
        world = World(network, [a, b, c], name)
        await world.start()
        yield world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with worlds() as world:
        yield world


@pytest.mark.parametrize("seconds", [1, 100])
@pytest.mark.parametrize("cables", CABLES)
@pytest.mark.parametrize("phase", PHASES, ids="-".join)
async def test_all_agree_after_a_cut(
    autojump_clock: object,
    world: World,
    phase: tuple[str, str],
    cables: str,
    seconds: float,
) -> None:
    """A short cut is not noticed by anybody, a long one is."""
    cut = trio.Event()

    async def cut_now(saga: Saga, tx: Any) -> None:
        await world.cut(cables)
        cut.set()

    world.chain.hooks[phase] = cut_now
    await world.begin()
    await cut.wait()
    await trio.sleep(seconds)
    await world.heal(cables)
    await trio.sleep(150)
    if seconds == 1 or phase in DECIDED:
        assert world.chain.agreed == "commit"
    else:
        # It may have been decided already: the votes are a race.
        assert world.chain.agreed
    await world.assert_nothing_is_left()


@pytest.mark.parametrize("phase", PHASES, ids="-".join)
async def test_all_agree_after_connections_broke(
    autojump_clock: object, world: World, phase: tuple[str, str]
) -> None:
    async def reset(saga: Saga, tx: Any) -> None:
        await world.reset("ab bc")

    world.chain.hooks[phase] = reset
    await world.begin()
    await trio.sleep(150)
    if phase in DECIDED:
        assert world.chain.agreed == "commit"
    assert world.chain.agreed
    await world.assert_nothing_is_left()


@pytest.mark.parametrize("cables", CABLES)
@pytest.mark.parametrize("phase", PHASES[:3], ids="-".join)
async def test_cut_before_the_votes_cancels(
    autojump_clock: object, world: World, phase: tuple[str, str], cables: str
) -> None:
    async def cut(saga: Saga, tx: Any) -> None:
        await world.cut(cables)

    world.chain.hooks[phase] = cut
    await world.begin()
    await trio.sleep(150)
    # Nobody has to wait for the others: what was not voted for is cancelled.
    assert world.chain.agreed == "cancel"
    await world.assert_nothing_is_left()


async def test_one_in_doubt_waits_for_as_long_as_it_takes(
    autojump_clock: object, world: World
) -> None:
    async def cut(saga: Saga, tx: Any) -> None:
        await trio.sleep(1)  # the others have voted
        await world.cut("ab")

    world.chain.hooks["first", "prepare"] = cut
    tx = await world.begin(lifespan=60)
    await trio.sleep(1000)
    a, b, c = world.nodes
    assert [world.chain.ended(role) for role in world.chain.words] == [
        {"commit"},
        set(),
        set(),
    ]
    shown = await ergopy.saga.show("middle", tx, caller=b)
    assert shown.state == "prepared"
    assert "prepared" in str(await ergopy.saga.show("leaf", caller=c))
    assert (await ergopy.saga.show("first", tx, caller=a)).state == "committed"
    await world.heal("ab")
    await trio.sleep(150)
    assert world.chain.agreed == "commit"
    await world.assert_nothing_is_left()


async def test_initiator_without_a_name_is_waited_for_while_it_may_live(
    autojump_clock: object,
) -> None:
    async def cut(saga: Saga, tx: Any) -> None:
        await trio.sleep(1)  # the others have voted
        await world.cut("ab")

    async with worlds(None) as world:
        world.chain.hooks["first", "prepare"] = cut
        await world.begin()
        await trio.sleep(200)
        assert world.chain.ended("middle") == set()
        await world.heal("ab")
        await trio.sleep(150)
        assert world.chain.agreed == "commit"
        await world.assert_nothing_is_left()


async def test_end_of_an_initiator_without_a_name_cancels(
    autojump_clock: object,
) -> None:
    async def end(saga: Saga, tx: Any) -> None:
        await trio.sleep(1)
        raise ergopy.Exit("shutdown")

    async with worlds(None) as world:
        world.chain.hooks["first", "prepare"] = end
        await world.begin()
        await trio.sleep(150)
        assert world.chain.ended("middle") == world.chain.ended("leaf") == {"cancel"}


async def test_node_that_never_comes_back_leaves_those_in_doubt_who_voted(
    autojump_clock: object, world: World
) -> None:
    """The one below that has not voted, as it was not asked, cancels."""

    async def leave_alone(saga: Saga, tx: Any) -> None:
        await world.cut("ab")

    world.chain.hooks["middle", "prepare"] = leave_alone
    await world.begin(lifespan=60)
    await trio.sleep(1000)
    assert world.chain.ended("first") == {"cancel"}
    assert world.chain.ended("middle") == set()
    assert world.chain.ended("leaf") == set()
    assert world.chain.left().keys() == {"middle", "leaf"}


async def test_one_that_has_not_voted_cancels_when_it_is_left_alone(
    autojump_clock: object, world: World
) -> None:
    async def cut(saga: Saga, tx: Any) -> None:
        await world.cut("bc")

    world.chain.hooks["first", "result"] = cut
    await world.begin()
    await trio.sleep(60)
    assert world.chain.ended("leaf") == {"cancel"}
    assert world.chain.agreed == "cancel"


@pytest.mark.parametrize("phase", [("leaf", "new"), ("middle", "result")], ids="-".join)
async def test_one_phase_is_undone_after_a_cut(
    autojump_clock: object, world: World, phase: tuple[str, str]
) -> None:
    async def cut(saga: Saga, tx: Any) -> None:
        await world.cut("ab bc")

    world.chain.hooks[phase] = cut
    await world.begin(two_phase=False)
    await trio.sleep(150)
    await world.heal("ab bc")
    await trio.sleep(150)
    words = world.chain.words
    assert words["first"] == ["new", "cancel", "undo"]
    await world.assert_nothing_is_left()


async def test_votes_that_nobody_gets_cancel(
    autojump_clock: object, world: World
) -> None:
    async def cut(saga: Saga, tx: Any) -> None:
        await world.cut("bc")

    world.chain.hooks["leaf", "prepare"] = cut
    await world.begin()
    await trio.sleep(100)
    # The leaf has voted, and does not know more.
    assert world.chain.ended("leaf") == set()
    assert world.chain.ended("first") == world.chain.ended("middle") == {"cancel"}
    await world.heal("bc")
    await trio.sleep(150)
    assert world.chain.agreed == "cancel"
    await world.assert_nothing_is_left()
