from __future__ import annotations

import pytest

from .free import SEEN


@pytest.fixture(autouse=True)
def _empty() -> None:
    SEEN.clear()
