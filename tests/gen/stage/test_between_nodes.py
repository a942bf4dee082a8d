"""Stages of two nodes: names over there, connections that end, and slow ones."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import trio

from ergopy import Atom, Consumer, Producer
from ergopy.testing import MemoryNetwork, node_pair
from tests.runtimes import settle

if TYPE_CHECKING:
    import pytest

    from ergopy import Node, Subscription


class Numbers(Producer):
    """Makes integers, or whatever it is told to make."""

    async def init(self, make: Any = None, lost: list[Any] | None = None) -> None:
        self.make = make or list
        self.next = 0
        self.lost = [] if lost is None else lost

    async def handle_demand(self, demand: int) -> Any:
        first, self.next = self.next, self.next + demand
        return self.make(range(first, self.next))

    async def handle_cancel(self, to: Subscription, reason: Any) -> None:
        self.lost.append(reason)


class Sink(Consumer):
    """Takes so many events and is content then: it cancels."""

    async def init(self, to: Any, enough: int, log: list[Any], **more: Any) -> None:
        self.subscribe_to = [(to, {"cancel": "temporary", **more})]
        self.enough = enough
        self.log = log

    async def handle_events(self, events: list[Any], to: Subscription) -> None:
        await trio.sleep(0.1)
        self.log.extend(events)
        if len(self.log) >= self.enough:
            await self.cancel(to, "enough")

    async def handle_canceled(self, to: Subscription, reason: Any) -> None:
        self.log.append(reason)
        match reason:
            case ("down", "noconnection"):
                self.send_after(1, self.pid, "again")

    async def handle_info(self, message: Any) -> None:
        ((to, options),) = self.subscribe_to
        await self.subscribe(to, **options)


async def sink(node: Node, to: Any, enough: int, **options: Any) -> list[Any]:
    log: list[Any] = []

    class Subscribed(Sink):
        async def init(self) -> None:
            await Sink.init(self, to, enough, log, **options)

    await node.start(Subscribed)
    return log


async def test_events_cross(autojump_clock: object) -> None:
    async with node_pair() as (a, b):
        await a.start(Numbers, name="numbers")
        log = await sink(b, ("numbers", a.name), 5000, max_demand=100)
        await trio.sleep(20)
        *events, end = log
        assert (end, len(events) >= 5000) == (("cancel", "enough"), True)
        assert events == list(range(len(events)))


async def test_a_name_that_nobody_has_over_there_is_a_down(
    autojump_clock: object,
) -> None:
    async with node_pair() as (a, b):
        log = await sink(b, ("nobody", a.name), 1)
        await settle()
        assert log == [("down", "noproc")]


async def test_a_node_that_is_not_there_is_a_down(autojump_clock: object) -> None:
    async with MemoryNetwork().node("a") as a:
        log = await sink(a, ("numbers", "nowhere@memory"), 1)
        await trio.sleep(0.5)
        assert log == [("down", "noconnection")]


async def test_a_lost_connection_ends_it_on_both_sides(autojump_clock: object) -> None:
    network = MemoryNetwork()
    async with node_pair(network=network) as (a, b):
        lost: list[Any] = []
        await a.start(Numbers, None, lost, name="numbers")
        log = await sink(b, ("numbers", a.name), 60, max_demand=3)
        await trio.sleep(1)
        network.reset(a.name, b.name)
        await trio.sleep(0.9)
        taken, end = log[:-1], log[-1]
        assert 0 < len(taken) < 60
        assert (taken, end) == (list(range(len(taken))), ("down", "noconnection"))
        assert lost == [("down", "noconnection")]
        # It subscribes again by itself; what was under way is lost.
        await trio.sleep(10)
        assert (lost[1:], log[-1]) == ([("cancel", "enough")], ("cancel", "enough"))
        events = [event for event in log if isinstance(event, int)]
        assert len(events) >= 60
        assert events == sorted(set(events))


async def test_a_permanent_consumer_ends_with_the_connection(
    autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    network = MemoryNetwork()
    async with node_pair(network=network) as (a, b):
        await a.start(Numbers, name="numbers")

        class Idle(Consumer):
            subscribe_to = (("numbers", a.name),)

            async def handle_events(self, events: list[Any], to: Any) -> None:
                await trio.sleep_forever()

            async def handle_subscribed(self, to: Any, options: Any) -> str:
                return "manual"

        async def watch(process: Any) -> None:
            ref = await process.monitor(await b.start(Idle))
            await process.call(("net_kernel", a.name), (Atom("is_auth"), Atom(b.name)))
            network.reset(a.name, b.name)
            ended.append((await process.receive(ref)).reason)

        ended: list[Any] = []
        await b.spawn(watch)
        await trio.sleep(1)
        assert ended == ["noconnection"]


async def test_a_full_connection_holds_up_the_producer(autojump_clock: object) -> None:
    network = MemoryNetwork(window=1000)
    async with node_pair(network=network) as (a, b):
        made: list[int] = []

        def large(numbers: range) -> list[bytes]:
            made.extend(numbers)
            return [bytes(100_000) for _ in numbers]

        await a.start(Numbers, large, name="numbers")
        await a.connect(b.name)
        network.stall(a.name, b.name)
        log = await sink(b, ("numbers", a.name), 40, max_demand=2)
        assert log == []
        assert len(made) <= 2
        network.resume(a.name, b.name)
        await trio.sleep(10)
        assert [len(event) for event in log[:40]] == [100_000] * 40


async def test_an_event_that_is_no_term_ends_the_producer(
    autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    async with node_pair() as (a, b):
        await a.start(Numbers, lambda numbers: [object()], name="numbers")
        log = await sink(b, ("numbers", a.name), 1)
        await settle()
        ((kind, reason),) = log
        assert (kind, reason[1]) == (Atom("down"), b"etf._errors.EncodeError")
        assert "EncodeError" in caplog.text
