"""What a term is, as bytes: terms are ``=:=`` exactly if their identities are equal.

Needed where Python's own equality says too much (``1 == 1.0 == True``), says too
little (``"a"`` and ``b"a"`` are one binary), or recurses. It is the rare path: maps
whose keys collide in Python, and checks for repeated keys.

The walk keeps its own stack, so nesting costs no recursion, except maps inside maps: a
``TermMap`` remembers its identity, so that maps built inside out cost none either. A
map is represented by a digest of its sorted pairs, which keeps the size of an identity
linear in the size of the term.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from struct import Struct
from typing import Any, Final

from ._types import Atom, Export, Fun, LocalTerm, Pid, Port, Reference
from .mapping.shape import Shape, shape_of

Writer = Callable[[Any, bytearray, list[Any]], None]

_writers: Final[dict[type, Writer]] = {}
_bases: Final[list[tuple[type, Writer]]] = []
_double = Struct(">d")


def identity(term: object) -> bytes:
    """Give the bytes that only this term and its equals have.

    Raises:
        TypeError: There is something in it that is no term.
    """
    out = bytearray()
    stack: list[Any] = [term]
    while stack:
        item = stack.pop()
        (_writers.get(type(item)) or _by_base(item))(item, out, stack)
    return bytes(out)


def identity_of_pairs(pairs: Iterable[tuple[Any, Any]]) -> bytes:
    """Give the identity of the map with these pairs."""
    parts = sorted([identity(key) + identity(value) for key, value in pairs])
    return b"d" + _size(len(parts)) + blake2b(b"".join(parts), digest_size=32).digest()


def has_duplicate(keys: Iterable[Any]) -> bool:
    """Tell if two of these keys are the same Erlang term."""
    seen: set[bytes] = set()
    for key in keys:
        mark = identity(key)
        if mark in seen:
            return True
        seen.add(mark)
    return False


def register(kind: type, writer: Writer, *, subclasses: bool = False) -> None:
    """Say how *kind* is written: appended to *out*, or its parts put on the stack."""
    _writers[kind] = writer
    if subclasses:
        _bases.append((kind, writer))


def _by_base(item: object) -> Writer:
    for kind, writer in _bases:
        if isinstance(item, kind):
            return writer
    shape = shape_of(type(item))
    if shape is not None:
        return _stands_for(shape)
    raise TypeError(f"{type(item).__name__} is not an Erlang term")


def _stands_for(shape: Shape) -> Writer:
    def write(item: Any, out: bytearray, stack: list[Any]) -> None:
        stack.append(shape.dump(item))

    return write


def _size(count: int) -> bytes:
    return count.to_bytes(8, "big")


def _text(tag: bytes) -> Writer:
    def write(item: Any, out: bytearray, stack: list[Any]) -> None:
        data = item.encode("utf-8", "surrogatepass") if isinstance(item, str) else item
        out += tag + _size(len(data)) + data

    return write


def _memory(item: memoryview, out: bytearray, stack: list[Any]) -> None:
    _binary(item.tobytes(), out, stack)


def _constant(item: object, out: bytearray, stack: list[Any]) -> None:
    _atom("nil" if item is None else str(item).lower(), out, stack)


def _integer(item: int, out: bytearray, stack: list[Any]) -> None:
    data = item.to_bytes(item.bit_length() // 8 + 1, "big", signed=True)
    out += b"i" + _size(len(data)) + data


def _float(item: float, out: bytearray, stack: list[Any]) -> None:
    out += b"f" + _double.pack(item)


def parts_of(tag: bytes, *names: str) -> Writer:
    """Write a record with a fixed number of fields."""

    def write(item: Any, out: bytearray, stack: list[Any]) -> None:
        out += tag
        stack.extend([getattr(item, name) for name in names])

    return write


def _tuple(item: tuple[Any, ...], out: bytearray, stack: list[Any]) -> None:
    out += b"t" + _size(len(item))
    stack.extend(item)


def write_list(item: Any, out: bytearray, stack: list[Any]) -> None:
    """Write a proper list."""
    out += b"l" + _size(len(item))
    stack.extend(item)


def _mapping(item: Mapping[Any, Any], out: bytearray, stack: list[Any]) -> None:
    out += identity_of_pairs(item.items())


_atom, _binary = _text(b"a"), _text(b"b")

# bool is an int, and Atom a str: what is special comes before what is general.
register(bool, _constant)
register(type(None), _constant)
register(Atom, _atom)
register(str, _binary, subclasses=True)
register(int, _integer, subclasses=True)
register(float, _float, subclasses=True)
register(bytes, _binary, subclasses=True)
register(bytearray, _binary, subclasses=True)
register(memoryview, _memory)
register(list, write_list, subclasses=True)
register(tuple, _tuple, subclasses=True)
register(dict, _mapping)
register(Mapping, _mapping, subclasses=True)
register(Pid, parts_of(b"P", "node", "id", "serial", "creation"))
register(Reference, parts_of(b"R", "node", "creation", "words"))
register(Port, parts_of(b"O", "node", "id", "creation"))
register(Export, parts_of(b"E", "module", "function", "arity"))
register(Fun, parts_of(b"F", "module", "index", "uniq", "arity", "free"))
register(LocalTerm, parts_of(b"L", "data"))
