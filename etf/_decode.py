"""Bytes to terms, in pure Python: the readable reference of the two codecs.

Rules: any bytes at all give a term or a ``DecodeError``. Nesting costs no recursion, it
is counted; a list in the tail of a list continues it and is no deeper. Every length is
compared with the bytes that are left before anything is allocated: an element takes at
least one byte. What the BEAM refuses is refused, what it normalises is normalised.

``decode`` and ``decode_prefix`` read stand-alone terms: version byte first, and the two
forms that exist only there, compressed and local. A link uses ``decode_term``. Classes
that the options name are made of the maps and tuples that are read, inside out: see
``mapping.reviving``.

    decode_term(data, offset, options, atoms) -> (term, end)

reads one term without version byte from ``data[offset:]``, where *atoms* is what the
distribution header says: ``ATOM_CACHE_REF`` number *n* is ``atoms[n]``, an ``Atom``
(never ``True`` or ``None``). *end* is the offset behind the term. Offsets in errors
count from the start of *data*; ``bytes`` are read in place, anything else is copied.
"""

from __future__ import annotations

import zlib
from struct import Struct
from struct import error as StructError
from typing import TYPE_CHECKING, Any

from ._containers import Charlist, FrozenList, ImproperList, TermMap
from ._errors import DecodeError
from ._id_readers import TABLE, pid_at, unknown
from ._leaf_readers import Reader, Truncated, atom_at, small_at
from ._options import DecodeOptions
from ._tags import (
    COMPRESSED,
    LARGE_TUPLE_EXT,
    LIST_EXT,
    LOCAL_EXT,
    MAP_EXT,
    MAX_FREE_VARIABLES,
    MAX_TUPLE_ARITY,
    NEW_FUN_EXT,
    SMALL_TUPLE_EXT,
    VERSION,
)
from ._types import Atom, Fun, LocalTerm, Pid

if TYPE_CHECKING:
    from collections.abc import Sequence

_u32 = Struct(">I").unpack_from
_fun_head = Struct(">IB16sII").unpack_from
_DEFAULT = DecodeOptions()


def decode(
    data: bytes | bytearray | memoryview, options: DecodeOptions = _DEFAULT
) -> Any:
    """Read one stand-alone term, like ``erlang:binary_to_term/1``.

    Unlike there, nothing may follow the term. The atoms ``true``, ``false`` and ``nil``
    become ``True``, ``False`` and ``None``.

    Raises:
        DecodeError: The bytes are not one whole term, or a limit forbids it.
    """
    data = as_bytes(data)
    term, used = decode_prefix(data, options)
    if used != len(data):
        raise DecodeError(f"{len(data) - used} bytes follow the term", used)
    return term


def decode_prefix(
    data: bytes | bytearray | memoryview, options: DecodeOptions = _DEFAULT
) -> tuple[Any, int]:
    """Read a stand-alone term from the start of *data*; say how many bytes it took.

    Like ``binary_to_term(Data, [used])``. A local term takes all there is: only the
    node that wrote it knows where it ends.

    Raises:
        DecodeError: There is no whole term, or a limit forbids it.
    """
    data = as_bytes(data)
    limit = options.limits.max_size
    if len(data) > limit:
        raise DecodeError(f"{len(data)} bytes exceed max_size ({limit})", 0)
    if not data:
        raise DecodeError("truncated", 0)
    if data[0] != VERSION:
        raise DecodeError(f"starts with {data[0]}, not with version byte {VERSION}", 0)
    if data[1:2] == b"%c" % COMPRESSED:
        return _decode_compressed(data, options)
    if data[1:2] == b"%c" % LOCAL_EXT:
        return LocalTerm(data[2:]), len(data)
    return decode_term(data, 1, options)


def decode_term(
    data: bytes | bytearray | memoryview,
    offset: int = 0,
    options: DecodeOptions = _DEFAULT,
    atoms: Sequence[Atom] = (),
) -> tuple[Any, int]:
    """Read one term without version byte; give it and the offset behind it.

    Raises:
        DecodeError: There is no whole term at *offset*, or a limit forbids it.
    """
    reader = Reader(as_bytes(data), offset, options, atoms)
    return _read(reader), reader.pos


