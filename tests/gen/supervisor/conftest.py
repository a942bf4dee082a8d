from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.gen.supervisor.kit import Sup
from tests.runtimes import runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ergopy.process.runtime import Runtime

__all__ = ["runtime"]


@pytest.fixture
def sup(runtime: Runtime) -> Sup:
    """A supervisor that is still to be started."""
    return Sup(runtime)


@pytest.fixture
def reports(caplog: pytest.LogCaptureFixture) -> Iterator[list[logging.LogRecord]]:
    """The records of ``ergopy.supervisor``, as they come."""
    caplog.set_level(logging.INFO, "ergopy.supervisor")
    records: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    logger, keep = logging.getLogger("ergopy.supervisor"), Keep()
    logger.addHandler(keep)
    yield records
    logger.removeHandler(keep)
