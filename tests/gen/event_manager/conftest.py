from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import EventManager

from .notes import SEEN, Note, Other

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


@pytest.fixture(autouse=True)
def _empty() -> None:
    SEEN.clear()


@pytest.fixture
async def manager(runtime: Runtime) -> Any:
    return await runtime.root.start(
        EventManager, Note, name="events", handlers={"note": Note, "other": Other}
    )
