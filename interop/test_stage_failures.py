"""A pipeline over three nodes, one of which is killed in a stream of a million events.

Each event is handled at most once, and only such are lost as were in flight at the
killed stage: what it had been sent, and had not passed on. They are the ones behind
the last that its consumer has, up to the last that its producer had sent: no more than
it may ask for, one batch that it holds, and what its consumer may ask for. In either
mix of Python and BEAM the stages are the same: ``peer/stage.py`` and ``stages/``.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, NoProcess

from .beam import unique_name
from .servers import start_program
from .staged import Stages, atoms, only_lost
from .staged import new_stages as new_stages
from .staged import stage_code as stage_code

if TYPE_CHECKING:
    from collections.abc import Callable

STAGE = Atom("stage")
BUSY = 30
"""Seconds that all may take on a machine that does much else."""
MILLION = 1_000_000
DEMAND = 1000
SECOND_LIFE = 10_000_001
"""Where a producer begins when it is started again, which has forgotten all."""

pytestmark = pytest.mark.timeout(120)


class OnBeam:
    """A stage on a BEAM of its own."""

    def __init__(
        self, new_stages: Callable[..., Stages], role: str, before: Any
    ) -> None:
        self.role, self.before = role, before
        self.stages = new_stages()
        self.name = self.stages.name

    async def start(self, first: int = 1) -> None:
        to = () if self.before is None else (atoms(("stage", self.before.name)),)
        match self.role:
            case "producer":
                await self.stages.producer(name="stage", first=first)
            case "middle":
                await self.stages.producer_consumer(
                    *to, name="stage", cancel="temporary", retry=50
                )
            case "sink":
                await self.stages.consumer(
                    *to, name="stage", cancel="temporary", retry=50
                )

    async def kill(self) -> None:
        self.stages.beam.kill9()

    async def restart(self, first: int = 1) -> None:
        await self.stages.beam.restart()
        self.stages.load()
        await self.start(first)


class InPython:
    """A stage in a program of its own, under a supervisor."""

    def __init__(
        self, nursery: trio.Nursery, cookie: str, role: str, before: Any
    ) -> None:
        self.role, self.before = role, before
        self.name = Atom(unique_name("py"))
        self._start = partial(start_program, nursery, "stage.py", self.name, cookie)

    async def start(self, first: int = 1) -> None:
        upstream = "" if self.before is None else self.before.name
        self._program = await self._start(self.role, str(first), upstream)

    async def kill(self) -> None:
        self._program.kill()
        await self._program.wait()

    async def restart(self, first: int = 1) -> None:
        await self.start(first)


class Pipeline:
    """Three stages, each on its node, and the test's own node to ask them from."""

    def __init__(self, node: Any, producer: Any, middle: Any, sink: Any) -> None:
        self.node = node
        self.producer, self.middle, self.sink = producer, middle, sink

    async def start(self) -> None:
        for stage in (self.producer, self.middle, self.sink):
            await stage.start()

    async def ask(self, stage: Any, request: str) -> Any:
        return await self.node.call((STAGE, stage.name), Atom(request), BUSY)

    async def watch(self, stage: Any, seen: list[tuple[int, int]]) -> None:
        """Have the first and the last event of each batch that *stage* handles."""

        async def witness(process: Any) -> None:
            while True:
                _, first, last = await process.receive()
                seen.append((first, last))

        pid = await self.node.spawn(witness)
        await self.node.call((STAGE, stage.name), (Atom("witness"), pid))

    async def flows(self, stage: Any, beyond: int) -> list[tuple[int, int]]:
        """What *stage* has got when it has got an event *beyond* that one."""
        runs: list[tuple[int, int]] = []
        with trio.fail_after(BUSY):
            while not runs or runs[-1][1] < beyond:
                await trio.sleep(0.02)
                # Its supervisor may be about to start it.
                with suppress(NoProcess):
                    runs = await self.ask(stage, "got")
        return runs


@pytest.fixture(params=["Python in the middle", "Python at both ends"])
async def pipeline(request, node, nursery, cookie, new_stages):
    on_beam = partial(OnBeam, new_stages)
    in_python = partial(InPython, nursery, cookie)
    at_ends, between = on_beam, in_python
    if request.param == "Python at both ends":
        at_ends, between = in_python, on_beam
    producer = at_ends("producer", None)
    middle = between("middle", producer)
    pipeline = Pipeline(node, producer, middle, at_ends("sink", middle))
    await pipeline.start()
    yield pipeline
    for stage in (pipeline.sink, pipeline.middle, pipeline.producer):
        await stage.kill()


async def test_the_middle_is_killed(pipeline):
    await pipeline.flows(pipeline.sink, MILLION // 4)
    await pipeline.middle.kill()
    await pipeline.middle.restart()
    got = await pipeline.flows(pipeline.sink, MILLION)
    (sent,) = await pipeline.ask(pipeline.producer, "left")
    # Its demand, one batch for which there was none, and the demand of the sink.
    assert only_lost(got, sent, DEMAND + DEMAND // 2 + DEMAND)


async def test_the_producer_is_killed(pipeline):
    await pipeline.flows(pipeline.sink, MILLION // 4)
    await pipeline.producer.kill()
    await pipeline.producer.restart(SECOND_LIFE)
    got = await pipeline.flows(pipeline.sink, SECOND_LIFE + MILLION * 3 // 4)
    handled = await pipeline.ask(pipeline.middle, "got")
    assert [run[0] for run in got] == [run[0] for run in handled] == [1, SECOND_LIFE]
    # All that the producer had passed on came through.
    assert got[0] == handled[0]


async def test_the_sink_is_killed(pipeline):
    seen = []
    await pipeline.watch(pipeline.sink, seen)
    await pipeline.flows(pipeline.sink, MILLION // 4)
    await pipeline.sink.kill()
    await pipeline.sink.restart()
    (got,) = await pipeline.flows(pipeline.sink, MILLION)
    (sent,) = await pipeline.ask(pipeline.middle, "left")
    (handled,) = await pipeline.ask(pipeline.middle, "got")
    assert handled[0] == 1
    assert got[0] == sent + 1
    # Nothing was handled twice. What the first one told of last may not have come.
    assert contiguous(seen)
    assert 0 <= sent - seen[-1][1] <= 2 * DEMAND


def contiguous(batches: list[tuple[int, int]]) -> bool:
    """Whether each batch begins where the one before it ended."""
    return all(a[1] + 1 == b[0] for a, b in itertools.pairwise(batches))
