"""Random scripts of spawns, links, monitors and exits, against a model of the BEAM."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy import Atom, Down, ExitMessage, Process
from tests.runtimes import assert_only_the_root, mail, running, settle, sleeper

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

who = st.integers(0, 5)
reasons = st.sampled_from(["normal", "kill", "shutdown", "boom"])
operations = st.one_of(
    st.tuples(st.just("spawn"), st.booleans()),
    st.tuples(st.just("spawn_link"), who, st.booleans()),
    st.tuples(st.just("link"), who, who),
    st.tuples(st.just("unlink"), who, who),
    st.tuples(st.just("monitor"), who, who, st.booleans()),
    st.tuples(st.just("demonitor"), who, st.integers(0, 3)),
    st.tuples(st.just("alias"), who, st.booleans()),
    st.tuples(st.just("exit"), who, who, reasons),
)


class World:
    """The real processes, and beside them what the BEAM would do."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.all: list[Process] = []
        self.alive: list[Process] = []
        self.links: dict[Process, set[Process]] = defaultdict(set)
        self.monitors: dict[Any, tuple[Process, Process]] = {}
        self.mail: dict[Process, list[Any]] = defaultdict(list)

    def pick(self, number: int) -> Process | None:
        return self.alive[number % len(self.alive)] if self.alive else None

    def add(self, trap: bool) -> Process:
        process = sleeper(self.runtime, trap=trap)
        self.all.append(process)
        self.alive.append(process)
        return process

    def die(self, process: Process, reason: str) -> None:
        if process not in self.alive:
            return
        self.alive.remove(process)
        self.mail[process] = []
        for ref, (owner, target) in list(self.monitors.items()):
            if target is process:
                del self.monitors[ref]
                if owner is not process:
                    down = Down(ref, process.pid, Atom(reason))
                    self.mail[owner].append(down)
            elif owner is process:
                del self.monitors[ref]
        for partner in self.links.pop(process, set()):
            self.links[partner].discard(process)
            self.signal(process, partner, reason)

    def signal(self, sender: Process, target: Process, reason: str) -> None:
        if target not in self.alive:
            return
        if target.trap_exit:
            self.mail[target].append(ExitMessage(sender.pid, Atom(reason)))
        elif reason != "normal":
            self.die(target, reason)

    async def do(self, operation: str, *details: Any) -> None:
        if operation == "spawn":
            self.add(*details)
            return
        one = self.pick(details[0])
        if one is None:
            return
        await getattr(self, f"_{operation}")(one, *details[1:])

    async def _spawn_link(self, one: Process, trap: bool) -> None:
        child = self.add(trap)
        await one.link(child.pid)
        self.links[one].add(child)
        self.links[child].add(one)

    async def _link(self, one: Process, number: int) -> None:
        two = self.pick(number)
        assert two is not None
        await one.link(two.pid)
        if one is not two:
            self.links[one].add(two)
            self.links[two].add(one)

    async def _unlink(self, one: Process, number: int) -> None:
        two = self.pick(number)
        assert two is not None
        one.unlink(two.pid)
        self.links[one].discard(two)
        self.links[two].discard(one)

    async def _monitor(self, one: Process, number: int, alias: bool) -> None:
        two = self.pick(number)
        assert two is not None
        ref = await one.monitor(two.pid, alias=alias)
        if one is not two:
            self.monitors[ref] = one, two

    async def _demonitor(self, one: Process, number: int) -> None:
        mine = [ref for ref, (owner, _) in self.monitors.items() if owner is one]
        if mine:
            ref = mine[number % len(mine)]
            assert one.demonitor(ref) is True
            del self.monitors[ref]

    async def _alias(self, one: Process, once: bool) -> None:
        await self.runtime.root.send(one.alias(once=once), 1)
        self.mail[one].append(1)

    async def _exit(self, one: Process, number: int, reason: str) -> None:
        two = self.pick(number)
        assert two is not None
        two.exit_from(one.pid, Atom(reason), link=False)
        if reason == "kill":
            self.die(two, "killed")
        elif two is one and not two.trap_exit:
            self.die(two, reason)
        else:
            self.signal(one, two, reason)

    def check(self) -> None:
        assert [p for p in self.all if p.alive] == self.alive
        for process in self.all:
            assert sorted(map(repr, mail(process))) == sorted(
                map(repr, self.mail[process])
            )
            partners = {p.pid for p in self.links[process]}
            assert process.links.keys() == partners
            mine = {r for r, (owner, _) in self.monitors.items() if owner is process}
            assert process.monitors.keys() == mine
            watching = [r for r, (_, two) in self.monitors.items() if two is process]
            assert set(process.watchers) == {r.words for r in watching}
            assert process.alive or not (process._aliases or process.queue)


async def live(script: list[tuple[Any, ...]]) -> None:
    async with running() as runtime:
        world = World(runtime)
        world.add(trap=False)
        world.add(trap=True)
        for operation, *details in script:
            await world.do(operation, *details)
            await settle()
            world.check()
        for process in world.all:
            await runtime.root.exit(process.pid, "kill")
        await settle()
        assert_only_the_root(runtime)


@settings(max_examples=120)
@given(st.lists(operations, max_size=30))
def test_any_script_of_lives_ends_as_on_the_beam(script: list[tuple[Any, ...]]) -> None:
    trio.run(live, script)
