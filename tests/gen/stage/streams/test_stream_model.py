"""Any loop over any producers: nothing too much, nothing lost, nothing twice.

A script feeds some producers, and reads batch by batch, slowly or in a hurry, with
waits that are given up. The producers end in the end, or the loop is left before.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy import Producer, SubscriptionCanceled, stage
from tests.runtimes import assert_only_the_root, running, settle

if TYPE_CHECKING:
    from ergopy import StageStream, Subscription

demands = st.tuples(st.integers(1, 7), st.integers(0, 6))
steps = st.one_of(
    st.tuples(st.just("feed"), st.integers(0, 2), st.integers(1, 12)),
    st.tuples(st.just("kill"), st.integers(0, 2), st.just(0)),
    st.tuples(st.just("read"), st.integers(1, 4), st.just(0)),
    st.tuples(st.just("sleep"), st.integers(1, 3), st.just(0)),
)


class Source(Producer):
    """Gives what it is fed: pairs of its own number and a count."""

    async def init(self, number: int, box: list[Source]) -> None:
        self.number = number
        self.made = 0
        self.asked = 0
        self.ends: list[Any] = []
        box.append(self)

    async def handle_demand(self, demand: int) -> None:
        self.asked += demand

    async def handle_cancel(self, subscription: Subscription, reason: Any) -> None:
        self.ends.append(reason)

    async def handle_cast(self, count: Any) -> Any:
        first, self.made = self.made, self.made + count
        return [(self.number, n) for n in range(first, self.made)]

    @property
    def sent(self) -> int:
        return self.made - self.buffered


class Loop:
    """Reads a stream by steps, and watches how much is under way."""

    def __init__(self, stream: StageStream, sources: list[Source], most: int) -> None:
        self.stream = stream
        self.sources = sources
        self.most = most
        self.batches: list[list[Any]] = []
        self.in_hand: list[Any] = []
        """The batch that is not handled yet."""
        self.over = False

    async def read(self, count: int) -> None:
        for _ in range(count):
            with trio.move_on_after(0.5) as scope:
                self.in_hand = []
                try:
                    self.in_hand = await anext(self.stream)
                    self.batches.append(self.in_hand)
                except StopAsyncIteration:
                    self.over = True
            if scope.cancelled_caught or self.over:
                return

    def got(self, number: int) -> list[int]:
        return [n for source, n in chain(*self.batches) if source == number]

    def check(self) -> None:
        """What was sent is handled, or is less than the demand allows."""
        for source in self.sources:
            got = self.got(source.number)
            assert got == list(range(len(got)))
            in_hand = sum(number == source.number for number, _ in self.in_hand)
            handled = len(got) - in_hand
            assert source.sent - handled <= self.most
            assert source.asked - handled <= self.most


@given(
    st.integers(1, 3),
    demands,
    st.lists(steps, max_size=25),
    st.sampled_from(["leave", "drain", "finish"]),
)
@settings(max_examples=100)
def test_nothing_is_too_much_or_lost_or_twice(
    count: int, demand: tuple[int, int], script: list[Any], end: str
) -> None:
    async def main() -> None:
        async with running() as runtime:
            sources: list[Source] = []
            for number in range(count):
                await runtime.root.start(Source, number, sources)
            most, least = demand
            stream = stage.subscribe(
                [source.pid for source in sources],
                caller=runtime.root,
                max_demand=most,
                min_demand=min(least, most - 1),
                cancel="temporary",
            )
            async with stream:
                loop = Loop(stream, sources, most)
                await play(loop, script)
                if end == "drain":
                    await drain(loop)
                elif end == "finish":
                    await finish(loop)
            await settle()
            for source in sources:
                if source.process.alive:
                    assert source.subscribers == []
                    assert source.ends == [("cancel", "normal")]
                    source.process.kill()
            await settle()
            assert_only_the_root(runtime)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def play(loop: Loop, script: list[Any]) -> None:
    for what, number, size in script:
        source = loop.sources[number % len(loop.sources)]
        match what:
            case "feed":
                await source.process.runtime.root.cast(source.pid, size)
            case "kill":
                source.process.kill()
            case "read":
                await loop.read(number)
            case "sleep":
                await trio.sleep(number)
        loop.check()
    await settle()


async def drain(loop: Loop) -> None:
    """Read until nothing comes: what was made has come, if its producer lives."""
    before = -1
    while before != len(loop.batches):
        before = len(loop.batches)
        await loop.read(99)
        loop.check()
    for source in loop.sources:
        assert len(loop.got(source.number)) == source.sent
        if source.process.alive:
            assert source.sent == source.made


async def finish(loop: Loop) -> None:
    """Let the producers end: what they had sent comes, and then the end."""
    for source in loop.sources:
        source.process.end("shutdown")
    await settle()
    while not loop.over:
        await loop.read(99)
    for source in loop.sources:
        assert len(loop.got(source.number)) == source.sent


@given(st.lists(st.integers(1, 9), max_size=9), st.booleans(), demands)
@settings(max_examples=60)
def test_what_came_before_a_failure_comes_before_the_error(
    sizes: list[int], slow: bool, demand: tuple[int, int]
) -> None:
    async def items() -> Any:
        for size in sizes:
            await trio.sleep(slow)
            for _ in range(size):
                yield size
        raise LookupError("dry")

    async def main() -> list[Any]:
        got: list[Any] = []
        async with running() as runtime:
            pid = await stage.from_iterable(items(), caller=runtime.root)
            stream = stage.subscribe(
                pid,
                caller=runtime.root,
                max_demand=demand[0],
                min_demand=min(demand[1], demand[0] - 1),
            )
            try:
                async for batch in stream:
                    got += batch
            except SubscriptionCanceled as error:
                got.append(error.reason[:3])
            await settle()
            assert_only_the_root(runtime)
        return got

    got = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    failure = ("python", b"builtins.LookupError", b"dry")
    assert got == [size for size in sizes for _ in range(size)] + [failure]
