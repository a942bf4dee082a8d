"""Events of other nodes: what is not there, what ends, and what is left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from ergopy import (
    Atom,
    CallExit,
    EventDown,
    EventError,
    Events,
    EventUnknown,
    NodeDown,
    NoProcess,
    events,
)
from tests.gen.events.remote_kit import Reader, server_of, subscribers, two_nodes, until

if TYPE_CHECKING:
    from ergopy import Node
    from tests.nodes import MakeNode


async def test_what_is_not_there_is_told(
    nodes: tuple[Node, Node], make_node: MakeNode
) -> None:
    ours, theirs = nodes
    reader = await Reader(theirs).begin()
    with pytest.raises(EventUnknown):
        await reader.subscribe(ours)
    bare = await make_node()
    with pytest.raises(NoProcess):
        await reader.subscribe(bare)
    with pytest.raises(NodeDown):
        await events.subscribe("prices", "no@127.0.0.1", caller=reader.process)
    assert reader.got == []
    await events.register("prices", caller=ours)
    await reader.subscribe(ours)


async def test_the_end_of_the_owner_reaches_other_nodes(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    owner = await Reader(ours).begin()
    await events.register("prices", caller=owner.process)
    reader = await Reader(theirs).follow(ours)
    owner.process.kill()
    await until(lambda: reader.got)
    (down,) = reader.got
    assert isinstance(down, EventDown)
    assert (down.name, down.node, down.reason) == ("prices", ours.name, "killed")
    with pytest.raises(EventUnknown):
        await reader.subscribe(ours)


async def test_a_lost_node_is_the_end_of_its_events(nodes: tuple[Node, Node]) -> None:
    ours, theirs = nodes
    prices = await events.register("prices", caller=ours)
    reader = await Reader(theirs).follow(ours)
    theirs.disconnect(ours.name)
    await until(lambda: reader.got)
    (down,) = reader.got
    assert down[2] == "noconnection"
    await until(lambda: not len(prices.channel))
    await reader.subscribe(ours)
    await prices.publish(1)
    await until(lambda: reader.values[-1] == 1)


async def test_the_end_of_the_server_over_there_is_the_end_of_its_events(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    await events.register("prices", caller=ours)
    reader = await Reader(theirs).follow(ours)
    await ours.stop("events", "shutdown")
    await until(lambda: reader.got)
    assert [type(message) for message in reader.got] == [EventDown]


async def test_without_a_server_here_each_process_subscribes_over_there(
    make_node: MakeNode,
) -> None:
    ours, theirs = await make_node(), await make_node()
    await ours.start(Events, name="events")
    prices = await events.register("prices", caller=ours)
    readers = [await Reader(theirs).follow(ours) for _ in range(2)]
    assert await subscribers(ours) == 2
    await prices.publish(7)
    await until(lambda: all(reader.values == [7] for reader in readers))


async def test_whom_a_node_connects_to_is_not_for_others_to_say(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    reader = await Reader(theirs).begin()
    request = (Atom("subscribe"), Atom("prices"), Atom("third@127.0.0.1"))
    with pytest.raises(CallExit, match="badarg"):
        await reader.process.call(("events", ours.name), request)
    assert ours.nodes() == [theirs.name]


async def test_who_starts_early_waits_for_an_event_of_another_node(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    reader = await Reader(theirs).begin()

    async def follow() -> None:
        await events.wait_for("prices", ours.name, caller=reader.process)
        await reader.subscribe(ours)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow)
        await until(lambda: ours.nodes() == [theirs.name])
        prices = await events.register("prices", buffer=1, caller=ours)
        await prices.publish(1)
    await until(lambda: reader.values == [1])


async def test_a_node_passes_on_so_many_events_of_others_and_no_more(
    make_node: MakeNode,
) -> None:
    ours, theirs = await two_nodes(make_node, max_events=1)
    for name in "prices", "news":
        await events.register(name, caller=ours)
    reader = await Reader(theirs).follow(ours)
    with pytest.raises(EventError, match="system_limit"):
        await events.subscribe("news", ours.name, caller=reader.process)
    await reader.unsubscribe(ours)
    await events.subscribe("news", ours.name, caller=reader.process)


async def test_nothing_is_watched_for_an_event_that_nobody_here_wants(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    await events.register("prices", caller=ours)
    reader = await Reader(theirs).begin()
    watchers = len(reader.process.watchers)
    for _ in range(2):
        await reader.subscribe(ours)
        assert len(server_of(ours).monitors) == len(server_of(theirs).monitors) == 1
        await reader.unsubscribe(ours)
        await until(lambda: not server_of(ours).monitors)
        assert not server_of(theirs).monitors
        assert len(reader.process.watchers) == watchers
    with pytest.raises(EventUnknown):
        await events.subscribe("news", ours.name, caller=reader.process)
    assert len(reader.process.watchers) == watchers
