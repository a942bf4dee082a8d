from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ergopy import Events
from tests.nodes import epmd_port, make_node
from tests.runtimes import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy.process.runtime import Runtime

__all__ = ["epmd_port", "make_node"]


@pytest.fixture
async def serving() -> AsyncIterator[Runtime]:
    """A runtime with an event server under its usual name."""
    async with running() as runtime:
        await runtime.root.start(Events, name="events")
        yield runtime
