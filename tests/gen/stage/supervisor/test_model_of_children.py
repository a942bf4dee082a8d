"""A consumer supervisor against the arithmetic of GenStage's.

For each subscription that one counts the children and what is pending: places that have
become free and are not asked for yet. Random histories of batches, starts that fail,
ends, crashes, restarts, cancellations and requests are played, and after each step all
demands are compared, and the children that there are.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy import Atom, Backoff
from tests.gen.stage.stages import cancel
from tests.gen.stage.supervisor.office import CRASH, Office
from tests.runtimes import assert_only_the_root, running, settle

if TYPE_CHECKING:
    from collections.abc import Callable

PLANS = [
    ("ok",),
    ("stop",),
    ("ignore",),
    ("ok", "stop", "ok"),
    ("ok", "ignore"),
    ("ok", "stop", "ignore"),
]

plans = st.sampled_from(PLANS)
number = st.integers(0, 5)
steps = st.one_of(
    st.tuples(st.just("give"), number, st.lists(plans, min_size=1, max_size=6)),
    st.tuples(st.just("end"), number, st.just("crash")),
    st.tuples(st.just("end"), number, st.just("normal")),
    st.tuples(st.just("terminate"), number, st.none()),
    st.tuples(st.just("start_child"), number, plans),
    st.tuples(st.just("cancel"), number, st.none()),
    st.tuples(st.just("pause"), number, st.none()),
)


class Part:
    """What GenStage keeps of a subscription; ``demands`` are those that it sends."""

    def __init__(self, most: int, least: int) -> None:
        self.most = most
        self.least = least
        self.count = 0
        self.pending = 0
        self.outstanding = most
        self.demands = [most]

    def changed(self, came: int, down: int) -> None:
        """Count events that came, and places that are free."""
        self.pending += down
        self.count += came - down
        self.outstanding -= came
        if self.pending >= max(self.least, 1):
            self.demands.append(self.pending)
            self.outstanding += self.pending
            self.pending = 0
        assert self.count + self.pending + self.outstanding == self.most


class Running:
    """A child that there is to be."""

    def __init__(self, event: Any, part: Part | None) -> None:
        self.event = event
        self.part = part
        self.starts = 1
        self.waiting = False

    def next_start(self) -> str:
        plan = self.event[1:]
        self.starts += 1
        return str(plan[min(self.starts, len(plan)) - 1])


class World:
    """The supervisor, and what it is expected to be."""

    def __init__(self, office: Office, transient: bool, pauses: bool) -> None:
        self.office = office
        self.transient = transient
        self.pauses = pauses
        self.parts: dict[Any, Part] = {}
        self.running: list[Running] = []
        self.events = count()

    async def subscribe(self, most: int, least: int) -> None:
        to = await self.office.supervisor.subscribe(
            self.office.hand.pid, max_demand=most, min_demand=least, cancel="temporary"
        )
        self.parts[to.tag] = Part(most, least)

    async def give(self, which: int, chosen: list[Any]) -> None:
        tag, part = list(self.parts.items())[which % len(self.parts)]
        events = [(next(self.events), *plan) for plan in chosen[: part.outstanding]]
        if events:
            up = [event for event in events if event[1] == "ok"]
            self.running += [Running(event, part) for event in up]
            part.changed(len(events), len(events) - len(up))
            await self.office.give(*events, tag=tag)

    async def start_child(self, which: int, plan: Any) -> None:
        event = (next(self.events), *plan)
        answer = await self.office.ask("start_child", [event])
        if plan[0] == "ok":
            assert answer == ("ok", self.office.starts.pids[event])
            self.running.append(Running(event, None))
        else:
            assert answer == ("ignore" if plan[0] == "ignore" else ("error", "unfit"))

    async def end(self, which: int, how: str) -> None:
        alive = [child for child in self.running if not child.waiting]
        if not alive:
            return
        child = alive[which % len(alive)]
        if how == "crash" and self.transient:
            child.waiting = True
            if not self.pauses:
                self.restart(child)
        else:
            self.over(child)
        pid = self.office.starts.pids[child.event]
        await self.office.end(pid, CRASH if how == "crash" else "normal")

    async def terminate(self, which: int, _: None) -> None:
        if self.running:
            child = self.running[which % len(self.running)]
            self.over(child)
            pid = self.office.starts.pids[child.event]
            assert await self.office.ask("terminate_child", pid) == "ok"

    async def cancel(self, which: int, _: None) -> None:
        tag = list(self.parts)[which % len(self.parts)]
        part = self.parts.pop(tag)
        for child in self.running:
            # It goes on, and takes nobody's place.
            child.part = None if child.part is part else child.part
        hand = self.office.hand
        await hand.to_consumer(self.office.pid, tag, cancel(Atom("normal")))
        await self.subscribe(part.most, part.least)

    async def pause(self, which: int, _: None) -> None:
        """Let all pauses before restarts go by."""
        for child in self.running[:]:
            if child.waiting:
                self.restart(child)
        await trio.sleep(1000)

    def restart(self, child: Running) -> None:
        while True:
            match child.next_start():
                case "ok":
                    child.waiting = False
                    return
                case "ignore":
                    self.over(child)
                    return

    def over(self, child: Running) -> None:
        self.running.remove(child)
        if child.part is not None:
            child.part.changed(0, 1)

    async def check(self) -> None:
        await settle()
        demands: dict[Any, list[int]] = {tag: [] for tag in self.parts}
        for message in self.office.hand.process.messages():
            _, (_, tag), body = message
            if tag in demands and body[0] == "ask":
                demands[tag].append(body[1])
        assert demands == {tag: part.demands for tag, part in self.parts.items()}
        for part in self.parts.values():
            assert 0 <= part.count <= part.most
        waiting = sum(child.waiting for child in self.running)
        counted = await self.office.counts()
        assert counted["workers"] == len(self.running)
        assert counted["active"] == len(self.running) - waiting


def limits(draw: Callable[[Any], Any]) -> tuple[int, int]:
    most = draw(st.integers(1, 6))
    return most, draw(st.integers(0, most - 1))


@st.composite
def worlds(draw: Callable[[Any], Any]) -> dict[str, Any]:
    return {
        "transient": draw(st.booleans()),
        "pauses": draw(st.booleans()),
        "subscriptions": [limits(draw) for _ in range(draw(st.integers(1, 2)))],
    }


async def play(
    script: list[Any], transient: bool, pauses: bool, subscriptions: list[Any]
) -> None:
    async with running() as runtime:
        office = Office(runtime)
        backoff = Backoff(first=1, most=2) if pauses else None
        restart = "transient" if transient else "temporary"
        await office.start(
            restart, intensity=10**6, backoff=backoff, cancel="temporary"
        )
        world = World(office, transient, pauses)
        for most, least in subscriptions:
            await world.subscribe(most, least)
        for step, which, what in script:
            await getattr(world, step)(which, what)
            await world.check()
        await runtime.root.stop(office.pid)
        await runtime.root.exit(office.hand.pid, "kill")
        await settle()
        assert_only_the_root(runtime)


@settings(max_examples=150)
@given(worlds(), st.lists(steps, min_size=8, max_size=30))
def test_demand_is_that_of_genstage_whatever_becomes_of_the_children(
    world: dict[str, Any], script: list[Any]
) -> None:
    clock = trio.testing.MockClock(autojump_threshold=0)
    trio.run(lambda: play(script, **world), clock=clock)
