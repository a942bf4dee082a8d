"""Sets: Elixir's ``MapSet``, a struct around a map whose keys are the members.

It is sent without the key ``version``, which Elixir 1.15 dropped. Elixir 1.14 works
with it all the same, but there ``==`` finds it different from its own sets, and
``MapSet.equal?`` does not.
"""

from __future__ import annotations

from typing import Any, Final

from .._types import Atom
from .codec import MAPS, Codec, as_key
from .containers import dump_all, load_all
from .errors import MappingError
from .layouts import STRUCT

MAP_SET: Final = Atom("Elixir.MapSet")
_MEMBERS: Final = Atom("map")
_SETS: Final = frozenset({set, frozenset})
_EXPECTED: Final = "%MapSet{}"


def set_of(kind: Any, item: Codec) -> Codec:
    """Make the codec of ``set[item]`` or ``frozenset[item]``."""
    dump_item = item.dump

    def load(term: Any) -> Any:
        members = members_of(term)
        loaded = load_all(members, item, ".members()[{}]".format)
        try:
            made = kind(loaded)
        except TypeError as error:
            raise MappingError("%MapSet{} of what can be in a set", term) from error
        if len(made) != len(loaded):
            raise MappingError("%MapSet{} that Python keeps apart", term)
        return made

    def dump(value: Any) -> Any:
        if value.__class__ not in _SETS:
            return value
        if dump_item is None:
            return term_of(value)
        return term_of(map(as_key, dump_all(value, dump_item)))

    return Codec(
        load,
        _EXPECTED,
        dump,
        exact=frozenset({kind}),
        takes=MAPS | _SETS,
        values=(set, frozenset),
        marks=frozenset({("struct", MAP_SET)}),
        quiet=item.quiet,
    )


def members_of(term: Any) -> Any:
    """Give what is in a ``MapSet``.

    Raises:
        MappingError: It is none.
    """
    if term.__class__ in _SETS:
        return term
    if term.__class__ in MAPS and term.get(STRUCT) == MAP_SET:
        members = term.get(_MEMBERS)
        if members.__class__ in MAPS:
            return members
    raise MappingError(_EXPECTED, term)


def term_of(members: Any) -> dict[Any, Any]:
    """Give the ``MapSet`` of these members."""
    empty: list[Any] = []
    return {STRUCT: MAP_SET, _MEMBERS: dict.fromkeys(members, empty)}
