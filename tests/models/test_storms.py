"""Two of our nodes in storms of signals, with and without lost connections."""

from __future__ import annotations

import random

import pytest
import trio.testing

from ergopy import testing
from tests.models.storm import Storm
from tests.models.test_scripts import SLOW, stages
from tests.runtimes import settle


@pytest.mark.parametrize("losses", [0, 1, 4])
@pytest.mark.parametrize("seed", range(25))
async def test_what_always_holds_does_after_a_storm(
    seed: int, losses: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with stages() as both:
        storm = Storm(seed, both["a"], both["b"], losses=losses)
        await storm.blow()
        await settle()
        assert await storm.problem() is None
        await storm.end()


@pytest.mark.parametrize("seed", range(25))
async def test_it_does_on_a_bad_line_too(
    seed: int, autojump_clock: trio.testing.MockClock
) -> None:
    choice = random.Random(seed)
    network = testing.MemoryNetwork(chunk=choice.choice([3, 50, None]), window=300)
    network.delay("a", "b", choice.choice([0, SLOW]))
    network.delay("b", "a", choice.choice([0, SLOW / 3]))
    async with stages(network=network) as both:
        storm = Storm(seed, both["a"], both["b"], losses=2)
        await storm.blow()
        await trio.sleep(60 * SLOW)
        await settle()
        assert await storm.problem() is None
        await storm.end()
