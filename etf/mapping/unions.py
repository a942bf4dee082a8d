"""``A | B``: who is meant is told by the term, as far as it tells it.

A struct by its name, a record by its tag and size, a map of fields by its keys, and
anything else by its type, exact types first: for ``float | int`` the term 1 is an
``int``. Where several are left they are tried in the order of the annotation, and the
first that fits wins. Inside of such trying there is trying again at most ``MAX_TRIES``
times, or a term could make it last for ever.
"""

from __future__ import annotations

import threading
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from .._errors import EncodeError
from .codec import MAPS, Codec
from .errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_TRIES: Final = 6

_STRUCT: Final = "__struct__"
_CONTAINERS: Final = frozenset({list, tuple, dict})


class _Trying(threading.local):
    depth = 0


_trying: Final = _Trying()


def union(members: Sequence[Codec]) -> Codec:
    """Make the codec of a union; ``None`` goes before all others."""
    expected = " or ".join(dict.fromkeys(member.expected for member in members))
    members = tuple(sorted(members, key=attrgetter("of_none"), reverse=True))
    marked = {mark: member for member in members for mark in member.marks}
    by_type: dict[type, tuple[Codec, ...]] = {}

    def load(term: Any) -> Any:
        kind = term.__class__
        candidates: Sequence[Codec] | None = by_type.get(kind)
        if candidates is None:
            candidates = found = _candidates(members, kind)
            if kind.__module__ in _KNOWN:
                by_type[kind] = found
        if len(candidates) > 1 and (marked or kind in MAPS):
            candidates = _narrowed(candidates, marked, term)
        try:
            if len(candidates) == 1:
                return candidates[0].load(term)
            return _first(candidates, term)
        except MappingError as error:
            if error.path:
                raise
            raise MappingError(expected, term) from None

    dumps = any(member.dump is not None for member in members)
    takes = [member.takes for member in members]
    return Codec(
        load,
        expected,
        _dumper(members) if dumps else None,
        exact=frozenset().union(*(member.exact for member in members)),
        takes=None if None in takes else frozenset().union(*filter(None, takes)),
        values=tuple(kind for member in members for kind in member.values),
        marks=frozenset(marked),
        quiet=all(member.quiet for member in members),
    )


# A program may make classes for ever; what is remembered is about those of terms.
_KNOWN: Final = frozenset({"builtins", "etf._containers", "etf._types", "etf._atoms"})


def _candidates(members: Sequence[Codec], kind: type) -> tuple[Codec, ...]:
    """Choose by the type of the term: who takes it as it is, then who takes it."""
    exact = [member for member in members if kind in member.exact]
    rest = [
        member
        for member in members
        if member not in exact and (member.takes is None or kind in member.takes)
    ]
    if not exact and not rest:
        # An instance of a subclass, say: the codecs know better.
        return tuple(members)
    return (*exact, *rest)


def _narrowed(
    candidates: Sequence[Codec], marked: Mapping[Any, Codec], term: Any
) -> Sequence[Codec]:
    """Choose by what the term begins with, or by the keys it has."""
    mark = mark_of(term)
    if mark is not None:
        meant = marked.get(mark)
        if meant is not None:
            return (meant,)
    candidates = [member for member in candidates if not member.marks] or candidates
    if term.__class__ in MAPS:
        fitting = [member for member in candidates if _has_keys(member, term)]
        return fitting or candidates
    return candidates


def mark_of(term: Any) -> tuple[Any, ...] | None:
    """Tell which struct or record a term says it is."""
    kind = term.__class__
    if kind in MAPS:
        name = term.get(_STRUCT)
        return ("struct", name) if isinstance(name, str) else None
    if kind is tuple and term and isinstance(term[0], str):
        return ("record", term[0], len(term))
    return None


def _has_keys(member: Codec, term: Any) -> bool:
    if member.keys is None:
        return True
    needed, known = member.keys
    return all(key in term for key in needed) and (
        known is None or all(key in known for key in term)
    )


def _first(candidates: Sequence[Codec], term: Any) -> Any:
    """Try one after the other."""
    failure = MappingError("")
    if _trying.depth >= MAX_TRIES:
        raise failure
    _trying.depth += 1
    try:
        for member in candidates:
            try:
                return member.load(term)
            except MappingError as error:
                failure = error
    finally:
        _trying.depth -= 1
    failure.path = ""
    raise failure


def _dumper(members: Sequence[Codec]) -> Any:
    dumping = [member for member in members if member.dump is not None]
    plain = {
        kind
        for member in members
        if member.dump is None
        for kind in member.exact - _CONTAINERS
    }

    def dump(value: Any) -> Any:
        kind = value.__class__
        if kind in plain:
            return value
        chosen = [member for member in dumping if kind in member.values]
        if not chosen and kind.__module__ not in _KNOWN:
            chosen = [m for m in dumping if isinstance(value, m.values)]
        for member in chosen[:-1]:
            assert member.dump is not None
            try:
                return member.dump(value)
            except EncodeError:
                pass
        last = chosen[-1].dump if chosen else None
        return value if last is None else last(value)

    return dump
