"""What holds for the whole suite: it says which codec it runs on.

``ERGOPY_PURE=1`` picks the pure one. With ``ERGOPY_REQUIRE_COMPILED=1`` a run on
anything but the compiled one is an error, so that a failed build cannot pass for a
tested one.
"""

from __future__ import annotations

import os

import pytest

import etf


def pytest_report_header() -> str:
    return f"etf: {'compiled' if etf.__compiled__ else 'pure Python'} codec"


def pytest_sessionstart() -> None:
    if os.environ.get("ERGOPY_REQUIRE_COMPILED") == "1" and not etf.__compiled__:
        raise pytest.UsageError("the compiled codec is required, and is not there")
