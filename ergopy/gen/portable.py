"""Terms for what is none: what a program keeps, to be looked at from a BEAM."""

from __future__ import annotations

from typing import Any, final

import etf

MAX_DEPTH = 12
"""Containers inside each other that are taken apart."""

MAX_PARTS = 2000
"""Containers that are looked into for one value: it may be a graph, with cycles."""

_SHALLOW = etf.EncodeOptions(max_depth=64)
"""To find out soon that a part is in itself."""


def portable(value: Any) -> Any:
    """Return *value* if it is a term; else put its text where it is none.

    To look at, that is better than nothing. What is inside of itself, or further down
    than ``MAX_DEPTH``, is text too.
    """
    try:
        etf.encode(value)
    except etf.EncodeError:
        return _Apart().taken(value, MAX_DEPTH)
    return value


def text(value: object) -> str:
    """Return the beginning of what *value* looks like."""
    try:
        return repr(value)[:1000]
    except Exception:
        return f"<{type(value).__qualname__}>"


@final
class _Apart:
    """One value that is taken apart, and how far that may go."""

    __slots__ = ("_left", "_within")

    def __init__(self) -> None:
        self._left = MAX_PARTS
        self._within: set[int] = set()

    def taken(self, value: Any, depth: int) -> Any:
        """Return *value*, which is no term, with terms for its parts."""
        if not isinstance(value, dict | list | tuple):
            return text(value)
        self._left -= 1
        if not depth or id(value) in self._within:
            return "..."
        self._within.add(id(value))
        parts = self._parts(value, depth - 1)
        self._within.discard(id(value))
        return parts

    def _parts(self, value: Any, depth: int) -> Any:
        if isinstance(value, dict):
            return self._map(value, depth)
        items = [self._part(item, depth) for item in value]
        return items if isinstance(value, list) else tuple(items)

    def _map(self, value: dict[Any, Any], depth: int) -> Any:
        """Return a map; the text of all of it if two keys would be the same term."""
        made = {
            self._part(key, depth): self._part(item, depth)
            for key, item in value.items()
        }
        try:
            etf.encode(made)
        except etf.EncodeError:
            return text(value)
        return made

    def _part(self, value: Any, depth: int) -> Any:
        if self._left <= 0 and isinstance(value, dict | list | tuple):
            # Not even whether it is a term is worth finding out.
            return "..."
        try:
            etf.encode(value, _SHALLOW)
        except etf.EncodeError:
            return self.taken(value, depth)
        return value
