"""Equality that keeps apart what Python's does not: types, ``1`` and ``1.0``, zeros."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from etf import Fun, ImproperList


def exactly(a: Any, b: Any) -> bool:
    """Tell if two decoded terms have the same types and values, all the way down.

    Maps may differ in the order of their pairs.
    """
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(exactly, a, b))
    if isinstance(a, Mapping):
        return len(a) == len(b) and all(
            any(exactly(key, other) and exactly(value, b[other]) for other in b)
            for key, value in a.items()
        )
    if isinstance(a, ImproperList):
        return exactly(a.items, b.items) and exactly(a.tail, b.tail)
    if isinstance(a, Fun):
        return all(exactly(getattr(a, n), getattr(b, n)) for n in a.__match_args__)
    if isinstance(a, float):
        return bool(a.hex() == b.hex())
    return bool(a == b)
