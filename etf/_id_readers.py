"""Reading pids, ports, references and exports; and the table of all leaf readers."""

from __future__ import annotations

from struct import Struct
from typing import Final

from ._errors import DecodeError
from ._leaf_readers import LEAVES, Leaf, Reader, at, atom_at, integer_at
from ._tags import (
    COMPRESSED,
    EXPORT_EXT,
    FUN_EXT,
    LOCAL_EXT,
    MAX_OLD_CREATION,
    MAX_REFERENCE_WORDS,
    NEW_PID_EXT,
    NEW_PORT_EXT,
    NEW_REFERENCE_EXT,
    NEWER_REFERENCE_EXT,
    PID_EXT,
    PORT_EXT,
    REFERENCE_EXT,
    V4_PORT_EXT,
)
from ._types import Export, Pid, Port, Reference, new_pid, new_reference

_u16 = Struct(">H").unpack_from
_u32 = Struct(">I").unpack_from
_u32_u8 = Struct(">IB").unpack_from
_u32_u32 = Struct(">II").unpack_from
_u64_u32 = Struct(">QI").unpack_from
_new_pid = Struct(">III").unpack_from
_old_pid = Struct(">IIB").unpack_from
_U32_ROWS = [
    Struct(f">{count}I").unpack_from for count in range(MAX_REFERENCE_WORDS + 1)
]


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


_PIDS: Final[dict[int, Leaf]] = {NEW_PID_EXT: _pid, PID_EXT: _old_pid_ext}

pid_at = at(_PIDS, "a pid")

_LEAVES: Final[dict[int, Leaf]] = {
    **LEAVES,
    **_PIDS,
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
