"""What holds for the whole suite: it says what it tests.

``ERGOPY_PURE=1`` picks the pure codec. A run is refused that would not test what it
is for: with ``ERGOPY_REQUIRE_COMPILED=1`` one without the compiled codec, with
``ERGOPY_REQUIRE_INSTALLED=1`` one on the sources instead of an installed wheel.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Any

import hypothesis
import pytest

import etf

SOURCES = Path(__file__).parent.parent
PACKAGE = Path(etf.__file__).parent

# Nothing is timed here: a busy machine is slow, and no test fails for that.
hypothesis.settings.register_profile(
    "busy",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("busy")


def pytest_report_header() -> str:
    return f"etf: {'compiled' if etf.__compiled__ else 'pure Python'}, in {PACKAGE}"


def pytest_sessionstart() -> None:
    if os.environ.get("ERGOPY_REQUIRE_COMPILED") == "1" and not etf.__compiled__:
        raise pytest.UsageError("the compiled codec is required, and is not there")
    installed = not PACKAGE.is_relative_to(SOURCES)
    if os.environ.get("ERGOPY_REQUIRE_INSTALLED") == "1" and not installed:
        raise pytest.UsageError(f"not installed, but the sources: {PACKAGE}")


def pytest_collection_finish() -> None:
    """Spare the garbage collector ten thousand tests, which it would look through."""
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: list[Any]) -> None:
    """Workers, too, mind what ``python -bb`` minds; they get no flags by themselves."""
    if sys.flags.bytes_warning:
        for spec in specs:
            spec.python = f"'{sys.executable}' -{'b' * sys.flags.bytes_warning}"
