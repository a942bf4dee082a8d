"""Fixtures for pytest: ``pytest_plugins = ["ergopy.testing.plugin"]``.

They are for tests that run on Trio, with pytest-trio; this module needs pytest, and
nothing else in ergopy does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .network import MemoryNetwork
from .pair import node_pair

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .._main import Node


@pytest.fixture
def memory_network() -> MemoryNetwork:
    """Return the network that the nodes of the other fixtures live in."""
    return MemoryNetwork()


@pytest.fixture
async def memory_node(memory_network: MemoryNetwork) -> AsyncIterator[Node]:
    """Run one node, ``node@memory``."""
    async with memory_network.node("node") as node:
        yield node


@pytest.fixture
async def memory_pair(
    memory_network: MemoryNetwork,
) -> AsyncIterator[tuple[Node, Node]]:
    """Run two nodes, ``a@memory`` and ``b@memory``, that are not connected yet."""
    async with node_pair(network=memory_network) as pair:
        yield pair
