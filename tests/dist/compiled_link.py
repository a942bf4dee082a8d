"""The compiled link codec beside the pure one; skips where it is not built."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

import etf

if TYPE_CHECKING:
    from collections.abc import Callable

MUST_BE_COMPILED = os.environ.get("ERGOPY_REQUIRE_COMPILED") == "1"
compiled: Any
try:
    compiled = importlib.import_module("ergopy.dist._speedups")
except ImportError:
    if MUST_BE_COMPILED:
        raise
    pytest.skip("the compiled link codec is not built", allow_module_level=True)

A = etf.Atom
PID = etf.Pid(A("a25@127.0.0.1"), 0xD1, 0, 0x6B016B56)


def blocks_kept(function: Callable[[], Any]) -> int:
    """How many blocks of memory a function leaves behind if it is called again."""
    for _ in range(50):
        function()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(300):
        function()
    gc.collect()
    return sys.getallocatedblocks() - before
