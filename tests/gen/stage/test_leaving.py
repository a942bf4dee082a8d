"""When messages to another node leave: what is much of it before the step is over."""

from __future__ import annotations

from typing import Any

import pytest

import ergopy
from ergopy import Atom, Consumer, Producer
from ergopy.testing import node_pair
from tests.runtimes import settle

FEW_AND_MANY = pytest.mark.parametrize(("count", "waits"), [(31, True), (32, False)])


class Watched:
    """A stage that notes, when it is called back, whether anything waits to leave."""

    process: ergopy.Process

    def __init__(self, waits: list[bool]) -> None:
        self.waits = waits

    def look(self) -> None:
        self.waits.append(bool(self.process.runtime.dirty))


class Source(Watched, Producer):
    async def handle_demand(self, demand: int) -> Any:
        self.look()
        return list(range(demand))


class Sink(Watched, Consumer):
    async def init(self, to: Any, max_demand: int) -> None:
        self.subscribe_to = [(to, {"max_demand": max_demand})]

    async def handle_events(self, events: list[Any], subscription: Any) -> Any:
        self.look()
        return ergopy.Stop("normal") if len(self.waits) == 2 else None


@FEW_AND_MANY
async def test_many_events_leave_before_the_next_ones_are_made(
    count: int, waits: bool
) -> None:
    async with node_pair() as (a, b):
        seen: list[bool] = []
        pid = await a.start(Source, waits=seen)

        async def asking(proc: ergopy.Process) -> None:
            from_ = (proc.pid, await proc.monitor(pid))
            ask = (Atom("ask"), count)
            said: list[Any] = [(Atom("subscribe"), None, []), ask, ask]
            for what in said:
                await proc.send(pid, (Atom("$gen_producer"), from_, what))
            await proc.receive()

        await b.spawn(asking)
        await settle()
        assert seen[1:] == [waits]


@FEW_AND_MANY
async def test_an_ask_for_many_leaves_before_the_next_batch_is_handled(
    count: int, waits: bool
) -> None:
    async with node_pair() as (a, b):
        pid = await a.start(Source, waits=[])
        seen: list[bool] = []
        await b.start(Sink, pid, 2 * count, waits=seen)
        await settle()
        assert seen[1:] == [waits]