def as_bytes(data: bytes | bytearray | memoryview) -> bytes:
    """Give *data* as ``bytes``, copied only if it is something else."""
    if type(data) is bytes:
        return data
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"an encoded term is bytes, not {type(data).__name__}")
    return bytes(data)


# 131 | 80 | size:32 | zlib(tag data): size counts the bytes before compression.
def _decode_compressed(data: bytes, options: DecodeOptions) -> tuple[Any, int]:
    if len(data) < 6:
        raise DecodeError("truncated", 1)
    (size,) = _u32(data, 2)
    limit = options.limits.max_inflated
    if size > limit:
        raise DecodeError(f"inflates to {size} bytes, max_inflated is {limit}", 1)
    inner, used = _inflate(data, size)
    if inner[:1] == b"%c" % LOCAL_EXT:
        return LocalTerm(inner[1:]), used
    try:
        term, end = decode_term(inner, 0, options)
    except DecodeError as error:
        raise DecodeError(f"in the compressed term: {error.problem}", 1) from error
    if end != size:
        raise DecodeError("in the compressed term: bytes follow the term", 1)
    return term, used


def _inflate(data: bytes, size: int) -> tuple[bytes, int]:
    """Undo the compression; *size* bytes must come out, and no more are made."""
    inflater = zlib.decompressobj()
    try:
        # The second call sees the end of the stream, or one byte too many. A bound of
        # 0 would mean no bound.
        inner = inflater.decompress(data[6:], size + 1)
        if len(inner) == size and not inflater.eof:
            inner += inflater.decompress(inflater.unconsumed_tail, 1)
    except zlib.error as error:
        raise DecodeError(f"bad compressed data: {error}", 1) from error
    if len(inner) > size or (inflater.eof and len(inner) < size):
        raise DecodeError(f"does not inflate to the stated {size} bytes", 1)
    if not inflater.eof:
        raise DecodeError("truncated", 1)
    return inner, len(data) - len(inflater.unused_data)


class _Frame:
    """A container that is being read: ``left`` terms are still to come."""

    __slots__ = ("frozen", "items", "left", "start")

    def __init__(self, start: int, left: int) -> None:
        self.start = start
        self.left = left
        self.items: list[Any] = []
        self.frozen = False

    def next_is_key(self) -> bool:
        """Tell if the next term has to hash, being a key or part of one."""
        return self.frozen

    def finish(self, reader: Reader) -> Any:
        """Give the value, when all terms are there."""
        return self.items[0]


class _Tuple(_Frame):
    __slots__ = ()

    def finish(self, reader: Reader) -> Any:
        made = tuple(self.items)
        reviver = reader.reviver
        return made if reviver is None else reviver.of_tuple(made, self.frozen)


class _List(_Frame):
    """The items and the tail; the tail is the last that is left."""

    __slots__ = ()

    def finish(self, reader: Reader) -> Any:
        items = self.items
        tail = items.pop()
        if type(tail) in (list, FrozenList):
            items += tail
        elif type(tail) is Charlist:
            items += map(ord, tail)
        elif not items:
            return tail
        elif self.frozen:
            improper = ImproperList(tuple(items), tail)
            hash(improper)
            return improper
        else:
            return ImproperList(items, tail)
        return reader.list(items, frozen=self.frozen)


class _Map(_Frame):
    """Keys and values, in turns."""

    __slots__ = ()

    def next_is_key(self) -> bool:
        return self.frozen or not len(self.items) & 1

    def finish(self, reader: Reader) -> Any:
        made = self._map()
        reviver = reader.reviver
        return made if reviver is None else reviver.of_map(made, self.frozen)

    def _map(self) -> dict[Any, Any] | TermMap:
        keys, values = self.items[0::2], self.items[1::2]
        if not self.frozen:
            try:
                result = dict(zip(keys, values, strict=True))
            except (RecursionError, BytesWarning):
                # Deep keys that are equal so far, or python -bb and a binary named
                # as an atom is: TermMap compares without Python's equality.
                result = {}
            if len(result) == len(keys):
                return result
        try:
            exact = TermMap(zip(keys, values, strict=True))
        except ValueError:
            raise DecodeError("duplicate map key", self.start) from None
        if self.frozen:
            hash(exact)
        return exact


