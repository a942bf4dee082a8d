"""Writing the terms that contain no arbitrary terms, each in its canonical form.

A writer appends tag and data to the buffer. ``LEAVES`` finds it by exact type. A link
has a table of its own, ``with_atoms``, if it writes atoms in another way: those of
ports, exports and funs stay as they are.
"""

from __future__ import annotations

from math import isfinite
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from ._containers import BitBinary, Charlist, FrozenList
from ._errors import EncodeError
from ._integers import WideInteger
from ._tags import (
    ATOM_UTF8_EXT,
    BINARY_EXT,
    BIT_BINARY_EXT,
    EXPORT_EXT,
    INTEGER_EXT,
    LARGE_BIG_EXT,
    MAX_INTEGER_BITS,
    MAX_OLD_PORT_ID,
    NEW_FLOAT_EXT,
    NEW_PID_EXT,
    NEW_PORT_EXT,
    NEWER_REFERENCE_EXT,
    NIL_EXT,
    SMALL_ATOM_UTF8_EXT,
    SMALL_BIG_EXT,
    SMALL_INTEGER_EXT,
    STRING_EXT,
    V4_PORT_EXT,
)
from ._types import Atom, Export, Pid, Port, Reference

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    AtomWriter: TypeAlias = Callable[[bytearray, Atom], None]
    Leaves: TypeAlias = dict[type, Callable[[bytearray, Any], None]]

U32_MAX: Final = 0xFFFF_FFFF

tag_u8 = Struct(">BB").pack
tag_u16 = Struct(">BH").pack
_tag_u32 = Struct(">BI").pack
_tag_i32 = Struct(">Bi").pack
_tag_double = Struct(">Bd").pack
_tag_u8_u8 = Struct(">BBB").pack
_tag_u32_u8 = Struct(">BIB").pack
_u32 = Struct(">I").pack
_u32_u32 = Struct(">II").pack
_u32_u32_u32 = Struct(">III").pack
_u64_u32 = Struct(">QI").pack


def sized(tag: int, size: int) -> bytes:
    """Give a tag and a size of 32 bits."""
    if size > U32_MAX:
        raise EncodeError(f"a size of {size} does not fit in 32 bits")
    return _tag_u32(tag, size)


def _constant(name: str) -> Callable[[bytearray, Any], None]:
    whole = tag_u8(SMALL_ATOM_UTF8_EXT, len(name)) + name.encode()

    def write(buffer: bytearray, item: object) -> None:
        buffer += whole

    return write


_true, _false = _constant("true"), _constant("false")


def _bool(buffer: bytearray, item: bool) -> None:
    (_true if item else _false)(buffer, item)


def write_atom(buffer: bytearray, item: str) -> None:
    """Append an atom, whatever its name."""
    raw = str.encode(item)
    if len(raw) <= 255:
        buffer += tag_u8(SMALL_ATOM_UTF8_EXT, len(raw))
    else:
        buffer += tag_u16(ATOM_UTF8_EXT, len(raw))
    buffer += raw


def write_int(buffer: bytearray, item: int) -> None:
    """Append an integer in its shortest form."""
    if 0 <= item <= 255:
        buffer += tag_u8(SMALL_INTEGER_EXT, item)
    elif -0x8000_0000 <= item <= 0x7FFF_FFFF:
        buffer += _tag_i32(INTEGER_EXT, item)
    else:
        _big(buffer, item)


def _wide(buffer: bytearray, item: WideInteger) -> None:
    if 0 <= item <= 255:
        buffer += _tag_i32(INTEGER_EXT, item)
    else:
        write_int(buffer, item)


