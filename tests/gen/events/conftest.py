from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ergopy import Events
from tests.gen.events.remote_kit import two_nodes
from tests.nodes import epmd_port, make_node
from tests.runtimes import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Node
    from ergopy.process.runtime import Runtime
    from tests.nodes import MakeNode

__all__ = ["epmd_port", "make_node"]


@pytest.fixture
async def serving() -> AsyncIterator[Runtime]:
    """A runtime with an event server under its usual name."""
    async with running() as runtime:
        await runtime.root.start(Events, name="events")
        yield runtime


@pytest.fixture
async def nodes(make_node: MakeNode) -> tuple[Node, Node]:
    """Two nodes with an event server each; the first one has events."""
    return await two_nodes(make_node)
