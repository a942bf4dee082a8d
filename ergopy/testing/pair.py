"""Two nodes that can talk to each other, in one line."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from .network import MemoryNetwork

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .._main import Node


@asynccontextmanager
async def node_pair(
    *, network: MemoryNetwork | None = None, **options: Any
) -> AsyncIterator[tuple[Node, Node]]:
    """Run the nodes ``a@memory`` and ``b@memory``; ``async with`` gives both.

    They are not connected yet: the first signal between them does that, or
    ``await a.connect(b.name)``. Leaving it stops both.

    Args:
        network: Where they live; make it yourself to have faults.
        options: Of both nodes, as :class:`ergopy.Node` takes them.
    """
    network = network or MemoryNetwork()
    async with network.node("a", **options) as a, network.node("b", **options) as b:
        yield a, b
