"""The text of a value at the prompt: as ``repr``, but with limits.

A container is cut before it is turned into text, so that a list of a million numbers
costs no more than its beginning, and so is what stands inside it.
"""

from __future__ import annotations

import reprlib
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_TEXT = 20_000
"""Characters of one value, or of one traceback."""

MAX_ITEMS = 1000
"""Items of one container."""

MAX_DEPTH = 50
"""Containers inside each other."""

_KNOWN = ("builtins", "collections", "array")


class _Bounded(reprlib.Repr):
    """The repr of a built-in container, or text, with limits and in its own order."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = MAX_DEPTH
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = MAX_ITEMS
        self.maxfrozenset = self.maxdeque = self.maxarray = MAX_ITEMS
        self.maxstring = self.maxother = MAX_TEXT
        self.maxlong = 4000
        self._left = MAX_TEXT

    def repr1(self, x: Any, level: int) -> str:
        if self._left <= 0:
            return "..."
        self._left -= 2
        if type(x).__module__ not in _KNOWN:
            # It goes by the name of the type, whosever that is.
            return self.repr_instance(x, level)
        return super().repr1(x, level)

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        if level <= 0:
            return "{...}"
        items = (
            f"{self.repr1(key, level - 1)}: {self.repr1(value, level - 1)}"
            for key, value in islice(x.items(), MAX_ITEMS)
        )
        return "{" + self._joined(items, len(x)) + "}"

    def repr_set(self, x: set[Any], level: int) -> str:
        return "{" + self._items(x, level) + "}" if x else "set()"

    def repr_frozenset(self, x: frozenset[Any], level: int) -> str:
        return "frozenset({" + self._items(x, level) + "})" if x else "frozenset()"

    def repr_bytes(self, x: bytes, level: int) -> str:
        return self._spent(_begin(x))

    def repr_bytearray(self, x: bytearray, level: int) -> str:
        return self._spent(_begin(x))

    def repr_str(self, x: str, level: int) -> str:
        return self._spent(_begin(x))

    def repr_instance(self, x: Any, level: int) -> str:
        # No rescue of a repr that fails: whoever looks at it wants to see why.
        return self._spent(cut(repr(x)))

    def _spent(self, text: str) -> str:
        self._left -= len(text)
        return text

    def _items(self, x: Iterable[Any], level: int) -> str:
        if level <= 0:
            return "..."
        items = (self.repr1(item, level - 1) for item in islice(x, MAX_ITEMS))
        return self._joined(items, len(x))  # type: ignore[arg-type]

    def _joined(self, items: Iterable[str], size: int) -> str:
        return ", ".join([*items, "..."] if size > MAX_ITEMS else items)


def show(value: Any) -> str:
    """Return the text of *value*; what its ``__repr__`` raises passes through."""
    return cut(_Bounded().repr(value))


def cut(text: str, limit: int = MAX_TEXT) -> str:
    """Return *text*, or its beginning and how much was left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}... ({len(text) - limit} more characters)\n"


def _begin(text: Any) -> str:
    if len(text) <= MAX_TEXT:
        return repr(text)
    return f"{text[:MAX_TEXT]!r}... ({len(text) - MAX_TEXT} more)"
