"""Values and names that are no terms: they stay on their node, and end nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import etf
from ergopy import Atom, CallExit, events
from tests.gen.events.remote_kit import Reader, server_of, until

if TYPE_CHECKING:
    from ergopy import Node


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
    reader = await Reader(theirs).follow(ours)
    await prices.publish(2)
    await until(lambda: reader.values[-1:] == [2])
    assert [message[0] for message in reader.got] == [
        "event_lag",
        "event",
        "event_lag",
        "event",
    ]
    assert reader.values == [1, 1, 1, 2]


async def test_a_value_that_leaves_for_nobody_need_not_be_a_term(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    prices = await events.register("prices", caller=ours)
    reader = await Reader(theirs).follow(ours)
    with pytest.raises(etf.EncodeError):
        await prices.publish(object())
    await reader.unsubscribe(ours)
    await until(lambda: not server_of(ours).monitors)
    await prices.publish(object())


async def test_what_cannot_leave_the_node_ends_no_events(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    before = server_of(ours)
    await events.register("prices", caller=ours)
    await Reader(theirs).follow(ours)
    mine = await Reader(ours).begin()
    with pytest.raises(CallExit, match="badarg"):
        await events.register(deep, caller=ours)
    with pytest.raises(CallExit, match="badarg"):
        await events.subscribe(deep, theirs.name, caller=mine.process)
    with pytest.raises(CallExit, match="badarg"):
        await ours.call("events", (Atom("publish"), Atom("prices"), object()))
    assert server_of(ours) is before
