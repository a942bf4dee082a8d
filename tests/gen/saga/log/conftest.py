"""Logs for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ergopy.gen.saga.log import MemorySagaLog, SagaLog, SqliteSagaLog

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["memory", "sqlite"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> SagaLog:
    """Return a log of each kind."""
    if request.param == "memory":
        return MemorySagaLog()
    return SqliteSagaLog(tmp_path / "sagas.db")
