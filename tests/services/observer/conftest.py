from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from ergopy.testing import node_pair

from .shops import Shop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Node


@pytest.fixture
async def pair(caplog: pytest.LogCaptureFixture) -> AsyncIterator[tuple[Node, Node]]:
    """A viewer, and a node that runs the shop; nothing may go wrong there."""
    async with node_pair() as (viewer, node):
        await node.applications.start(Shop)
        await viewer.connect(node.name)
        yield viewer, node
    worse = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert [one.getMessage() for one in worse] == []
