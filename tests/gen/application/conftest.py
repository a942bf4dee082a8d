from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ergopy.testing import MemoryNetwork
from ergopy.testing.plugin import memory_network, memory_pair

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Node

__all__ = ["memory_network", "memory_pair"]


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    """A node with its services, and no network."""
    async with MemoryNetwork().node("py") as node:
        yield node
