"""Finding two keys of a map that are one term, although Python keeps them apart.

``"a"`` and ``b"a"`` are one binary, ``True`` and ``Atom("true")`` one atom. A BEAM
drops the connection over such a map, so it is not sent. Maps whose keys are of plain
types, which is nearly all of them, are not looked at a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ._containers import Charlist
from ._decode import decode_term
from ._errors import EncodeError
from ._identity import has_duplicate
from ._options import MAX_DEPTH, DecodeOptions, Limits
from ._tags import INTEGER_EXT, MAP_EXT, NEW_FUN_EXT
from ._types import Atom, Export, Pid, Port, Reference

if TYPE_CHECKING:
    from collections.abc import Sequence

# Keys of these types, or all str, all bytes or all Charlist, are different in Erlang if
# they are in Python.
_DISTINCT: Final = frozenset({Atom, int, float, Pid, Port, Reference, Export})
_ALL_ALIKE: Final[tuple[set[type], ...]] = (
    set(),
    {str},
    {bytes},
    {Charlist},
)


def may_repeat(keys: list[Any]) -> bool:
    """Tell if keys that Python keeps apart can be one term, as ``"a"`` and ``b"a"``."""
    return set(map(type, keys)) - _DISTINCT not in _ALL_ALIKE


def refuse_duplicates(
    buffer: bytearray, marks: list[int], atoms: Sequence[Atom] = ()
) -> None:
    """Refuse a map that was written with a key twice.

    *marks* are the offsets at which its keys and values start, in turns; *atoms* are
    those of the header of a link. One term has one form, except for the order of maps,
    the creator of funs, and integers that are wider than they need be.

    Raises:
        EncodeError: Two keys are the same term.
    """
    keys = [
        bytes(buffer[begin:end])
        for begin, end in zip(marks[0::2], marks[1::2], strict=True)
    ]
    loose = [key for key in keys if MAP_EXT in key or NEW_FUN_EXT in key]
    if any(_WIDE in key for key in keys):
        loose = keys
    if len(set(keys)) != len(keys) or (
        len(loose) > 1
        and has_duplicate(decode_term(key, 0, _DEEPEST, atoms)[0] for key in loose)
    ):
        raise EncodeError("two keys of the map are the same term")


_WIDE: Final = bytes((INTEGER_EXT, 0, 0, 0))
_DEEPEST: Final = DecodeOptions(limits=Limits(max_depth=MAX_DEPTH))
