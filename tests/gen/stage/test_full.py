"""Stages that have no room: mailboxes that refuse, and connections that are full."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom, MailboxLimit, Producer
from ergopy.testing import MemoryNetwork, node_pair
from tests.gen.stage.stages import (
    GEN_CONSUMER,
    GEN_PRODUCER,
    Hand,
    Sink,
    ask,
    ends_of,
    start,
)
from tests.runtimes import idle, settle

if TYPE_CHECKING:
    from ergopy import Node, Pid, Process
    from ergopy.process.runtime import Runtime

EVENT = bytes(100_000)
FULL = ("down", Atom("mailbox_full"))


def refusing(runtime: Runtime, room: int) -> Process:
    """Start a process that reads no mail, and refuses it when *room* messages wait."""
    return runtime.spawn(idle, (), mailbox=MailboxLimit(room, "raise"))


async def test_who_sends_too_late_and_takes_no_answer_harms_nobody(
    runtime: Runtime,
) -> None:
    sink, full = await start(runtime, Sink), refusing(runtime, 1)
    await runtime.root.send(full.pid, "first")
    late = (GEN_CONSUMER, (full.pid, runtime.root.new_ref()), [1])
    await runtime.root.send(sink.pid, late)
    await settle()
    assert sink.process.alive


@pytest.mark.parametrize("room", [1, 2, 3])
@pytest.mark.parametrize("cancel", ["temporary", "permanent"])
async def test_a_producer_whose_mailbox_is_full_has_ended_for_its_consumer(
    runtime: Runtime, room: int, cancel: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    full = refusing(runtime, room)
    await runtime.root.send(full.pid, "first")
    sink = await start(runtime, Sink)
    reasons = ends_of(sink)
    to = await sink.subscribe(full.pid, max_demand=2, cancel=cancel)
    await Hand(runtime).to_consumer(sink.pid, to.tag, [1, 2])
    assert sink.took("canceled") == [(to, FULL)]
    assert sink.subscriptions == []
    assert reasons == ([] if cancel == "temporary" else ["mailbox_full"])


class Large(Producer):
    """Makes a large event whenever it is asked, and as many as it is told."""

    def __init__(self, made: list[Any]) -> None:
        self.made = made

    async def init(self) -> None:
        self.made.append(self)
        self.count = 0

    async def handle_info(self, message: Any) -> Any:
        return [EVENT] * message

    async def handle_demand(self, demand: int) -> Any:
        self.count += 1
        return [EVENT] * demand


async def begin(a: Node, b: Node, buffered: int) -> tuple[Large, list[Any]]:
    """Have 40 events asked for, one by one."""
    made: list[Any] = []
    got: list[Any] = []
    pid = await a.start(Large, made=made)
    await a.send(pid, buffered)

    async def asking(process: Process, to: Pid) -> None:
        from_ = (process.pid, process.new_ref())
        subscribe: Any = (Atom("subscribe"), None, [])
        for said in (subscribe, *[ask(1)] * 40):
            await process.send(to, (GEN_PRODUCER, from_, said))
        while True:
            got.append(await process.receive())

    await b.spawn(asking, pid)
    await settle()
    return made[0], got


@pytest.mark.parametrize("buffered", [0, 40])
async def test_a_producer_waits_for_a_full_connection(buffered: int) -> None:
    network = MemoryNetwork(window=1000)
    async with node_pair(network=network) as (a, b):
        await a.connect(b.name)
        network.stall(a.name, b.name)
        producer, got = await begin(a, b, buffered)
        if buffered:
            assert 20 < producer.buffered < 40
        else:
            assert 0 < producer.count < 20
        network.resume(a.name, b.name)
        while len(got) < 40:
            await settle()
        assert producer.count == 40 - buffered


async def test_a_producer_that_waits_for_a_connection_can_be_ended() -> None:
    network = MemoryNetwork(window=1000)
    async with node_pair(network=network) as (a, b):
        await a.connect(b.name)
        network.stall(a.name, b.name)
        producer, _ = await begin(a, b, 0)
        await a.exit(producer.pid, "shutdown")
        await settle()
        assert not producer.process.alive
        network.resume(a.name, b.name)
