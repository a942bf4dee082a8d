"""Every codec test runs on both implementations, through the ``codec`` fixture."""

from __future__ import annotations

import importlib
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import etf._decode
import etf._encode

if TYPE_CHECKING:
    from collections.abc import Callable

PURE = SimpleNamespace(
    name="pure",
    encode=etf._encode.encode,
    decode=etf._decode.decode,
    decode_prefix=etf._decode.decode_prefix,
)


def compiled() -> Any:
    """The compiled codec; skips without it, or fails if it must be there."""
    try:
        module = importlib.import_module("etf._speedups")
    except ImportError as error:
        if os.environ.get("ERGOPY_REQUIRE_COMPILED") == "1":
            pytest.fail(f"the compiled codec must be there: {error}")
        pytest.skip("the compiled codec is not built")
    return SimpleNamespace(
        name="compiled",
        encode=module.encode,
        decode=module.decode,
        decode_prefix=module.decode_prefix,
    )


# Session-wide, so that hypothesis does not mind: it holds nothing that changes.
@pytest.fixture(scope="session", params=["pure", "compiled"])
def codec(request: pytest.FixtureRequest) -> Any:
    return PURE if request.param == "pure" else compiled()


@pytest.fixture(scope="session")
def pure() -> Any:
    return PURE


@pytest.fixture(scope="session")
def hexed() -> Callable[[str], bytes]:
    """Bytes from hex digits and quoted text: ``83 77 02 "ok"``."""

    def convert(text: str) -> bytes:
        out = b""
        for number, part in enumerate(text.split('"')):
            out += part.encode() if number % 2 else bytes.fromhex(part)
        return out

    return convert
