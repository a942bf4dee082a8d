"""The compiled codec beside the pure one; skips where it is not built."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

import etf
from etf import (
    Atom,
    DecodeError,
    EncodeError,
    FrozenList,
    Fun,
    ImproperList,
    Pid,
    Reference,
    TermMap,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FUN", "NODE", "PID", "REFERENCE", "SAMPLE", "compiled", "outcome"]

MUST_BE_COMPILED = os.environ.get("ERGOPY_REQUIRE_COMPILED") == "1"
try:
    from etf import _speedups as compiled
except ImportError:
    if MUST_BE_COMPILED:
        raise
    pytest.skip("the compiled codec is not built", allow_module_level=True)

NODE = Atom("drv@127.0.0.1")
PID = Pid(NODE, 100, 0, 0x65432101)
REFERENCE = Reference(NODE, 0x65432101, (1001, 0x8ABC0001, 0x1234ABCD))
FUN = Fun(Atom("m"), 1, b"u" * 16, 2, 3, 4, PID, ([1], {b"k": PID}))
SAMPLE = {
    b"k": [1, 256, -1, 1 << 31, -(1 << 63), 1 << 64, 2.5, True, None, b"x" * 300],
    (1, FrozenList([b"a", TermMap([(1, (2,))])])): (PID, REFERENCE, FUN, ()),
    Atom("s" * 255): [Atom("é"), etf.BitBinary(b"\xa0", 3), etf.Port(NODE, 1 << 40, 1)],
    ImproperList((1, 2), b"tail"): ImproperList([Atom("alias")], REFERENCE),
    1: TermMap([(1, 1), (1.0, 2), (True, 3)]),
    2: [list(range(256)), etf.Export(Atom("m"), Atom("f"), 2), list(range(300))],
}


def outcome(function: Callable[..., Any], *args: Any) -> Any:
    """What a function gives, or all that its error says."""
    try:
        return function(*args)
    except DecodeError as error:
        return DecodeError, error.problem, error.offset
    except EncodeError as error:
        return EncodeError, error.problem, error.path
