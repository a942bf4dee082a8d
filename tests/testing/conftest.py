from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ergopy import testing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import ergopy


@pytest.fixture
async def node() -> AsyncIterator[ergopy.Node]:
    async with testing.MemoryNetwork().node("a") as node:
        yield node
