"""The compiled link codec beside the pure one; skips where it is not built."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest

MUST_BE_COMPILED = os.environ.get("ERGOPY_REQUIRE_COMPILED") == "1"
compiled: Any
try:
    compiled = importlib.import_module("ergopy.dist._speedups")
except ImportError:
    if MUST_BE_COMPILED:
        raise
    pytest.skip("the compiled link codec is not built", allow_module_level=True)
