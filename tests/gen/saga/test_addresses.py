"""How a saga is named to which a transaction goes: on this node, and on another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    Atom,
    NotPermitted,
    ProcessConfig,
    Registry,
    Saga,
    UnknownSaga,
    Via,
)
from ergopy.testing import MemoryNetwork, node_pair
from etf import EncodeError
from tests.gen.saga.parts import Part, answer, sends, start
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Node
    from ergopy.process.runtime import Runtime

OUR_NODE, THEIR_NODE = "a@memory", "b@memory"


@pytest.fixture
async def network() -> MemoryNetwork:
    return MemoryNetwork()


@pytest.fixture
async def nodes(network: MemoryNetwork) -> AsyncIterator[tuple[Node, Node]]:
    async with node_pair(network=network) as nodes:
        await nodes[0].connect(nodes[1].name)
        yield nodes


async def rest() -> None:
    """Let both nodes do all that there is to do."""
    for _ in range(5):
        await settle()


NAMES: dict[str, Any] = {
    "pid": lambda leaf: leaf.pid,
    "name": lambda leaf: "leaf",
    "atom": lambda leaf: Atom("leaf"),
    "name and node": lambda leaf: ("leaf", OUR_NODE),
    "atoms": lambda leaf: (Atom("leaf"), Atom(OUR_NODE)),
}


@pytest.mark.parametrize("how", NAMES)
@pytest.mark.parametrize("two_phase_commit", [False, True])
async def test_a_saga_of_this_node_is_found(
    nodes: tuple[Node, Node], how: str, two_phase_commit: bool
) -> None:
    leaf = await start(nodes[0], name="leaf", new=answer)
    to = NAMES[how](leaf)
    first = await start(nodes[0], new=sends(to), result=answer)
    tx = await first.begin("work", two_phase_commit=two_phase_commit)
    assert first.told("done") == ["work"]
    assert [step.saga for step in tx.steps.values()] == [to]
    assert first.is_clean
    assert leaf.is_clean


async def test_a_saga_is_found_by_its_name_in_a_registry(
    nodes: tuple[Node, Node],
) -> None:
    ours, _ = nodes
    await ours.start(Registry, name="names")
    via = Via("names", ("leaf", 1))
    leaf = await start(ours, name=via, new=answer)
    first = await start(ours, new=sends(via), result=answer)
    await first.begin("work", two_phase_commit=True)
    assert first.told("done") == ["work"]
    assert leaf.words == ["new", "prepare", "commit"]


@pytest.mark.parametrize("via", [Via("names", "nobody"), Via("no registry", "leaf")])
async def test_nobody_has_that_name_in_a_registry(
    nodes: tuple[Node, Node], via: Via
) -> None:
    await nodes[0].start(Registry, name="names")
    first = await start(nodes[0])
    tx = await first.begin()
    await first.refuses(UnknownSaga, Saga.next, tx, via, "work")


AWAY: dict[str, Any] = {
    "pid": lambda leaf: leaf.pid,
    "name and node": lambda leaf: ("leaf", THEIR_NODE),
}


@pytest.mark.parametrize("how", AWAY)
@pytest.mark.parametrize("two_phase_commit", [False, True])
async def test_a_saga_of_another_node_is_found(
    nodes: tuple[Node, Node], how: str, two_phase_commit: bool
) -> None:
    ours, theirs = nodes
    leaf = await start(theirs, name="leaf", new=answer)
    first = await start(ours, new=sends(AWAY[how](leaf)), result=answer)
    tx = await first.begin({"room": 5}, two_phase_commit=two_phase_commit)
    await rest()
    assert leaf.heard[0][1:] == (tx, {b"room": 5})
    assert first.told("done") == [{b"room": 5}]
    assert leaf.words == ["new", "prepare", "commit"][: 3 if two_phase_commit else 1]
    assert first.is_clean
    assert leaf.is_clean


async def test_the_other_node_is_told_hops_and_whole_seconds(
    nodes: tuple[Node, Node],
) -> None:
    leaf = await start(nodes[1], name="leaf")
    first = await start(nodes[0], new=sends(leaf.pid))
    await first.begin(hop_limit=3, lifespan=2.5)
    await rest()
    ((_, tx, _),) = leaf.heard
    assert (tx.hops_left, tx.lifespan, tx.two_phase_commit) == (2, 3, False)
    assert (tx.parent, tx.key) == (first.pid, first.transactions[0].key)


async def test_a_reason_crosses_the_nodes(nodes: tuple[Node, Node]) -> None:
    leaf = await start(nodes[1])
    first = await start(nodes[0], new=sends(leaf.pid))
    for reason in "Zürich", (Atom("no_room"), 5):
        tx = await first.begin(two_phase_commit=True)
        await rest()
        await leaf.do(Saga.cancel_transaction, tx.id, reason)
        await rest()
        assert first.told("cancel")[-1] == leaf.told("cancel")[-1] == reason
    assert first.is_clean
    assert leaf.is_clean


async def test_a_name_that_nobody_has_there_is_a_lost_step(
    nodes: tuple[Node, Node],
) -> None:
    first = await start(nodes[0], new=sends(("nobody", THEIR_NODE)))
    await first.begin()
    await rest()
    (reason,) = first.told("cancel")
    assert reason.startswith("next saga ")
    assert reason.endswith(" is down")
    assert first.is_clean


async def test_a_node_that_is_not_there_is_a_lost_step(
    nodes: tuple[Node, Node], autojump_clock: trio.abc.Clock
) -> None:
    first = await start(nodes[0], new=sends(("leaf", "c@memory")))
    await first.begin()
    await trio.sleep(30)
    assert first.told("cancel")[0].endswith(" is down")
    assert first.is_clean


async def test_what_leaves_the_node_is_a_term(nodes: tuple[Node, Node]) -> None:
    ours, theirs = nodes
    leaf = await start(theirs, name="leaf")
    first = await start(ours)
    tx = await first.begin()
    for dest in leaf.pid, ("leaf", THEIR_NODE):
        await first.refuses(EncodeError, Saga.next, tx, dest, object())
    await first.do(Saga.next, tx, leaf.pid, "work")
    await rest()
    (theirs_tx,) = leaf.transactions
    for verb in Saga.send_result, Saga.send_interim:
        await leaf.refuses(EncodeError, verb, theirs_tx, object())
    await leaf.do(Saga.send_interim, theirs_tx, "half")
    await leaf.do(Saga.send_result, theirs_tx, "done")
    await rest()
    assert first.words == ["new", "interim", "result"]


async def test_the_loss_of_the_connection_cancels_on_both_sides(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    leaf = await start(theirs)
    first = await start(ours, new=sends(leaf.pid))
    for _ in range(3):
        await first.begin()
    await rest()
    assert first.facts["monitors"] == 3
    # All of one saga are watched once.
    assert leaf.facts["monitors"] == 1
    ours.disconnect(theirs.name)
    await rest()
    assert [reason[-8:] for reason in first.told("cancel")] == [" is down"] * 3
    assert [reason[-8:] for reason in leaf.told("cancel")] == [" is down"] * 3
    assert first.is_clean
    assert leaf.is_clean


async def test_a_value_waits_for_the_connection_and_not_for_ever(
    network: MemoryNetwork, autojump_clock: trio.abc.Clock
) -> None:
    async with node_pair(network=network) as (ours, theirs):
        leaf = await start(theirs, name="leaf", new=answer)
        network.delay(ours, theirs, 1)
        first = await start(ours, new=sends(("leaf", THEIR_NODE)), result=answer)
        await first.begin(5)
        await trio.sleep(20)
        assert first.told("done") == [5]
        assert first.is_clean
        assert leaf.is_clean


async def test_a_helper_that_waits_for_room_finds_a_transaction_that_is_over(
    network: MemoryNetwork, autojump_clock: trio.abc.Clock
) -> None:
    async with node_pair(network=network) as (ours, theirs):
        await start(theirs, name="leaf")
        await ours.connect(theirs.name)
        first = await start(ours)
        tx = await first.begin()
        network.stall(ours, theirs)
        outcomes: list[Any] = []

        async def helper(part: Part) -> None:
            await part.send(("leaf", THEIR_NODE), b"x" * 10_000_000)
            try:
                await part.next(tx, ("leaf", THEIR_NODE), "work")
            except Exception as error:
                outcomes.append(type(error).__name__)

        async def begin(part: Part) -> None:
            part.start_soon(helper, part)

        await first.do(begin)
        await first.do(Saga.cancel_transaction, tx, "why")
        assert first.words == ["new", "cancel"]
        network.resume(ours, theirs)
        await trio.sleep(30)
        assert outcomes == ["TransactionCanceled"]
        assert first.is_clean


async def test_a_saga_without_the_right_to_leave_the_node_is_refused(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    config = ProcessConfig(may_distribute=False)
    leaf = await start(theirs)
    first = await start(ours, config=config)
    tx = await first.begin()
    for dest in leaf.pid, ("leaf", THEIR_NODE):
        await first.refuses(NotPermitted, Saga.next, tx, dest, "work")
    # What comes from there is answered as far as that goes, and ends nobody.
    above = await start(theirs, new=sends(first.pid))
    for two_phase_commit in False, True:
        await above.begin(two_phase_commit=two_phase_commit)
        await rest()
        for theirs_tx in first.transactions:
            if not theirs_tx.is_own:
                await first.do(Saga.send_result, theirs_tx, "done")
        await rest()
    assert first.process.alive
    assert first.transactions[0] == tx


@pytest.mark.parametrize("copy", ["deep", "etf"])
async def test_a_saga_that_hands_over_copies_is_a_saga(
    nodes: tuple[Node, Node], copy: Any, autojump_clock: trio.abc.Clock
) -> None:
    config = ProcessConfig(copy=copy)
    leaf = await start(nodes[0], config=config)
    first = await start(nodes[0], new=sends(leaf), config=config)
    await first.begin(lifespan=2, two_phase_commit=True)
    await trio.sleep(5)
    assert first.told("cancel") == ["end of lifespan"]
    leaf.does["new"] = first.does["result"] = answer
    await first.begin(5, two_phase_commit=True)
    assert (first.words[-1], leaf.words[-1]) == ("done", "commit")


async def test_a_saga_has_two_names(runtime: Runtime) -> None:
    leaf = await start(runtime, name="leaf", new=answer)
    runtime.register("other", leaf.pid)
    first = await start(runtime, new=sends("other"), result=answer)
    await first.begin(two_phase_commit=True)
    assert first.told("done") == ["work"]
    assert leaf.words[-1] == "commit"
