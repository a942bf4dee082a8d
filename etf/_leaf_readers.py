"""Reading numbers, atoms and binaries: the terms that contain no other terms.

A leaf reader gets the reader and the offset of the tag; it returns the value and
leaves the offset behind it in ``reader.pos``. Where the bytes do not reach it raises
``Truncated``, and whoever knows the offset of the term that is cut makes a
``DecodeError`` of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import isfinite
from struct import Struct
from struct import error as StructError
from typing import TYPE_CHECKING, Any, Final

from ._containers import BitBinary, Charlist, FrozenList
from ._errors import DecodeError
from ._tags import (
    ATOM_CACHE_REF,
    ATOM_EXT,
    ATOM_UTF8_EXT,
    BINARY_EXT,
    BIT_BINARY_EXT,
    FLOAT_EXT,
    INTEGER_EXT,
    LARGE_BIG_EXT,
    MAX_SMALL,
    NEW_FLOAT_EXT,
    NIL_EXT,
    SMALL_ATOM_EXT,
    SMALL_ATOM_UTF8_EXT,
    SMALL_BIG_EXT,
    SMALL_INTEGER_EXT,
    STRING_EXT,
)
from ._types import (
    Atom,
    atom_table,
    new_atom,
)

if TYPE_CHECKING:
    from ._options import DecodeOptions

Truncated = IndexError

_u16 = Struct(">H").unpack_from
_u32 = Struct(">I").unpack_from
_i32 = Struct(">i").unpack_from
_double = Struct(">d").unpack_from
_u32_u8 = Struct(">IB").unpack_from
_u8_u8 = Struct(">BB").unpack_from

# What "%.20e" and its like print. float() takes far more: nan, 1_0, spaces.
_FLOAT_TEXT = re.compile(rb"[+-]?[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?")

_BOOLEANS: Final[dict[str, Any]] = {"true": True, "false": False}


def _specials() -> dict[tuple[str, str], dict[str, Any]]:
    """What atoms become that are no ``Atom``, for each (nil, undefined) option."""
    return {
        (nil, undefined): {
            **_BOOLEANS,
            **({"nil": None} if nil == "none" else {}),
            **({"undefined": None} if undefined == "none" else {}),
        }
        for nil in ("none", "atom")
        for undefined in ("none", "atom")
    }


_SPECIALS: Final = _specials()


class Reader:
    """The input, where we are in it, and what the options say."""

    __slots__ = (
        "atoms",
        "charlists",
        "data",
        "end",
        "limits",
        "pos",
        "reviver",
        "specials",
        "text",
    )

    def __init__(
        self, data: bytes, pos: int, options: DecodeOptions, atoms: Sequence[Atom]
    ) -> None:
        self.data = data
        self.pos = pos
        self.end = len(data)
        self.atoms = atoms
        self.limits = options.limits
        self.specials = _SPECIALS[options.nil, options.undefined]
        self.text = options.strings == "str"
        self.charlists = options.charlists == "str"
        self.reviver = options.reviver

    def slice(self, begin: int, size: int) -> bytes:
        """Take *size* bytes from *begin* on."""
        self.pos = after = begin + size
        if after > self.end:
            raise Truncated
        return self.data[begin:after]

    def count(self, terms: int) -> int:
        """Refuse more terms than there are bytes for, before any is read."""
        if terms > self.end - self.pos:
            raise Truncated
        return terms

    def atom(self, raw: bytes, encoding: str, start: int) -> Atom:
        """Give the atom with this name."""
        try:
            name = str(raw, encoding)
        except UnicodeDecodeError:
            raise DecodeError("an atom that is not valid UTF-8", start) from None
        known = atom_table.get(name)
        return known if known is not None else self.new_atom(name, start)

    def new_atom(self, name: str, start: int) -> Atom:
        """Give an atom that is not in the table."""
        try:
            return new_atom(name, self.limits.max_atoms)
        except ValueError as error:
            raise DecodeError(str(error), start) from None

    def list(self, items: list[Any], *, frozen: bool) -> Any:
        """Give a proper list the type that the options ask for."""
        if self.charlists and items and all(map(_is_code_point, items)):
            return Charlist("".join(map(chr, items)))
        return FrozenList(items) if frozen else items


Leaf = Callable[[Reader, int], Any]


def _is_code_point(item: object) -> bool:
    return type(item) is int and (0 <= item < 0xD800 or 0xDFFF < item < 0x110000)


def _small_integer(reader: Reader, start: int) -> int:
    reader.pos = start + 2
    return reader.data[start + 1]


def _integer(reader: Reader, start: int) -> int:
    reader.pos = start + 5
    value: int = _i32(reader.data, start + 1)[0]
    return value


def _small_big(reader: Reader, start: int) -> int:
    size, sign = _u8_u8(reader.data, start + 1)
    return _big(reader, start, start + 3, size, sign)


def _large_big(reader: Reader, start: int) -> int:
    size, sign = _u32_u8(reader.data, start + 1)
    return _big(reader, start, start + 6, size, sign)


def _big(reader: Reader, start: int, begin: int, size: int, sign: int) -> int:
    raw = reader.slice(begin, size)
    if size > reader.limits.max_big_bytes:
        limit = reader.limits.max_big_bytes
        raise DecodeError(
            f"an integer of {size} bytes, max_big_bytes is {limit}", start
        )
    value = int.from_bytes(raw, "little")
    return -value if sign else value


def _new_float(reader: Reader, start: int) -> float:
    reader.pos = start + 9
    value: float = _double(reader.data, start + 1)[0]
    if not isfinite(value):
        raise DecodeError("a float that is not finite", start)
    return value


# 31 bytes of text, padded with NUL.
def _old_float(reader: Reader, start: int) -> float:
    text = reader.slice(start + 1, 31).partition(b"\0")[0]
    if not _FLOAT_TEXT.fullmatch(text):
        raise DecodeError(f"not the text of a float: {text!r}", start)
    value = float(text)
    if not isfinite(value):
        raise DecodeError("a float that is not finite", start)
    return value


def _named(atom: Leaf) -> Leaf:
    """Make of a reader of atoms one of values: ``true`` is ``True``."""

    def read(reader: Reader, start: int) -> Any:
        name = atom(reader, start)
        return reader.specials.get(name, name)

    return read


def _small_utf8(reader: Reader, start: int) -> Atom:
    raw = reader.slice(start + 2, reader.data[start + 1])
    return reader.atom(raw, "utf-8", start)


def _utf8(reader: Reader, start: int) -> Atom:
    raw = reader.slice(start + 3, _u16(reader.data, start + 1)[0])
    return reader.atom(raw, "utf-8", start)


def _small_latin1(reader: Reader, start: int) -> Atom:
    raw = reader.slice(start + 2, reader.data[start + 1])
    return reader.atom(raw, "latin-1", start)


def _latin1(reader: Reader, start: int) -> Atom:
    raw = reader.slice(start + 3, _u16(reader.data, start + 1)[0])
    return reader.atom(raw, "latin-1", start)


def _cached(reader: Reader, start: int) -> Atom:
    index = reader.data[start + 1]
    reader.pos = start + 2
    if index >= len(reader.atoms):
        raise DecodeError(f"no atom number {index} in the header", start)
    return reader.atoms[index]


_ATOMS: Final[dict[int, Leaf]] = {
    SMALL_ATOM_UTF8_EXT: _small_utf8,
    ATOM_UTF8_EXT: _utf8,
    ATOM_CACHE_REF: _cached,
    ATOM_EXT: _latin1,
    SMALL_ATOM_EXT: _small_latin1,
}


def _binary(reader: Reader, start: int) -> bytes | str:
    raw = reader.slice(start + 5, _u32(reader.data, start + 1)[0])
    return _text(raw) if reader.text else raw


def _text(raw: bytes) -> bytes | str:
    try:
        return str(raw, "utf-8")
    except UnicodeDecodeError:
        return raw


# length:32 | bits:8 | data. 8 bits are a whole byte; the empty one has no bits.
def _bit_binary(reader: Reader, start: int) -> Any:
    size, bits = _u32_u8(reader.data, start + 1)
    raw = reader.slice(start + 6, size)
    if bits > 8 or (not bits) != (not size):
        raise DecodeError(f"a bit string with {bits} bits in its last byte", start)
    if bits in (0, 8):
        return _text(raw) if reader.text else raw
    return BitBinary(raw, bits)


def _nil(reader: Reader, start: int) -> list[Any]:
    reader.pos = start + 1
    return []


def _string(reader: Reader, start: int) -> Any:
    raw = reader.slice(start + 3, _u16(reader.data, start + 1)[0])
    return reader.list(list(raw), frozen=False)


def at(table: dict[int, Leaf], what: str) -> Leaf:
    """Make a reader of a term inside another that must have one of these tags."""

    def read(reader: Reader, start: int) -> Any:
        try:
            tag = reader.data[start]
            leaf = table.get(tag)
            if leaf is None:
                raise DecodeError(f"expected {what}, not tag {tag}", start)
            return leaf(reader, start)
        except (Truncated, StructError):
            raise DecodeError("truncated", start) from None

    return read


_INTEGERS: Final[dict[int, Leaf]] = {
    SMALL_INTEGER_EXT: _small_integer,
    INTEGER_EXT: _integer,
    SMALL_BIG_EXT: _small_big,
}

atom_at = at(_ATOMS, "an atom")
integer_at = at(_INTEGERS, "an integer")


def small_at(reader: Reader, start: int) -> int:
    """Read an integer that is no bignum inside a BEAM."""
    value: int = integer_at(reader, start)
    if not -MAX_SMALL <= value < MAX_SMALL:
        raise DecodeError("an integer of more than 60 bits in a fun", start)
    return value


LEAVES: Final[dict[int, Leaf]] = {
    **{tag: _named(leaf) for tag, leaf in _ATOMS.items()},
    **_INTEGERS,
    LARGE_BIG_EXT: _large_big,
    NEW_FLOAT_EXT: _new_float,
    FLOAT_EXT: _old_float,
    BINARY_EXT: _binary,
    BIT_BINARY_EXT: _bit_binary,
    NIL_EXT: _nil,
    STRING_EXT: _string,
}
"""The readers of this module, by tag."""