class _Fun(_Frame):
    """The captured variables; ``head`` is what precedes them."""

    __slots__ = ("head",)

    head: tuple[Atom, int, bytes, int, int, int, Pid]

    def finish(self, reader: Reader) -> Any:
        fun = Fun(*self.head, free=tuple(self.items))
        if self.frozen:
            hash(fun)
        return fun


def _small_tuple(reader: Reader, start: int) -> _Frame:
    reader.pos = start + 2
    return _Tuple(start, reader.count(reader.data[start + 1]))


def _large_tuple(reader: Reader, start: int) -> _Frame:
    (arity,) = _u32(reader.data, start + 1)
    reader.pos = start + 5
    reader.count(arity)
    if arity > MAX_TUPLE_ARITY:
        raise DecodeError(f"a tuple of {arity} elements cannot exist", start)
    return _Tuple(start, arity)


def _list(reader: Reader, start: int) -> _Frame:
    (length,) = _u32(reader.data, start + 1)
    reader.pos = start + 5
    return _List(start, reader.count(length + 1))


def _map(reader: Reader, start: int) -> _Frame:
    (pairs,) = _u32(reader.data, start + 1)
    reader.pos = start + 5
    return _Map(start, reader.count(2 * pairs))


# size:32 | arity:8 | uniq:16/binary | index:32 | free:32 | module | old index |
# old uniq | pid | free variables. The size counts itself, not the tag; like the BEAM
# we do not need it, and write the right one.
def _fun(reader: Reader, start: int) -> _Frame:
    _, arity, uniq, index, count = _fun_head(reader.data, start + 1)
    reader.pos = start + 30
    reader.count(count)
    if count > MAX_FREE_VARIABLES:
        raise DecodeError(f"a fun with {count} captured variables", start)
    module = atom_at(reader, reader.pos)
    old_index = small_at(reader, reader.pos)
    old_uniq = small_at(reader, reader.pos)
    pid = pid_at(reader, reader.pos)
    frame = _Fun(start, reader.count(count))
    frame.head = (module, arity, uniq, index, old_index, old_uniq, pid)
    return frame


_OPENERS = {
    SMALL_TUPLE_EXT: _small_tuple,
    LARGE_TUPLE_EXT: _large_tuple,
    LIST_EXT: _list,
    MAP_EXT: _map,
    NEW_FUN_EXT: _fun,
}


def _read(reader: Reader) -> Any:
    """Read a term; the containers around the one being read are on *stack*."""
    data, table = reader.data, TABLE
    stack: list[_Frame] = []
    start = reader.pos
    frame, left = _Frame(start, 1), 1
    try:
        while True:
            start = reader.pos
            tag = data[start]
            leaf = table[tag]
            if leaf is not None:
                value = leaf(reader, start)
                if type(value) is list and frame.next_is_key():
                    value = FrozenList(value)
                frame.items.append(value)
                left -= 1
            elif tag == LIST_EXT and left == 1 and type(frame) is _List:
                left = _list(reader, start).left
            else:
                child = _open(reader, start, tag, len(stack))
                child.frozen = frame.next_is_key()
                frame.left = left
                stack.append(frame)
                frame, left = child, child.left
            while not left:
                value = frame.finish(reader)
                if not stack:
                    return value
                frame = stack.pop()
                frame.items.append(value)
                left = frame.left - 1
    except (Truncated, StructError):
        raise DecodeError("truncated", start) from None


def _open(reader: Reader, start: int, tag: int, depth: int) -> _Frame:
    opener = _OPENERS.get(tag)
    if opener is None:
        raise DecodeError(unknown(tag), start)
    limit = reader.limits.max_depth
    if depth >= limit:
        raise DecodeError(f"nested deeper than max_depth ({limit})", start)
    return opener(reader, start)
