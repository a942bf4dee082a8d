"""Random crash scripts: our supervisors do what real ones did."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from ergopy.testing import MemoryNetwork

from .ours import play
from .saved import COUNTS, difference, load
from .scripts import in_order

if TYPE_CHECKING:
    import trio.testing


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.mark.parametrize("kind", COUNTS)
async def test_a_script_has_the_log_that_it_had_under_a_real_supervisor(
    kind: str, autojump_clock: trio.testing.MockClock
) -> None:
    saved = load(kind)
    assert len(saved) == COUNTS[kind]
    async with MemoryNetwork().node("a") as node:
        for script, log in saved:
            ours = in_order(script, await play(node, script))
            assert difference(script, log, ours) is None
