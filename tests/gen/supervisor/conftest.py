from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ergopy.testing import event_log
from tests.gen.supervisor.kit import Sup
from tests.runtimes import runtime

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy.process.runtime import Runtime
    from ergopy.testing import EventLog

__all__ = ["runtime"]


@pytest.fixture
def sup(runtime: Runtime) -> Sup:
    """A supervisor that is still to be started."""
    return Sup(runtime)


@pytest.fixture
async def reports(runtime: Runtime) -> AsyncIterator[EventLog]:
    """What supervisors report, among other events."""
    with event_log(runtime) as log:
        yield log
