"""Taking Elixir's own structs apart, and making them."""

from __future__ import annotations

from typing import Any

from .._types import Atom
from ..mapping.codec import MAPS
from ..mapping.errors import MappingError
from ..mapping.layouts import STRUCT


def take(term: Any, name: str, *keys: str) -> list[Any]:
    """Give the fields of a struct of this name, as they are.

    Raises:
        MappingError: It is another term, or one of *keys* is missing.
    """
    if term.__class__ in MAPS and term.get(STRUCT) == name:
        try:
            return [term[Atom(key)] for key in keys]
        except KeyError:
            pass
    raise MappingError(f"%{name.removeprefix('Elixir.')}{{}}", term)


def integers(term: Any, name: str, *keys: str) -> list[int]:
    """Give fields that have to be integers."""
    values = take(term, name, *keys)
    for key, value in zip(keys, values, strict=True):
        if value.__class__ is not int:
            raise MappingError("an integer", value, key)
    return values


def name_of(term: Any) -> Any:
    """Give the name of a struct, or None."""
    return term.get(STRUCT) if term.__class__ in MAPS else None


def make(name: str, /, **fields: Any) -> dict[Atom, Any]:
    """Make a struct."""
    made: dict[Atom, Any] = {Atom(key): value for key, value in fields.items()}
    made[STRUCT] = Atom(name)
    return made
