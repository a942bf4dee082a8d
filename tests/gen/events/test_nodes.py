"""Events between nodes: one subscription and one message for each node."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy import (
    Atom,
    CallExit,
    EventDown,
    EventError,
    EventLag,
    EventMessage,
    Events,
    EventUnknown,
    NodeDown,
    NoProcess,
    events,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ergopy import Node, Process
    from tests.nodes import MakeNode


class Reader:
    """A process that subscribes, and notes what it gets."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.got: list[Any] = []
        self.process: Process = None  # type: ignore[assignment]

    async def begin(self) -> Reader:
        up = trio.Event()

        async def body(me: Process) -> None:
            self.process = me
            up.set()
            while True:
                self.got.append(await me.receive())

        await self.node.spawn(body)
        await up.wait()
        return self

    async def subscribe(self, where: Node) -> None:
        await events.subscribe("prices", where.name, caller=self.process)

    def has_last(self, value: Any) -> bool:
        return self.values[-1:] == [value]

    @property
    def values(self) -> list[Any]:
        return [message[2] for message in self.got]


async def until(condition: Callable[[], object]) -> None:
    with trio.fail_after(5):
        while not condition():  # noqa: ASYNC110 - of things that have no event
            await trio.sleep(0.002)


@pytest.fixture
async def nodes(make_node: MakeNode) -> tuple[Node, Node]:
    """Two nodes with an event server each; the first one has events."""
    pair = await make_node(), await make_node()
    for node in pair:
        await node.start(Events, name="events")
    return pair


async def subscribers(node: Node) -> int:
    known = await events.info("prices", caller=node)
    return known["subscribers"]  # type: ignore[no-any-return]


