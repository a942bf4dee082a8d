"""Random crash scripts, played on a real ``supervisor`` and on ours: one log.

``ERGOPY_CAPTURE=1`` keeps some of them, with OTP's logs, for ``tests/``. Longer runs:
``ERGOPY_SCRIPTS=5000``.
"""

from __future__ import annotations

import logging
import os
import random
from typing import TYPE_CHECKING, Any

import pytest

from ergopy.testing import MemoryNetwork
from tests.gen.supervisor_replay import saved, scripts
from tests.gen.supervisor_replay.ours import play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .beam import Beam

COUNT = int(os.environ.get("ERGOPY_SCRIPTS", "400"))


@pytest.fixture
def lone(new_beam: Callable[..., Beam]) -> Beam:
    """A BEAM on which it is certain which of two processes has ended first."""
    return new_beam(args=("+S", "1:1"))


@pytest.fixture
def lone_elixir(start_beam: Callable[..., Beam]) -> Iterator[Beam]:
    beam = start_beam("elixir", args=("+S", "1:1"))
    yield beam
    beam.stop()


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


async def logs(beam: Beam, some: list[Any], how: str = "runs") -> list[Any]:
    """Play scripts on a BEAM."""
    theirs = await beam.run(f"ergopy_replay:{how}(Scripts)", 60, Scripts=some)
    return [scripts.in_order(*pair) for pair in zip(some, theirs, strict=True)]


async def compare(
    beam: Beam, make: Callable[[int], Any], count: int = COUNT, how: str = "runs"
) -> None:
    """Play random scripts there and here."""
    first = random.randrange(10**6)
    for start in range(first, first + count, 100):
        some = [make(seed) for seed in range(start, start + 100)]
        theirs = await logs(beam, some, how)
        async with MemoryNetwork().node("a") as node:
            for number, (script, log) in enumerate(zip(some, theirs, strict=True)):
                ours = scripts.in_order(script, await play(node, script))
                difference = saved.difference(script, log, ours)
                assert difference is None, f"seed {start + number}: {difference}"


async def compare_saved(
    beam: Beam, kind: str, make: Callable[[int], Any], how: str = "runs"
) -> None:
    """Play the scripts of the file there."""
    if os.environ.get("ERGOPY_CAPTURE") == "1":
        some = [make(seed) for seed in range(saved.COUNTS[kind])]
        saved.store(kind, list(zip(some, await logs(beam, some, how), strict=True)))
    known = saved.load(kind)
    theirs = await logs(beam, [script for script, _ in known], how)
    for (script, log), again in zip(known, theirs, strict=True):
        assert saved.difference(script, again, log) is None


@pytest.mark.timeout(120)
async def test_random_scripts_have_one_log_on_otp_and_here(lone: Beam) -> None:
    await compare(lone, scripts.script)


@pytest.mark.timeout(120)
async def test_so_have_those_for_simple_one_for_one(lone: Beam) -> None:
    await compare(lone, scripts.simple_script, COUNT // 2)


@pytest.mark.timeout(120)
async def test_so_have_those_for_a_dynamic_supervisor_of_elixir(
    lone_elixir: Beam,
) -> None:
    await compare(lone_elixir, scripts.dynamic_script, COUNT // 2)


@pytest.mark.timeout(120)
async def test_the_saved_logs_are_those_of_otp(lone: Beam) -> None:
    await compare_saved(lone, "supervisor", scripts.script)
    await compare_saved(lone, "timed", scripts.timed_script, "together")
    await compare_saved(lone, "simple_one_for_one", scripts.simple_script)


@pytest.mark.timeout(120)
async def test_the_saved_logs_of_dynamic_supervisors_are_elixirs(
    lone_elixir: Beam,
) -> None:
    await compare_saved(lone_elixir, "dynamic", scripts.dynamic_script)
