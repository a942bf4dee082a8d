from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.node.fakes import FakePeer
from tests.nodes import echo, epmd_port, make_node, pair
from tests.runtimes import runtime

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

__all__ = ["echo", "epmd_port", "make_node", "pair", "runtime"]


@pytest.fixture
async def fake(runtime: Runtime) -> FakePeer:
    """Return a peer that is connected, and whose far end is the test."""
    fake = FakePeer(runtime)
    fake.connect()
    return fake
