"""Trees of all behaviours at once, in which anything happens at random.

Whatever was killed, stopped, suspended or started in the midst of it: nobody is found
who is not there, links have two ends, a crash is reported once, and in the end nothing
is left.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import ergopy
from ergopy import (
    Atom,
    CallError,
    ChildSpec,
    ErgopyError,
    Registry,
    Supervisor,
    Via,
    sys,
)
from ergopy.testing import MemoryNetwork
from tests.gen.behaviours import SPECS, populate, start
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Process

STEPS = 200
STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one"]


class Forest:
    """A node with three trees that have each behaviour in them, and a registry."""

    def __init__(self, node: ergopy.Node, chance: random.Random) -> None:
        self.node = node
        self.runtime = node.runtime
        self.chance = chance
        self.own = set(self.runtime.processes)

    async def grow(self) -> None:
        children = [
            spec.replace(
                id=kind,
                name=self.name(number),
                restart=self.chance.choice(["permanent", "transient", "temporary"]),
            )
            for number, (kind, spec) in enumerate(SPECS.items())
        ]
        self.chance.shuffle(children)
        trees = [
            ChildSpec(
                Supervisor,
                children[part::3],
                id=part,
                strategy=self.chance.choice(STRATEGIES),
                intensity=self.chance.choice([3, 500]),
            )
            for part in range(3)
        ]
        await self.node.start(Supervisor, trees, intensity=2000)

    def name(self, number: int) -> Any:
        return self.chance.choice([None, f"n{number}", Via("names", number)])

    @property
    def grown(self) -> list[Process]:
        return [p for key, p in self.runtime.processes.items() if key not in self.own]

    async def step(self) -> None:
        """Let one thing happen to a process, or one more come."""
        node, chance = self.node, self.chance
        if not self.grown:
            await self.grow()
        pid = chance.choice(self.grown).pid
        match chance.randrange(12):
            case 0 | 1 | 2 as number:
                await node.exit(pid, ["kill", "shutdown", "because"][number])
            case 3:
                reason = chance.choice(["normal", "shutdown", "odd"])
                await node.stop(pid, reason, timeout=0.5)
            case 4:
                await sys.suspend(pid, timeout=0.1, caller=node)
            case 5 | 6:
                await self.resume_all()
            case 7:
                await node.call(pid, Atom("what"), timeout=0.01)
            case 8:
                await trio.sleep(chance.choice([0, 0.01, 1, 6]))
            case 9:
                await settle()
            case 10:
                kind, name = chance.choice(list(SPECS)), self.name(chance.randrange(12))
                with trio.move_on_after(chance.choice([0, 10])):
                    await start(node, kind, name=name)
            case 11:
                process = self.runtime.find(pid)
                if process is not None:
                    with trio.move_on_after(0.01):
                        await populate(node, process.label, pid)

    async def resume_all(self) -> None:
        for process in self.grown:
            try:
                await sys.resume(process.pid, timeout=0.01, caller=self.node)
            except CallError:
                continue

    def check(self) -> None:
        runtime = self.runtime
        for process in runtime.names.values():
            assert runtime.find(process.pid) is process
        for _, pid in list(self.registry.items()):
            found = runtime.find(pid)
            assert found is not None
            assert found.alive
        for process in runtime.processes.values():
            for to in process._links or ():
                other = runtime.find(to)
                assert other is not None
                assert process.pid in other.links

    @property
    def registry(self) -> Registry:
        return Registry.of("names", caller=self.node)

    async def fell(self) -> None:
        """Kill who was started by the node; the rest goes with them."""
        await self.resume_all()
        root = self.runtime.root
        for process in self.grown:
            if process.parent == root.pid:
                await self.node.exit(process.pid, "kill")
        await trio.sleep(20)
        assert self.grown == []
        assert list(self.registry.items()) == []
        assert len(self.runtime.registers) == 1
        for held in (self.runtime.aliases, root.links, root.watchers, root.monitors):
            assert not held


@pytest.fixture
async def node() -> AsyncIterator[ergopy.Node]:
    async with MemoryNetwork().node("a", watchdog=None) as node:
        await node.start(Registry, name="names")
        yield node


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_the_tables_agree_and_nothing_is_left(
    autojump_clock: trio.testing.MockClock,
    node: ergopy.Node,
    seed: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    forest = Forest(node, random.Random(seed))
    for _ in range(STEPS):
        try:
            await forest.step()
        except ErgopyError:
            continue
    await settle()
    forest.check()
    assert node.runtime.spawned > 60
    await forest.fell()
    crashed = [
        vars(record)["pid"]
        for record in caplog.records
        if getattr(record, "report", None) == "crash_report"
    ]
    assert len(crashed) == len(set(crashed)) > 0
