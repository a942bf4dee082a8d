"""``MapSet`` as a set of any terms."""

from __future__ import annotations

from typing import Final

from ..mapping.codec import ANYTHING
from ..mapping.converter import Converter
from ..mapping.sets import MAP_SET, set_of, term_of

_frozen: Final = set_of(frozenset, ANYTHING)
_changing: Final = set_of(set, ANYTHING)

MAPSET: Final = Converter(
    frozenset,
    encode=term_of,
    decode=_frozen.load,
    structs=(MAP_SET,),
    expected="%MapSet{}",
)
SET: Final = Converter(set, encode=term_of, decode=_changing.load, expected="%MapSet{}")
