"""Reading the terms that contain no arbitrary terms: all but tuples, lists, maps, funs.

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
    COMPRESSED,
    EXPORT_EXT,
    FLOAT_EXT,
    FUN_EXT,
    INTEGER_EXT,
    LARGE_BIG_EXT,
    LOCAL_EXT,
    MAX_OLD_CREATION,
    MAX_REFERENCE_WORDS,
    NEW_FLOAT_EXT,
    NEW_PID_EXT,
    NEW_PORT_EXT,
    NEW_REFERENCE_EXT,
    NEWER_REFERENCE_EXT,
    NIL_EXT,
    PID_EXT,
    PORT_EXT,
    REFERENCE_EXT,
    SMALL_ATOM_EXT,
    SMALL_ATOM_UTF8_EXT,
    SMALL_BIG_EXT,
    SMALL_INTEGER_EXT,
    STRING_EXT,
    V4_PORT_EXT,
)
from ._types import (
    Atom,
    Export,
    Pid,
    Port,
    atom_table,
    new_atom,
    new_pid,
    new_reference,
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
_u32_u32 = Struct(">II").unpack_from
_u64_u32 = Struct(">QI").unpack_from
_new_pid = Struct(">III").unpack_from
_old_pid = Struct(">IIB").unpack_from
_U32_ROWS = [
    Struct(f">{count}I").unpack_from for count in range(MAX_REFERENCE_WORDS + 1)
]

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
            return atom_table.get(name) or self.new_atom(name, start)
        except UnicodeDecodeError:
            raise DecodeError("an atom that is not valid UTF-8", start) from None

    def new_atom(self, name: str, start: int) -> Atom:
        """Give an atom that was not known, or is empty."""
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


def _pid(reader: Reader, start: int) -> Pid:
    node = atom_at(reader, start + 1)
    number, serial, creation = _new_pid(reader.data, reader.pos)
    reader.pos += 12
    return new_pid(node, number, serial, creation)


def _old_pid_ext(reader: Reader, start: int) -> Pid:
    node = atom_at(reader, start + 1)
    number, serial, creation = _old_pid(reader.data, reader.pos)
    reader.pos += 9
    return new_pid(node, number, serial, _old_creation(creation, start))


def _new_port(reader: Reader, start: int) -> Port:
    node = atom_at(reader, start + 1)
    number, creation = _u32_u32(reader.data, reader.pos)
    reader.pos += 8
    return Port(node, number, creation)


def _v4_port(reader: Reader, start: int) -> Port:
    node = atom_at(reader, start + 1)
    number, creation = _u64_u32(reader.data, reader.pos)
    reader.pos += 12
    return Port(node, number, creation)


def _old_port(reader: Reader, start: int) -> Port:
    node = atom_at(reader, start + 1)
    number, creation = _u32_u8(reader.data, reader.pos)
    reader.pos += 5
    return Port(node, number, _old_creation(creation, start))


# words:16 | node | creation | words. The number of words comes before the node.
def _newer_reference(reader: Reader, start: int) -> Reference:
    count = _word_count(reader, start)
    node = atom_at(reader, start + 3)
    (creation,) = _u32(reader.data, reader.pos)
    return new_reference(node, creation, _words(reader, reader.pos + 4, count))


def _new_reference(reader: Reader, start: int) -> Reference:
    count = _word_count(reader, start)
    node = atom_at(reader, start + 3)
    creation = _old_creation(reader.data[reader.pos], start)
    return new_reference(node, creation, _words(reader, reader.pos + 1, count))


def _old_reference(reader: Reader, start: int) -> Reference:
    node = atom_at(reader, start + 1)
    word, creation = _u32_u8(reader.data, reader.pos)
    reader.pos += 5
    return new_reference(node, _old_creation(creation, start), (word,))


def _word_count(reader: Reader, start: int) -> int:
    count: int = _u16(reader.data, start + 1)[0]
    if count > MAX_REFERENCE_WORDS:
        raise DecodeError(f"a reference of {count} words", start)
    return count


def _words(reader: Reader, begin: int, count: int) -> tuple[int, ...]:
    words = _U32_ROWS[count](reader.data, begin)
    reader.pos = begin + 4 * count
    return words


def _old_creation(creation: int, start: int) -> int:
    if creation > MAX_OLD_CREATION:
        raise DecodeError(f"creation {creation} in an old form, which has 0..3", start)
    return creation


def _export(reader: Reader, start: int) -> Export:
    module = atom_at(reader, start + 1)
    function = atom_at(reader, reader.pos)
    at = reader.pos
    arity = integer_at(reader, at)
    if not 0 <= arity <= 255:
        raise DecodeError(f"the arity of a function is 0..255, not {arity}", at)
    return Export(module, function, arity)


def _at(table: dict[int, Leaf], what: str) -> Leaf:
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
_PIDS: Final[dict[int, Leaf]] = {NEW_PID_EXT: _pid, PID_EXT: _old_pid_ext}

atom_at = _at(_ATOMS, "an atom")
integer_at = _at(_INTEGERS, "an integer")
pid_at = _at(_PIDS, "a pid")


def word_at(reader: Reader, start: int) -> int:
    """Read an integer that fits in 64 bits with a sign."""
    value: int = integer_at(reader, start)
    if not -(1 << 63) <= value < 1 << 63:
        raise DecodeError("an integer of more than 64 bits in a fun", start)
    return value


_LEAVES: Final[dict[int, Leaf]] = {
    **{tag: _named(leaf) for tag, leaf in _ATOMS.items()},
    **_INTEGERS,
    **_PIDS,
    LARGE_BIG_EXT: _large_big,
    NEW_FLOAT_EXT: _new_float,
    FLOAT_EXT: _old_float,
    BINARY_EXT: _binary,
    BIT_BINARY_EXT: _bit_binary,
    NIL_EXT: _nil,
    STRING_EXT: _string,
    NEW_PORT_EXT: _new_port,
    V4_PORT_EXT: _v4_port,
    PORT_EXT: _old_port,
    NEWER_REFERENCE_EXT: _newer_reference,
    NEW_REFERENCE_EXT: _new_reference,
    REFERENCE_EXT: _old_reference,
    EXPORT_EXT: _export,
}

TABLE: Final[list[Leaf | None]] = [_LEAVES.get(tag) for tag in range(256)]
"""The reader of each tag; ``None`` for containers and for what is no term."""

_REFUSED: Final = {
    FUN_EXT: "FUN_EXT (117) was removed from the format",
    COMPRESSED: "a compressed term (80) inside another or on a link",
    LOCAL_EXT: "a local term (121) inside another or on a link",
}


def unknown(tag: int) -> str:
    """Say why a tag is none."""
    return _REFUSED.get(tag, f"unknown tag {tag}")
