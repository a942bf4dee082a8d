"""Copies in Python's way, of what can be changed."""

from __future__ import annotations

import copy
import types
from typing import Any

from etf import Atom, BitBinary, Export, Pid, Port, Reference

from .code import is_code

_IMMUTABLE = frozenset(
    (
        *(bool, bytes, complex, float, int, range, str, types.NoneType),
        *(Atom, BitBinary, Export, Pid, Port, Reference),
    )
)


def deep(message: Any) -> Any:
    """Return *message*, or a copy of it if any part of it can be changed.

    Raises:
        TypeError: There is something in it that ``copy.deepcopy`` cannot copy.
    """
    return message if message.__class__ in _IMMUTABLE else _copied(message, {})


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    kind = value.__class__
    if kind in _IMMUTABLE or is_code(value):
        return value
    if id(value) in memo:
        return memo[id(value)]
    if kind is list:
        memo[id(value)] = items = []
        items.extend([_copied(item, memo) for item in value])
        return items
    if kind is dict:
        memo[id(value)] = table = {}
        for key, item in value.items():
            table[_copied(key, memo)] = _copied(item, memo)
        return table
    if isinstance(value, tuple):
        return _copied_tuple(value, memo)
    return copy.deepcopy(value, memo)


def _copied_tuple(value: tuple[Any, ...], memo: dict[int, Any]) -> Any:
    parts = [_copied(part, memo) for part in value]
    if all(new is old for new, old in zip(parts, value, strict=True)):
        return value
    # Not by calling the class: a Down and a named tuple take other arguments.
    new = tuple.__new__(value.__class__, parts)
    if hasattr(value, "__dict__"):
        new.__dict__.update(_copied(value.__dict__, memo))
    return memo.setdefault(id(value), new)
