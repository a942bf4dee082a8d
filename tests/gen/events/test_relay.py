"""An event of another node: one subscription and one message for all of this one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import trio

from ergopy import Atom, EventLag, EventMessage, events
from tests.gen.events.remote_kit import Reader, server_of, subscribers, two_nodes, until

if TYPE_CHECKING:
    from ergopy import Node, Process
    from tests.nodes import MakeNode


async def test_a_value_crosses_once_and_reaches_everybody_in_order(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    prices = await events.register("prices", caller=ours)
    readers = [await Reader(theirs).follow(ours) for _ in range(3)]
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
    first = await Reader(theirs).follow(ours)
    await until(lambda: first.values == [2, 3])
    await prices.publish(4)
    await until(lambda: first.values == [2, 3, 4])
    second = await Reader(theirs).follow(ours)
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
    one, two = [await Reader(theirs).follow(ours) for _ in range(2)]
    await one.unsubscribe(ours)
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
        await reader.unsubscribe(ours)
    assert reader.values == list(range(20))


async def test_a_slow_subscriber_of_another_node_is_told_what_it_missed(
    make_node: MakeNode,
) -> None:
    ours, theirs = await two_nodes(make_node, max_lag=3)
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


async def test_a_lag_of_less_than_nothing_is_none(nodes: tuple[Node, Node]) -> None:
    ours, theirs = nodes
    prices = await events.register("prices", caller=ours)
    reader = await Reader(theirs).follow(ours)
    key = (Atom("prices"), ours.name)
    await theirs.send("events", (Atom("event_lag"), key, -3))
    await prices.publish(1)
    await until(lambda: reader.has_last(1))
    assert len(reader.got) == 1


async def test_no_more_is_kept_for_another_node_than_is_allowed_here(
    make_node: MakeNode,
) -> None:
    ours, theirs = await two_nodes(make_node, max_buffer=2)
    prices = await events.register("prices", buffer=9, caller=ours)
    first = await Reader(theirs).follow(ours)
    for n in range(5):
        await prices.publish(n)
    await until(lambda: first.has_last(4))
    second = await Reader(theirs).follow(ours)
    await until(lambda: second.has_last(4))
    assert second.values == [3, 4]


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
    await until(lambda: not server_of(ours).monitors)
    assert await subscribers(ours) == 0
