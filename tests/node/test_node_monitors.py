"""Monitors of nodes between two of them: connecting, losing, ending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

import ergopy
from ergopy import Atom, Down, ExitMessage, NodeDownMessage, NodeUpMessage
from tests.nodes import unique_name
from tests.runtimes import mail, sleeper

if TYPE_CHECKING:
    from tests.nodes import MakeNode

NODE_TYPE, REASON = Atom("node_type"), Atom("nodedown_reason")
NOCONNECTION = Atom("noconnection")


async def until(condition: Any) -> None:
    with trio.fail_after(30):
        while not condition():  # noqa: ASYNC110 - of things that have no event
            await trio.sleep(0.001)


async def test_each_side_hears_of_a_connection_and_why_it_ended(
    pair: tuple[ergopy.Node, ergopy.Node],
) -> None:
    here, there = pair
    watchers = [sleeper(node.runtime) for node in pair]
    for watcher in watchers:
        watcher.monitor_nodes(node_type="all", nodedown_reason=True)
    await here.connect(there.name)
    assert await here.ping(there.name)
    here.disconnect(there.name)
    await until(lambda: all(len(mail(watcher)) == 2 for watcher in watchers))
    kind = (NODE_TYPE, Atom("visible"))
    for watcher, other, reason in zip(
        watchers, (there, here), ("disconnect", "connection_closed"), strict=True
    ):
        assert mail(watcher) == [
            NodeUpMessage(other.name, [kind]),
            NodeDownMessage(other.name, [(REASON, Atom(reason)), kind]),
        ]


async def test_a_watched_node_is_connected_to_and_its_loss_told(
    pair: tuple[ergopy.Node, ergopy.Node],
) -> None:
    here, there = pair
    watcher = sleeper(here.runtime)
    watcher.monitor_node(there.name)
    watcher.monitor_node(there.name)
    await until(lambda: there.name in here.nodes())
    there.disconnect(here.name)
    await until(lambda: mail(watcher))
    assert mail(watcher) == [NodeDownMessage(there.name)] * 2
    assert not here.runtime.node_monitors._of_one


async def test_a_node_that_is_not_there_is_down(make_node: MakeNode) -> None:
    here = await make_node()
    watcher = sleeper(here.runtime)
    for absent in (unique_name("absent"), "no-node-name"):
        watcher.monitor_node(absent)
        await until(lambda: mail(watcher))
        assert mail(watcher) == [NodeDownMessage(Atom(absent))]
        watcher.clear()
    assert not here.runtime.node_monitors._of_one


async def test_a_loss_is_told_in_the_order_of_a_beam_and_before_what_comes_next(
    pair: tuple[ergopy.Node, ergopy.Node],
) -> None:
    here, there = pair
    watcher = sleeper(here.runtime, trap=True, name="watcher")
    target = sleeper(there.runtime)
    watcher.monitor_nodes()
    before = await watcher.monitor(target.pid)
    watcher.monitor_node(there.name)
    after = await watcher.monitor(target.pid)
    watcher.monitor_node(there.name)
    await watcher.link(target.pid)
    assert await here.ping(there.name)
    here.disconnect(there.name)
    told = list(mail(watcher))
    await until(lambda: here.name not in there.nodes())
    await there.send(("watcher", here.name), 42)
    await until(lambda: 42 in mail(watcher))
    assert told == [
        NodeUpMessage(there.name),
        ExitMessage(target.pid, NOCONNECTION),
        Down(before, target.pid, NOCONNECTION),
        NodeDownMessage(there.name),
        NodeDownMessage(there.name),
        Down(after, target.pid, NOCONNECTION),
        NodeDownMessage(there.name),
    ]
    assert mail(watcher) == [*told, NodeUpMessage(there.name), 42]
    await here.runtime.root.exit(watcher.pid, "kill")


async def test_a_hidden_node_is_told_of_as_hidden(make_node: MakeNode) -> None:
    here, there = await make_node(), await make_node(hidden=True)
    plain, hidden = sleeper(here.runtime), sleeper(here.runtime)
    plain.monitor_nodes()
    hidden.monitor_nodes(node_type="hidden")
    await here.connect(there.name)
    assert mail(plain) == []
    assert mail(hidden) == [NodeUpMessage(there.name, [(NODE_TYPE, Atom("hidden"))])]


async def test_a_peer_that_breaks_the_protocol_is_told_with_what_it_did(
    pair: tuple[ergopy.Node, ergopy.Node],
) -> None:
    here, there = pair
    watcher = sleeper(here.runtime)
    watcher.monitor_nodes(nodedown_reason=True)
    await here.connect(there.name)
    assert await here.ping(there.name)
    there.connections.peer(here.name).emit((99, 1))
    await until(lambda: len(mail(watcher)) == 2)
    killed, text = mail(watcher)[1].reason
    assert killed == "killed"
    assert b"99" in text


async def test_a_program_hears_of_nodes_until_its_node_ends(
    make_node: MakeNode,
) -> None:
    there = await make_node()
    seen: list[Any] = []
    watching = trio.Event()

    async def watch(node: ergopy.Node) -> None:
        async with node.monitor_nodes() as events:
            watching.set()
            async for event in events:
                seen.append(event)
        seen.append("over")

    async with (
        trio.open_nursery() as nursery,
        ergopy.Node(unique_name(), cookie="monster") as here,
    ):
        nursery.start_soon(watch, here)
        await watching.wait()
        await here.connect(there.name)
    assert seen == [
        NodeUpMessage(there.name),
        NodeDownMessage(there.name),
        "over",
    ]