def _big(buffer: bytearray, item: int) -> None:
    bits = item.bit_length()
    if bits > MAX_INTEGER_BITS:
        raise EncodeError(
            f"an integer of {bits} bits; at most {MAX_INTEGER_BITS} can be"
        )
    raw = abs(item).to_bytes((bits + 7) // 8, "little")
    if len(raw) <= 255:
        buffer += _tag_u8_u8(SMALL_BIG_EXT, len(raw), item < 0)
    else:
        buffer += _tag_u32_u8(LARGE_BIG_EXT, len(raw), item < 0)
    buffer += raw


def _float(buffer: bytearray, item: float) -> None:
    if not isfinite(item):
        raise EncodeError(f"a float that is not finite: {item}")
    buffer += _tag_double(NEW_FLOAT_EXT, item)


def _str(buffer: bytearray, item: str) -> None:
    try:
        raw = item.encode()
    except UnicodeEncodeError:
        raise EncodeError("a str with a lone surrogate is not UTF-8") from None
    _bytes(buffer, raw)


def _bytes(buffer: bytearray, item: bytes | bytearray) -> None:
    buffer += sized(BINARY_EXT, len(item))
    buffer += item


def _memoryview(buffer: bytearray, item: memoryview) -> None:
    try:
        raw = item.tobytes()
    except ValueError as error:
        raise EncodeError(f"a memoryview that cannot be read: {error}") from error
    _bytes(buffer, raw)


def _bit_binary(buffer: bytearray, item: BitBinary) -> None:
    buffer += sized(BIT_BINARY_EXT, len(item.data))
    buffer.append(item.bits)
    buffer += item.data


def write_pid(
    buffer: bytearray, item: Pid, write_node: AtomWriter = write_atom
) -> None:
    """Append a pid."""
    buffer.append(NEW_PID_EXT)
    write_node(buffer, item.node)
    buffer += _u32_u32_u32(item.id, item.serial, item.creation)


def _port(buffer: bytearray, item: Port) -> None:
    old = item.id <= MAX_OLD_PORT_ID
    buffer.append(NEW_PORT_EXT if old else V4_PORT_EXT)
    write_atom(buffer, item.node)
    buffer += (_u32_u32 if old else _u64_u32)(item.id, item.creation)


def write_reference(
    buffer: bytearray, item: Reference, write_node: AtomWriter = write_atom
) -> None:
    """Append a reference."""
    buffer += tag_u16(NEWER_REFERENCE_EXT, len(item.words))
    write_node(buffer, item.node)
    buffer += _u32(item.creation)
    buffer += b"".join(map(_u32, item.words))


def _export(buffer: bytearray, item: Export) -> None:
    buffer.append(EXPORT_EXT)
    write_atom(buffer, item.module)
    write_atom(buffer, item.function)
    write_int(buffer, item.arity)


def write_compact(buffer: bytearray, item: list[Any] | FrozenList | Charlist) -> bool:
    """Write a list without elements, or one of bytes; tell if it was one."""
    if not item:
        buffer.append(NIL_EXT)
        return True
    raw = _as_string(item)
    if raw is None:
        return False
    buffer += tag_u16(STRING_EXT, len(raw))
    buffer += raw
    return True


def _as_string(item: list[Any] | FrozenList | Charlist) -> bytes | None:
    if len(item) > 0xFFFF:
        return None
    try:
        if isinstance(item, Charlist):
            return item.encode("latin-1")
        # bytes() would take True, and whatever has __index__.
        if type(item[0]) is int and set(map(type, item)) == {int}:
            return bytes(item)
    except ValueError:
        pass
    return None


_COMMON: Final[Leaves] = {
    bool: _bool,
    Atom: write_atom,
    int: write_int,
    WideInteger: _wide,
    float: _float,
    str: _str,
    bytes: _bytes,
    bytearray: _bytes,
    memoryview: _memoryview,
    BitBinary: _bit_binary,
    Pid: write_pid,
    Port: _port,
    Reference: write_reference,
    Export: _export,
}

LEAVES: Final[dict[str, Leaves]] = {
    none: {**_COMMON, type(None): _constant(none)} for none in ("nil", "undefined")
}
"""How to write what has no parts, by exact type, for each way to write ``None``."""


def with_atoms(none: str, write: AtomWriter) -> Leaves:
    """Return the table of ``LEAVES`` with *write* for every atom, but for the rare."""

    def write_constant(buffer: bytearray, item: bool | None) -> None:
        write(buffer, constants[item])

    def write_node_of_pid(buffer: bytearray, item: Pid) -> None:
        write_pid(buffer, item, write)

    def write_node_of_reference(buffer: bytearray, item: Reference) -> None:
        write_reference(buffer, item, write)

    constants = {True: Atom("true"), False: Atom("false"), None: Atom(none)}
    return {
        **_COMMON,
        Atom: write,
        bool: write_constant,
        type(None): write_constant,
        Pid: write_node_of_pid,
        Reference: write_node_of_reference,
    }
