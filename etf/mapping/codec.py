"""One annotation, compiled: how a term becomes its value, and the value a term.

``load`` takes a term, or the Python value that it would become: a message between two
processes of one node is never a term. It gives the value or raises ``MappingError``,
and nothing else, whatever the term.

``dump`` goes the other way, and is None where the encoder knows what to do with the
value. It raises ``EncodeError``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from .._containers import Charlist, FrozenList, TermMap
from .errors import MappingError

Load: TypeAlias = Callable[[Any], Any]
Dump: TypeAlias = Callable[[Any], Any]

MAPS: Final[frozenset[Any]] = frozenset({dict, TermMap})
LISTS: Final[frozenset[Any]] = frozenset({list, FrozenList, Charlist})
NOTHING_SPECIAL: Final[frozenset[Any]] = frozenset()


class Codec:
    """See the module. The rest is for unions, to find out who is meant.

    Attributes:
        expected: What ``load`` takes, in words.
        exact: The types of terms that it takes as they are.
        takes: Those that it may take besides; None for any.
        values: The types of values that ``dump`` takes; empty if it is None.
        marks: What only this one's terms begin with: ``("struct", name)``, or
            ``("record", tag, arity)``.
        keys: For a map of fields the keys it must have, and those that it may have.
        plain: A type of which every value is taken as it is, without a look.
        of_none: Whether it is that of ``None``, which a union asks first.
        quiet: Whether ``dump`` runs no code but the library's.
    """

    exact: frozenset[type] = NOTHING_SPECIAL
    takes: frozenset[type] | None = NOTHING_SPECIAL
    values: tuple[type, ...] = ()
    marks: frozenset[tuple[Any, ...]] = NOTHING_SPECIAL
    keys: tuple[frozenset[str], frozenset[str] | None] | None = None
    plain: type | None = None
    of_none: bool = False
    quiet: bool = True

    def __init__(
        self, load: Load, expected: str, dump: Dump | None = None, **hints: Any
    ) -> None:
        self.load = load
        self.dump = dump
        self.expected = expected
        for name, value in hints.items():
            setattr(self, name, value)


def exactly(kind: type, expected: str) -> Codec:
    """Make the codec of a type that is its own term."""

    def load(term: Any) -> Any:
        if term.__class__ is kind:
            return term
        raise MappingError(expected, term)

    return Codec(load, expected, exact=frozenset({kind}), plain=kind)


def items_of(term: Any) -> Any:
    """Give the items of a proper list, whatever stands for it, or None."""
    kind = term.__class__
    if kind is list or kind is FrozenList:
        return term
    return list(map(ord, term)) if kind is Charlist else None


def is_map(term: Any) -> bool:
    """Tell if *term* is a map."""
    kind = term.__class__
    return kind is dict or kind is TermMap or isinstance(term, Mapping)


def as_key(term: Any) -> Any:
    """Give a term in the form that hashes: what it is as a key of a map."""
    kind = term.__class__
    if kind is dict:
        return TermMap([(as_key(key), as_key(part)) for key, part in term.items()])
    if kind is list:
        return FrozenList(map(as_key, term))
    return tuple(map(as_key, term)) if kind is tuple else term


def _as_is(term: Any) -> Any:
    return term


ANYTHING: Final = Codec(_as_is, "a term", takes=None)
