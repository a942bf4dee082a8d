"""Containers for what Python's own cannot hold: parts of bytes, improper lists, and
lists and maps as keys.

A key of a map must hash, so in key position a list is a ``FrozenList`` and a map is a
``TermMap``. ``TermMap`` also stands in for a ``dict`` wherever Python would take two
keys for one: ``1``, ``1.0`` and ``True`` are three keys in Erlang.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, final

from ._identity import (
    identity,
    identity_of_pairs,
    parts_of,
    register,
    write_list,
)
from ._types import Value

_set = object.__setattr__


@final
class FrozenList(tuple[Any, ...]):
    """A list that can be a key; encodes as a list.

    For Python it equals the tuple of the same items. As keys of one map the two still
    stay apart.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"FrozenList({tuple(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenList, (tuple(self),)


@final
class Charlist(str):
    """Text that encodes as a list of code points: Erlang's ``"abc"``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Charlist({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Charlist, (str(self),)


@final
class BitBinary(Value):
    """A bit string that is no whole number of bytes: ``<<5:3>>``.

    ``bits`` (1..7) counts the bits used in the last byte of ``data``, from the top; the
    others are set to zero.

    Raises:
        ValueError: No data, or ``bits`` is not 1..7.
    """

    __slots__ = ("bits", "data")
    __match_args__ = ("data", "bits")

    data: bytes
    bits: int

    def __init__(self, data: bytes | bytearray | memoryview, bits: int) -> None:
        if type(bits) is not int or not 1 <= bits <= 7:
            raise ValueError(f"bits must be 1..7, not {bits!r}; whole bytes are bytes")
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data must be bytes, not {type(data).__name__}")
        data = bytes(data)
        if not data:
            raise ValueError("a bit string has at least one byte of data")
        unused = data[-1] & (0xFF >> bits)
        if unused:
            data = data[:-1] + bytes([data[-1] - unused])
        _set(self, "data", data)
        _set(self, "bits", bits)

    def __len__(self) -> int:
        """Count the bits."""
        return 8 * len(self.data) - 8 + self.bits

    def __eq__(self, other: object) -> bool:
        if type(other) is not BitBinary:
            return NotImplemented
        return self.bits == other.bits and self.data == other.data

    def __hash__(self) -> int:
        return hash((BitBinary, self.bits, self.data))

    def __repr__(self) -> str:
        return f"BitBinary({self.data!r}, {self.bits})"

    __str__ = __repr__


@final
class ImproperList(Value):
    """A list whose tail is no list: ``[alias | Ref]``.

    ``items`` is a ``list``, and a ``tuple`` where the value is part of a key; only then
    does it hash.

    Raises:
        ValueError: No items, or the tail is a list: then write a longer list.
    """

    __slots__ = ("_hash", "items", "tail")
    __match_args__ = ("items", "tail")

    items: list[Any] | tuple[Any, ...]
    tail: Any
    _hash: int | None

    def __init__(self, items: list[Any] | tuple[Any, ...], tail: Any) -> None:
        if not isinstance(items, (list, tuple)):
            raise TypeError(f"items must be a list, not {type(items).__name__}")
        if not items:
            raise ValueError("an improper list has at least one item")
        if isinstance(tail, (list, FrozenList, ImproperList, Charlist)):
            raise ValueError("the tail of an improper list is no list")
        _set(self, "items", tuple(items) if isinstance(items, tuple) else list(items))
        _set(self, "tail", tail)
        _set(self, "_hash", None)

    def __eq__(self, other: object) -> bool:
        if type(other) is not ImproperList:
            return NotImplemented
        return tuple(self.items) == tuple(other.items) and bool(self.tail == other.tail)

    def __hash__(self) -> int:
        # Kept, so that nested ones hash without recursion when built inside out.
        if self._hash is None:
            _set(self, "_hash", hash((ImproperList, self.items, self.tail)))
        return hash(self._hash)

    def __repr__(self) -> str:
        return f"ImproperList({self.items!r}, {self.tail!r})"

    __str__ = __repr__


@final
class TermMap(Mapping[Any, Any]):
    """An immutable map with Erlang's keys: ``1``, ``1.0`` and ``True`` are three.

    Reads like a ``dict``, keeps the order of its pairs, hashes if its values do, and
    encodes as a map. Keys are found by what they are on the wire: ``b"a"`` and ``"a"``
    are one key, ``"a"`` and ``Atom("a")`` are two. Two of them, or one and a ``dict``,
    are equal if they are the same Erlang term.

    Raises:
        ValueError: Two pairs have the same key.
        TypeError: A key is not a term.
    """

    __slots__ = ("_hash", "_identity", "_index", "_pairs")

    _pairs: tuple[tuple[Any, Any], ...]
    _index: dict[bytes, Any]
    _identity: bytes | None
    _hash: int | None

    def __init__(
        self, pairs: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = ()
    ) -> None:
        items = pairs.items() if isinstance(pairs, Mapping) else pairs
        kept = tuple([(key, value) for key, value in items])
        index = {identity(key): value for key, value in kept}
        if len(index) != len(kept):
            raise ValueError("two pairs have the same key")
        _set(self, "_pairs", kept)
        _set(self, "_index", index)
        _set(self, "_identity", None)
        _set(self, "_hash", None)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("TermMap is immutable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("TermMap is immutable")

    def __getitem__(self, key: Any) -> Any:
        try:
            return self._index[identity(key)]
        except (KeyError, TypeError):
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[Any]:
        return (key for key, _ in self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Mapping):
            return NotImplemented
        if len(self) != len(other):
            return False
        try:
            return identity(self) == identity(other)
        except TypeError:
            return False

    def __hash__(self) -> int:
        # Kept, as is the identity, so that nested maps hash without recursion when
        # built inside out.
        if self._hash is None:
            for _, value in self._pairs:
                hash(value)
            known = identity(self)
            _set(self, "_identity", known)
            _set(self, "_hash", hash(known))
        return hash(self._hash)

    def __repr__(self) -> str:
        return f"TermMap({list(self._pairs)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return TermMap, (list(self._pairs),)


def _write_termmap(item: TermMap, out: bytearray, stack: list[Any]) -> None:
    # Known once it was hashed, which proves that no value can change any more.
    out += item._identity or identity_of_pairs(item._pairs)


def _write_improper(item: ImproperList, out: bytearray, stack: list[Any]) -> None:
    out += b"m" + len(item.items).to_bytes(8, "big")
    stack.extend((*item.items, item.tail))


def _write_charlist(item: Charlist, out: bytearray, stack: list[Any]) -> None:
    write_list(list(map(ord, item)), out, stack)


register(FrozenList, write_list)
register(Charlist, _write_charlist)
register(BitBinary, parts_of(b"c", "data", "bits"))
register(ImproperList, _write_improper)
register(TermMap, _write_termmap)
