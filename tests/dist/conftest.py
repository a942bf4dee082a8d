"""Both link codecs, and what real nodes sent."""

from __future__ import annotations

import importlib
import os
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.sockets import socket_pair

__all__ = ["socket_pair"]

DATA = Path(__file__).parent.parent / "data" / "dist"
MUST_BE_COMPILED = os.environ.get("ERGOPY_REQUIRE_COMPILED") == "1"


@pytest.fixture(params=["pure", "compiled"])
def link(request: pytest.FixtureRequest) -> Any:
    """Give each of the two modules that have ``LinkDecoder`` and ``LinkEncoder``."""
    if request.param == "pure":
        return importlib.import_module("ergopy.dist.framing")
    try:
        return importlib.import_module("ergopy.dist._speedups")
    except ImportError:
        if MUST_BE_COMPILED:
            raise
        pytest.skip("the compiled link codec is not built")


class Capture(NamedTuple):
    """Bytes of one direction of one connection to a BEAM, and what they are."""

    data: bytes
    about: dict[str, Any]


@pytest.fixture
def capture() -> Any:
    """Give a function that loads a capture by its name."""

    def load(name: str) -> Capture:
        about = tomllib.loads((DATA / f"{name}.toml").read_text())
        return Capture((DATA / f"{name}.bin").read_bytes(), about)

    return load
