"""Any line of stages, and anything done to it: nothing too much, nothing twice.

A script feeds producers, pauses them, lets consumers be slow, leave, come back and die.
After each script all that was made is with a consumer, or waits for one, or was under
way to one that is gone.
"""

from __future__ import annotations

import logging
from itertools import count
from typing import TYPE_CHECKING, Any

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy import Atom, Consumer, Producer, ProducerConsumer
from tests.runtimes import running, settle

if TYPE_CHECKING:
    from ergopy import Pid, Subscription
    from ergopy.process.runtime import Runtime

demands = st.tuples(st.integers(1, 9), st.integers(0, 8))
numbers = st.integers(0, 3)
steps = st.one_of(
    st.tuples(st.just("push"), st.integers(1, 12)),
    st.tuples(st.just("pause"), st.just(0)),
    st.tuples(st.just("resume"), st.just(0)),
    st.tuples(st.just("leave"), numbers),
    st.tuples(st.just("join"), numbers),
    st.tuples(st.just("kill"), numbers),
    st.tuples(st.just("add"), st.integers(0, 2)),
    st.tuples(st.just("sleep"), st.integers(1, 4)),
)


class Source(Producer):
    """Makes what is asked for, up to a limit, and what it is fed."""

    async def init(self, limit: int, made: list[int]) -> None:
        self.limit = limit
        self.made = made
        self.pushed = 0

    async def handle_demand(self, demand: int) -> Any:
        size = min(demand, self.limit)
        self.limit -= size
        return self.make(size)

    async def handle_info(self, message: Any) -> Any:
        match message:
            case ("push", size) if self._demand_mode == "accumulate":
                self.pushed += size
            case ("push", size):
                return self.make(size)
            case "pause":
                self.pause_demand()
            case "resume":
                await self.resume_demand()
                # Those that were asked for before it, and made only now, go first.
                events, self.pushed = self.pushed, 0
                return self.make(events)
        return None

    def make(self, size: int) -> list[int]:
        first = len(self.made)
        self.made.extend(range(first, first + size))
        return list(range(first, first + size))


class Middle(ProducerConsumer):
    """Sends on what it gets."""

    async def init(self, to: Pid, demand: tuple[int, int]) -> None:
        self.subscribe_to = [(to, options(demand))]

    async def handle_events(self, events: list[int], to: Subscription) -> Any:
        return events


class Sink(Consumer):
    """Keeps what it gets, after a while."""

    async def init(
        self, to: Pid, demand: tuple[int, int], seconds: float, got: list[int]
    ) -> None:
        self.to = to
        self.demand = demand
        self.seconds = seconds
        self.got = got
        await self.join_soon()

    async def join_soon(self) -> None:
        self.subscribe_to = [(self.to, options(self.demand))]

    async def handle_events(self, events: list[int], to: Subscription) -> Any:
        assert events
        assert len(events) <= most_and_batch(self.demand)[1]
        self.got.extend(events)
        await trio.sleep(self.seconds)

    async def handle_info(self, message: Any) -> Any:
        match message:
            case "leave":
                for subscription in self.subscriptions:
                    await self.cancel(subscription)
            case "join":
                if not self.subscriptions:
                    await self.subscribe(self.to, **options(self.demand))


def options(demand: tuple[int, int]) -> dict[str, Any]:
    most, least = demand
    return {
        "max_demand": most,
        "min_demand": min(least, most - 1),
        "cancel": "temporary",
    }


def most_and_batch(demand: tuple[int, int]) -> tuple[int, int]:
    most, least = demand
    return most, most - min(least, most - 1)


class Line:
    """A line of stages, and what is in it."""

    def __init__(self, runtime: Runtime, limit: int, middles: list[Any]) -> None:
        self.runtime = runtime
        self.limit = limit
        self.middles = middles
        self.made: list[int] = []
        self.sinks: list[Pid] = []
        self.got: list[list[int]] = []
        self.seconds = count()

    async def begin(self, sinks: list[Any]) -> None:
        root = self.runtime.root
        self.source = await root.start(Source, self.limit, self.made)
        self.last = self.source
        for demand in self.middles:
            self.last = await root.start(Middle, self.last, demand)
        for demand in sinks:
            await self.add(demand)

    async def add(self, demand: tuple[int, int]) -> None:
        got: list[int] = []
        self.got.append(got)
        seconds = next(self.seconds) % 3
        args = (self.last, demand, seconds, got)
        self.sinks.append(await self.runtime.root.start(Sink, *args))

    async def follow(self, step: tuple[str, int]) -> bool:
        """Do one step; return whether events may be lost by it."""
        root, (what, number) = self.runtime.root, step
        match what:
            case "push":
                await root.send(self.source, ("push", number))
            case "pause" | "resume":
                await root.send(self.source, what)
            case "sleep":
                await trio.sleep(number)
            case "add":
                await self.add((number + 1, number))
            case _ if number < len(self.sinks):
                if what == "kill":
                    await root.exit(self.sinks[number], Atom("kill"))
                    return True
                await root.send(self.sinks[number], what)
        return False


async def play(
    limit: int, middles: list[Any], sinks: list[Any], script: list[tuple[str, int]]
) -> None:
    async with running() as runtime:
        line = Line(runtime, limit, middles)
        await line.begin(sinks)
        lossy = False
        for step in script:
            lossy |= await line.follow(step)
        await runtime.root.send(line.source, "resume")
        # Whoever is left, and one more, get what there is.
        await line.add((1000, 500))
        await trio.sleep(1000)
        await settle()
        got = [event for events in line.got for event in events]
        assert len(got) == len(set(got))
        for events in line.got:
            assert events == sorted(events)
        if lossy:
            assert set(got) <= set(line.made)
        else:
            assert sorted(got) == line.made


@given(
    limit=st.integers(0, 40),
    middles=st.lists(demands, max_size=2),
    sinks=st.lists(demands, max_size=3),
    script=st.lists(steps, max_size=14),
)
@settings(max_examples=60, deadline=None)
def test_a_line_of_stages_loses_and_doubles_nothing(
    limit: int,
    middles: list[Any],
    sinks: list[Any],
    script: list[tuple[str, int]],
) -> None:
    problems: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            problems.append(record.getMessage())

    keep = Keep(logging.ERROR)
    logger = logging.getLogger("ergopy.stage")
    logger.addHandler(keep)
    try:
        clock = trio.testing.MockClock(autojump_threshold=0)
        trio.run(play, limit, middles, sinks, script, clock=clock)
    finally:
        logger.removeHandler(keep)
    # An excess of events would be among these.
    assert problems == []
