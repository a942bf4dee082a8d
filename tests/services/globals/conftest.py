from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from ergopy.testing import MemoryNetwork

from .together import joined

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Node


@pytest.fixture
def network() -> MemoryNetwork:
    return MemoryNetwork()


@pytest.fixture
async def cluster(
    network: MemoryNetwork,
) -> AsyncIterator[list[Node]]:
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(network.node(n)) for n in "abc"]
        await joined(*nodes)
        yield nodes