async def test_a_value_crosses_once_and_reaches_everybody_in_order(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    prices = await events.register("prices", caller=ours)
    readers = [await Reader(theirs).begin() for _ in range(3)]
    for reader in readers:
        await reader.subscribe(ours)
    assert await subscribers(ours) == 1
    for n in range(50):
        await prices.publish(n)
    await until(lambda: all(len(reader.got) == 50 for reader in readers))
    key = (Atom("prices"), ours.name)
    for reader in readers:
        assert reader.got == [(Atom("event"), key, n) for n in range(50)]
        assert all(isinstance(message, EventMessage) for message in reader.got)


async def test_values_that_are_kept_reach_late_subscribers_of_other_nodes(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    prices = await events.register("prices", buffer=2, caller=ours)
    for n in range(4):
        await prices.publish(n)
    first = await Reader(theirs).begin()
    await first.subscribe(ours)
    await until(lambda: first.values == [2, 3])
    await prices.publish(4)
    await until(lambda: first.values == [2, 3, 4])
    second = await Reader(theirs).begin()
    await second.subscribe(ours)
    await until(lambda: second.values == [3, 4])


async def test_many_who_subscribe_at_once_share_one_subscription(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    prices = await events.register("prices", buffer=1, caller=ours)
    await prices.publish(1)
    readers = [await Reader(theirs).begin() for _ in range(5)]
    async with trio.open_nursery() as nursery:
        for reader in readers:
            nursery.start_soon(reader.subscribe, ours)
    assert await subscribers(ours) == 1
    await until(lambda: all(reader.values == [1] for reader in readers))


async def test_the_subscription_of_a_node_ends_with_its_last_subscriber(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    prices = await events.register("prices", caller=ours)
    one, two = await Reader(theirs).begin(), await Reader(theirs).begin()
    for reader in one, two:
        await reader.subscribe(ours)
    await events.unsubscribe("prices", ours.name, caller=one.process)
    assert await subscribers(ours) == 1
    two.process.kill()
    await until(lambda: not len(prices.channel))
    await one.subscribe(ours)
    await prices.publish(1)
    await until(lambda: one.values == [1])


async def test_unsubscribing_and_subscribing_at_once_keeps_the_order(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    prices = await events.register("prices", caller=ours)
    reader = await Reader(theirs).begin()
    for n in range(20):
        await reader.subscribe(ours)
        await prices.publish(n)
        await until(partial(reader.has_last, n))
        await events.unsubscribe("prices", ours.name, caller=reader.process)
    assert reader.values == list(range(20))


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
    reader = await Reader(theirs).begin()
    await reader.subscribe(ours)
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
    reader = await Reader(theirs).begin()
    await reader.subscribe(ours)
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
    reader = await Reader(theirs).begin()
    await reader.subscribe(ours)
    await ours.stop("events", "shutdown")
    await until(lambda: reader.got)
    assert [type(message) for message in reader.got] == [EventDown]


async def test_without_a_server_here_each_process_subscribes_over_there(
    make_node: MakeNode,
) -> None:
    ours, theirs = await make_node(), await make_node()
    await ours.start(Events, name="events")
    prices = await events.register("prices", caller=ours)
    readers = [await Reader(theirs).begin() for _ in range(2)]
    for reader in readers:
        await reader.subscribe(ours)
    assert await subscribers(ours) == 2
    await prices.publish(7)
    await until(lambda: all(reader.values == [7] for reader in readers))


async def test_a_value_that_is_no_term_reaches_nobody_then(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    prices = await events.register("prices", caller=ours)
    near, far = await Reader(ours).begin(), await Reader(theirs).begin()
    await events.subscribe("prices", caller=near.process)
    await prices.publish(object())
    await until(lambda: len(near.got) == 1)
    await far.subscribe(ours)
    with pytest.raises(etf.EncodeError):
        await prices.publish(object())
    await prices.publish(1)
    await until(lambda: far.values == [1])
    assert len(near.got) == 2


async def test_a_kept_value_that_is_no_term_is_missed_over_there(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    prices = await events.register("prices", buffer=3, caller=ours)
    for value in object(), 1, object():
        await prices.publish(value)
    reader = await Reader(theirs).begin()
    await reader.subscribe(ours)
    await prices.publish(2)
    await until(lambda: reader.values[-1:] == [2])
    assert [message[0] for message in reader.got] == [
        "event_lag",
        "event",
        "event_lag",
        "event",
    ]
    assert reader.values == [1, 1, 1, 2]


async def test_a_slow_subscriber_of_another_node_is_told_what_it_missed(
    make_node: MakeNode,
) -> None:
    ours, theirs = await make_node(), await make_node()
    await ours.start(Events, name="events")
    await theirs.start(Events, name="events", max_lag=3)
    prices = await events.register("prices", caller=ours)
    slow, fast = [await Reader(theirs).begin() for _ in range(2)]
    gate = trio.Event()

    async def sleepy(me: Process) -> None:
        slow.process = me
        await gate.wait()
        while True:
            slow.got.append(await me.receive())

    await theirs.spawn(sleepy)
    await until(lambda: slow.process.label.endswith("sleepy"))
    for reader in slow, fast:
        await reader.subscribe(ours)
    for n in range(10):
        await prices.publish(n)
        await until(partial(fast.has_last, n))
    gate.set()
    await until(lambda: slow.values == [0, 1, 2])
    await prices.publish(10)
    await until(lambda: slow.values[-1] == 10)
    assert isinstance(slow.got[3], EventLag)
    assert slow.values[3:] == [7, 10]


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
    ours, theirs = await make_node(), await make_node()
    await ours.start(Events, name="events")
    await theirs.start(Events, name="events", max_events=1)
    for name in "prices", "news":
        await events.register(name, caller=ours)
    reader = await Reader(theirs).begin()
    await reader.subscribe(ours)
    with pytest.raises(EventError, match="system_limit"):
        await events.subscribe("news", ours.name, caller=reader.process)
    await events.unsubscribe("prices", ours.name, caller=reader.process)
    await events.subscribe("news", ours.name, caller=reader.process)


async def test_a_lag_of_less_than_nothing_is_none(nodes: tuple[Node, Node]) -> None:
    ours, theirs = nodes
    prices = await events.register("prices", caller=ours)
    reader = await Reader(theirs).begin()
    await reader.subscribe(ours)
    key = (Atom("prices"), ours.name)
    await theirs.send("events", (Atom("event_lag"), key, -3))
    await prices.publish(1)
    await until(lambda: reader.has_last(1))
    assert len(reader.got) == 1


def of(node: Node) -> Process:
    process = node.runtime.find("events")
    assert process is not None
    return process


async def test_nothing_is_watched_for_an_event_that_nobody_here_wants(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    await events.register("prices", caller=ours)
    reader = await Reader(theirs).begin()
    watchers = len(reader.process.watchers)
    for _ in range(2):
        await reader.subscribe(ours)
        assert len(of(ours).monitors) == len(of(theirs).monitors) == 1
        await events.unsubscribe("prices", ours.name, caller=reader.process)
        await until(lambda: not of(ours).monitors)
        assert not of(theirs).monitors
        assert len(reader.process.watchers) == watchers
    with pytest.raises(EventUnknown):
        await events.subscribe("news", ours.name, caller=reader.process)
    assert len(reader.process.watchers) == watchers


async def test_who_leaves_before_the_answer_is_no_subscriber_over_there(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    await events.register("prices", caller=ours)
    reader = await Reader(theirs).begin()
    request = (Atom("subscribe"), Atom("prices"), ours.name)
    for what in request, (Atom("unsubscribe"), *request[1:]):
        tag = theirs.runtime.new_reference()
        asked = (Atom("$gen_call"), (reader.process.pid, tag), what)
        await theirs.send("events", asked)
    await until(lambda: len(reader.got) == 2)
    await until(lambda: not of(ours).monitors)
    assert await subscribers(ours) == 0


async def test_a_value_that_leaves_for_nobody_need_not_be_a_term(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    prices = await events.register("prices", caller=ours)
    reader = await Reader(theirs).begin()
    await reader.subscribe(ours)
    with pytest.raises(etf.EncodeError):
        await prices.publish(object())
    await events.unsubscribe("prices", ours.name, caller=reader.process)
    await until(lambda: not of(ours).monitors)
    await prices.publish(object())


async def test_no_more_is_kept_for_another_node_than_is_allowed_here(
    make_node: MakeNode,
) -> None:
    ours, theirs = await make_node(), await make_node()
    await ours.start(Events, name="events")
    await theirs.start(Events, name="events", max_buffer=2)
    prices = await events.register("prices", buffer=9, caller=ours)
    first, second = await Reader(theirs).begin(), await Reader(theirs).begin()
    await first.subscribe(ours)
    for n in range(5):
        await prices.publish(n)
    await until(lambda: first.has_last(4))
    await second.subscribe(ours)
    await until(lambda: second.has_last(4))
    assert second.values == [3, 4]


async def test_what_cannot_leave_the_node_ends_no_events(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    before = of(ours)
    await events.register("prices", caller=ours)
    reader = await Reader(theirs).begin()
    await reader.subscribe(ours)
    mine = await Reader(ours).begin()
    with pytest.raises(CallExit, match="badarg"):
        await events.register(deep, caller=ours)
    with pytest.raises(CallExit, match="badarg"):
        await events.subscribe(deep, theirs.name, caller=mine.process)
    with pytest.raises(CallExit, match="badarg"):
        await ours.call("events", (Atom("publish"), Atom("prices"), object()))
    assert of(ours) is before
