"""Keyword lists: lists of pairs whose first half is an atom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from .._types import Atom
from .codec import LISTS, items_of
from .errors import MappingError

_EXPECTED = "a keyword list"


def keywords(
    pairs: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), /, **more: Any
) -> list[tuple[Atom, Any]]:
    """Make a keyword list: ``keywords(timeout=5)`` is ``[timeout: 5]``.

    *pairs* go first; they may repeat a key, and have keys that are no names in Python.
    """
    items = pairs.items() if isinstance(pairs, Mapping) else pairs
    return [(Atom(key), value) for key, value in (*items, *more.items())]


def keyword_dict(
    term: Any, *, repeated: Literal["first", "error"] = "first"
) -> dict[str, Any]:
    """Make a ``dict`` of a keyword list; its keys are atoms.

    A bare atom is true, as for ``proplists``. Of two pairs with one key the first
    counts, as for ``Keyword.get``; with ``repeated="error"`` they are refused.

    Raises:
        MappingError: It is no keyword list.
    """
    if repeated not in ("first", "error"):
        raise ValueError(f'repeated is "first" or "error", not {repeated!r}')
    made: dict[str, Any] = {}
    items = items_of(term) if term.__class__ in LISTS else None
    if items is None:
        raise MappingError(_EXPECTED, term)
    for index, item in enumerate(items):
        if item.__class__ is tuple and len(item) == 2 and item[0].__class__ is Atom:
            key, value = item
        elif item.__class__ is Atom:
            key, value = item, True
        else:
            raise MappingError("a pair with an atom", item, f"[{index}]")
        if key not in made:
            made[key] = value
        elif repeated == "error":
            raise MappingError("no key twice", item, f"[{index}]")
    return made
