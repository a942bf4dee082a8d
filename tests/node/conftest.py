from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio.testing

from tests.node.fakes import FakePeer, Scene
from tests.node.raw_node import make_raw
from tests.nodes import echo, epmd_port, make_node, pair
from tests.runtimes import runtime, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

__all__ = ["echo", "epmd_port", "make_node", "make_raw", "pair", "runtime"]


@pytest.fixture
def loopback_clock() -> trio.testing.MockClock:
    """A clock that jumps, for real sockets: no time passes while the machine is busy.

    It waits a bit before: bytes may be under way while all tasks wait for them.
    """
    return trio.testing.MockClock(autojump_threshold=0.01)


@pytest.fixture
async def fake(runtime: Runtime) -> FakePeer:
    """Return a peer that is connected, and whose far end is the test."""
    fake = FakePeer(runtime)
    fake.connect()
    return fake


@pytest.fixture
async def scene(fake: FakePeer, runtime: Runtime) -> Scene:
    scene = Scene(fake, runtime)
    await settle()
    return scene
