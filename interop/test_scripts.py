"""Random scripts of signals on two BEAMs, two of our nodes, and one of each.

The model of ``tests/models`` says what comes out. On a pair of BEAMs it is the model
that is tested, elsewhere it is ergopy. A script that fails is printed, to be replayed
with ``Player(Script(**json.loads(text)), stages)``.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.models import captured
from tests.models.ours import OurStage
from tests.models.play import Player, poll
from tests.models.script import random_script
from tests.models.storm import Storm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import ergopy
    from etf import Atom, Pid

    from .beam import Beam

SEEDS = range(120)

pytestmark = pytest.mark.timeout(120)


class BeamStage:
    """A BEAM as a stage; ``ergopy_script.erl`` has the actors."""

    def __init__(self, beam: Beam) -> None:
        self.beam = beam
        self.name = beam.name

    async def start(self, trap: bool) -> Pid:
        return await self.beam.run("ergopy_script:start(T)", T=trap)

    async def do(self, who: Pid, command: tuple[Any, ...]) -> Any:
        return await self.beam.run("ergopy_script:do(P, C)", P=who, C=command)

    async def look(self, pids: list[Pid]) -> Any:
        return await self.beam.run("ergopy_script:look(P)", P=pids)

    async def reach(self, other: Atom) -> None:
        await self.beam.run("ergopy_script:reach(N)", N=other)

    async def connect(self, other: Atom) -> None:
        assert await self.beam.run("net_kernel:connect_node(N)", N=other) is True

    async def disconnect(self, other: Atom) -> None:
        await self.beam.run("ergopy_script:disconnect(N)", N=other)

    async def restart(self, other: Atom) -> None:
        await self.beam.restart()
        await self.beam.run("ergopy_script:open()")

    async def end(self, pids: list[Pid]) -> None:
        await self.beam.run("ergopy_script:finish(P)", P=pids)


@contextmanager
def stage_beam(start_beam: Callable[..., Beam], kind: str) -> Iterator[Beam]:
    # A hidden one: global of a visible one, busy with a node that has just come up,
    # connects again to a node that has just been lost.
    beam = start_beam(kind, args=("-hidden",))
    beam.eval("ergopy_script:open()")
    yield beam
    beam.stop()


@pytest.fixture(scope="module", params=["otp25", "otp28"])
def beam(
    request: pytest.FixtureRequest, start_beam: Callable[..., Beam]
) -> Iterator[Beam]:
    with stage_beam(start_beam, request.param) as beam:
        yield beam


@pytest.fixture(scope="module")
def second_beam(beam: Beam, start_beam: Callable[..., Beam]) -> Iterator[Beam]:
    with stage_beam(start_beam, beam.kind) as second:
        yield second


@pytest.fixture
async def ours(node: ergopy.Node) -> OurStage:
    stage = OurStage(node)
    await stage.open()
    return stage


async def test_two_beams_do_what_the_model_says(beam: Beam, second_beam: Beam) -> None:
    stages = {"a": BeamStage(beam), "b": BeamStage(second_beam)}
    for seed in SEEDS:
        await Player(random_script(seed), stages).play()


async def test_beam_and_ours_do_what_the_model_says(beam: Beam, ours: OurStage) -> None:
    for seed in SEEDS:
        await Player(random_script(seed), {"a": BeamStage(beam), "b": ours}).play()


async def test_ours_and_beam_do_what_the_model_says(beam: Beam, ours: OurStage) -> None:
    for seed in SEEDS:
        await Player(random_script(seed), {"a": ours, "b": BeamStage(beam)}).play()


async def test_pids_of_an_earlier_start_are_nobody(
    beam: Beam, second_beam: Beam, ours: OurStage
) -> None:
    for seed in range(5000, 5006):
        script = random_script(seed, length=20, restarts=1)
        for other in (BeamStage(beam), ours):
            await Player(script, {"a": other, "b": BeamStage(second_beam)}).play()


@pytest.mark.parametrize("losses", [0, 3])
async def test_what_always_holds_does_after_a_storm(
    beam: Beam, ours: OurStage, losses: int
) -> None:
    stage = BeamStage(beam)
    for seed in range(6):
        storm = Storm(seed, ours, stage, losses=losses)
        await storm.blow()

        async def is_well(storm: Storm = storm) -> bool:
            return await storm.problem() is None

        await poll(is_well)
        # Nothing that is still under way may change it.
        await ours.reach(stage.name)
        await stage.reach(ours.name)
        assert await storm.problem() is None
        await storm.end()
    assert_nothing_left(ours, beam)


def assert_nothing_left(ours: OurStage, beam: Beam) -> None:
    peer = ours.node.connections.peer(beam.name)
    assert not peer.monitors
    assert not peer.spawns
    assert not ours.node.runtime.aliases


async def test_captured_outcomes_are_those_of_this_release(
    beam: Beam, second_beam: Beam
) -> None:
    stages = {"a": BeamStage(beam), "b": BeamStage(second_beam)}
    if os.environ.get("ERGOPY_WRITE_SCRIPTS") == "1" and beam.release == 25:
        entries = [
            (script, captured.plain(await Player(script, stages).play()))
            for script in captured.scripts_to_capture()
        ]
        captured.store(entries, beam.release)
    for script, outcome in captured.load():
        assert captured.plain(await Player(script, stages).play()) == outcome
