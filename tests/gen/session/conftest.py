from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gen.session.kit import Sides
from tests.nodes import epmd_port, make_node, pair

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

__all__ = ["epmd_port", "make_node", "pair"]


@pytest.fixture
async def sides(runtime: Runtime) -> Sides:
    """Two sides of a session that is still to be opened."""
    return Sides(runtime)
