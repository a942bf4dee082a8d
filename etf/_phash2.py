"""``erlang:phash2``: the hash that every BEAM gives a term, bit for bit.

It decides who serves a key where several could: partitions, shards, rings. All parts
of a cluster have to agree on it, so that no release ever changed it.

As on a BEAM a process, port or reference is hashed by its number alone, without its
node; ``1`` and ``1.0`` hash apart, ``0.0`` and ``-0.0`` alike. A fun is hashed by its
module, index, old uniq and captured variables.

The walk keeps its own stack, so nesting costs no recursion. Each kind of term has a
function that mixes it into the hash of all that came before, and puts parts that are
terms on the stack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any, Final, TypeAlias

import etf

from ._containers import BitBinary, FrozenList, ImproperList, TermMap
from ._errors import EncodeError
from ._types import Atom, Export, Fun, LocalTerm, Pid, Port, Reference

Stack: TypeAlias = list[Any]
Hasher: TypeAlias = Callable[[Any, int, Stack], int]

DEFAULT_RANGE: Final = 1 << 27
MAX_RANGE: Final = 1 << 32

_MASK: Final = 0xFFFF_FFFF
_GOLDEN: Final = 0x9E37_79B9
_BLOCK: Final = 12
_SMALL: Final = 1 << 27
"""Integers of less than 28 bits have a formula of their own."""

_PLAIN: Final = frozenset({int, bytes, Atom})

_EMPTY_LIST_ALONE: Final = 3468870702
_EMPTY_LIST: Final = 2

_words = Struct("<III")
_double = Struct(">d")
_double_words = Struct(">II")
_two_words = Struct("<II")


def _salt(number: int) -> int:
    return number * _GOLDEN & _MASK


_INTEGER: Final = _salt(1)
_NIL: Final = _salt(2)
_ATOM: Final = _salt(3)
_STRING: Final = _salt(4)
_PID: Final = _salt(5)
_PORT: Final = _salt(6)
_REFERENCE: Final = _salt(7)
_TUPLE: Final = _salt(9)
_NEGATIVE: Final = _salt(10)
_POSITIVE: Final = _salt(11)
_FLOAT: Final = _salt(12)
_BINARY: Final = _salt(13)
_EXPORT: Final = _salt(14)
_BITS: Final = _salt(15)
_MAP: Final = _salt(16)
_PAIRS: Final = _salt(19)
_FUN: Final = _salt(1)


def phash2(term: object, range: int = DEFAULT_RANGE) -> int:
    """Hash *term* into ``0..range-1``; ``erlang:phash2/1,2``.

    It is no protection against somebody who chooses terms to collide.

    Args:
        term: Anything that :func:`etf.encode` takes, hashed as the term that it is on
            the wire: a ``str`` as a binary, ``None`` as the atom ``nil``.
        range: From 1 to 2**32.

    Raises:
        ValueError: There is no such range.
        EncodeError: It is no Erlang term.
    """
    if type(range) is not int or not 1 <= range <= MAX_RANGE:
        raise ValueError(f"a range is from 1 to 2**32, not {range!r}")
    if type(term) not in _PLAIN:
        # What is no term is found here, and the walk meets each type in one form.
        term = etf.decode(etf.encode(term))
    return _hash(term) % range


def _hash(term: object) -> int:
    stack: Stack = [term]
    value = 0
    while stack:
        item = stack.pop()
        value = _hashers[type(item)](item, value, stack)
    return value


def _mix(a: int, b: int, c: int) -> int:
    """Mix three words of 32 bits; return the last of them."""
    return _mix_all(a, b, c)[2]


def _mix_all(a: int, b: int, c: int) -> tuple[int, int, int]:
    a = ((a - b - c) & _MASK) ^ (c >> 13)
    b = ((b - c - a) & _MASK) ^ ((a << 8) & _MASK)
    c = ((c - a - b) & _MASK) ^ (b >> 13)
    a = ((a - b - c) & _MASK) ^ (c >> 12)
    b = ((b - c - a) & _MASK) ^ ((a << 16) & _MASK)
    c = ((c - a - b) & _MASK) ^ (b >> 5)
    a = ((a - b - c) & _MASK) ^ (c >> 3)
    b = ((b - c - a) & _MASK) ^ ((a << 10) & _MASK)
    c = ((c - a - b) & _MASK) ^ (b >> 15)
    return a, b, c


def _add(salt: int, value: int, first: int, second: int = 0) -> int:
    """Mix two words into *value*; they are cut to 32 bits."""
    return _mix((salt + first) & _MASK, (salt + second) & _MASK, value)


def _block(data: bytes, value: int) -> int:
    """Mix a run of bytes into *value*."""
    a = b = _GOLDEN
    c = value
    rest = len(data) // _BLOCK * _BLOCK
    for one, two, three in _words.iter_unpack(data[:rest]):
        a, b, c = _mix_all(a + one, b + two, (c + three) & _MASK)
    # The lowest byte of the last word has the length instead.
    tail = data[rest:]
    tail = (tail[:8].ljust(8, b"\0") + b"\0" + tail[8:]).ljust(_BLOCK, b"\0")
    one, two, three = _words.unpack(tail)
    return _mix((a + one) & _MASK, (b + two) & _MASK, (c + three + len(data)) & _MASK)


def _name(text: str) -> int:
    """Hash a name as the table of atoms does: Latin-1 where that is possible."""
    value = 0
    for character in str(text):
        latin = character <= "\xff"
        for byte in character.encode("latin-1" if latin else "utf-8"):
            value = (value << 4) + byte
            high = value & 0xF000_0000
            value ^= high | high >> 24
    return value


def _atom(item: str, value: int, stack: Stack) -> int:
    name = _name(item)
    return _add(_ATOM, value, name) if value else name


def _constant(item: object, value: int, stack: Stack) -> int:
    return _atom("nil" if item is None else str(item).lower(), value, stack)


def _integer(item: int, value: int, stack: Stack) -> int:
    if -_SMALL <= item < _SMALL:
        if item < 0:
            value = _add(_INTEGER, value, -item)
        return _add(_INTEGER, value, item)
    salt = _NEGATIVE if item < 0 else _POSITIVE
    rest = abs(item)
    data = rest.to_bytes((rest.bit_length() + 63) // 64 * 8, "little")
    for low, high in _two_words.iter_unpack(data):
        value = _add(salt, value, low, high)
    return value


def _float(item: float, value: int, stack: Stack) -> int:
    # Adding zero makes 0.0 of -0.0.
    high, low = _double_words.unpack(_double.pack(item + 0.0))
    return _add(_FLOAT, value, high, low)


def _binary(item: bytes, value: int, stack: Stack) -> int:
    salted = (_BINARY + value) & _MASK
    return _block(item, salted) if item else salted


def _bits(item: BitBinary, value: int, stack: Stack) -> int:
    value = _block(item.data[:-1], (_BINARY + value) & _MASK)
    return _add(_BITS, value, item.bits, item.data[-1] >> (8 - item.bits))


def _tuple(item: tuple[Any, ...], value: int, stack: Stack) -> int:
    stack.extend(reversed(item))
    return _add(_TUPLE, value, len(item))


class _Rest:
    """What is still to come of a list."""

    __slots__ = ("index", "items", "tail")

    def __init__(self, items: Any, tail: Any) -> None:
        self.items = items
        self.tail = tail
        self.index = 0


_PROPER: Final[list[Any]] = []


def _list(item: Any, value: int, stack: Stack) -> int:
    stack.append(_Rest(item, _PROPER))
    return value


def _improper(item: ImproperList, value: int, stack: Stack) -> int:
    stack.append(_Rest(item.items, item.tail))
    return value


def _rest(item: _Rest, value: int, stack: Stack) -> int:
    """Hash a run of bytes, four a time; leave the next other item to the walk."""
    items, index, size = item.items, item.index, len(item.items)
    word = count = 0
    while index < size and _is_byte(items[index]):
        word = word << 8 | items[index]
        index, count = index + 1, count + 1
        if count == 4:
            value = _add(_STRING, value, word)
            word = count = 0
    if count:
        value = _add(_STRING, value, word)
    if index < size:
        item.index = index + 1
        stack += (item, items[index])
    elif item.tail is not _PROPER:
        stack.append(item.tail)
    else:
        value = _add(_NIL, value, _EMPTY_LIST) if value else _EMPTY_LIST_ALONE
    return value


def _is_byte(item: object) -> bool:
    return type(item) is int and 0 <= item <= 255


class _Pairs:
    """Under the pairs of a map: takes the hash of them all, in whatever order."""

    __slots__ = ("before", "sum")

    def __init__(self, before: int) -> None:
        self.before = before
        self.sum = 0


class _Pair:
    """Under the key and the value of one pair."""

    __slots__ = ("of",)

    def __init__(self, of: _Pairs) -> None:
        self.of = of


def _map(item: Mapping[Any, Any], value: int, stack: Stack) -> int:
    value = _add(_MAP, value, len(item))
    if not item:
        return value
    pairs = _Pairs(value)
    stack.append(pairs)
    end = _Pair(pairs)
    for key, of_key in item.items():
        stack += (end, of_key, key)
    return 0


def _pair(item: _Pair, value: int, stack: Stack) -> int:
    item.of.sum ^= value
    return 0


def _pairs(item: _Pairs, value: int, stack: Stack) -> int:
    return _add(_PAIRS, item.before, item.sum)


def _pid(item: Pid, value: int, stack: Stack) -> int:
    return _add(_PID, value, item.id)


def _port(item: Port, value: int, stack: Stack) -> int:
    return _add(_PORT, value, item.id, item.id >> 32)


def _reference(item: Reference, value: int, stack: Stack) -> int:
    if not item.words:
        raise EncodeError("a reference without words is none for a BEAM")
    return _add(_REFERENCE, value, item.words[0])


def _export(item: Export, value: int, stack: Stack) -> int:
    value = _add(_FUN, value, item.arity, _name(item.module))
    return _add(_EXPORT, value, _name(item.function))


def _fun(item: Fun, value: int, stack: Stack) -> int:
    stack.extend(reversed(item.free))
    value = _add(_FUN, value, len(item.free), _name(item.module))
    return _add(_FUN, value, item.index, item.old_uniq)


def _local(item: LocalTerm, value: int, stack: Stack) -> int:
    raise EncodeError("a local term can be read, and so hashed, by its node alone")


_hashers: Final[dict[type, Hasher]] = {
    bool: _constant,
    type(None): _constant,
    Atom: _atom,
    int: _integer,
    float: _float,
    bytes: _binary,
    BitBinary: _bits,
    tuple: _tuple,
    list: _list,
    FrozenList: _list,
    ImproperList: _improper,
    dict: _map,
    TermMap: _map,
    Pid: _pid,
    Port: _port,
    Reference: _reference,
    Export: _export,
    Fun: _fun,
    LocalTerm: _local,
    _Rest: _rest,
    _Pairs: _pairs,
    _Pair: _pair,
}
