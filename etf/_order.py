"""Identity and order of terms, as Erlang has them.

``same`` is ``=:=`` and ``compare`` the order behind ``<`` and ``==``, over the values
that ``encode`` takes. A ``str`` and ``bytes`` are the same binary, ``True`` and
``Atom("true")`` the same atom, ``None`` is the atom ``nil``, and a list is a list
whichever class holds it. ``1`` and ``1.0`` are equal but not the same; so are ``0.0``
and ``-0.0``, as from OTP 27 on.

Number < atom < reference < fun < port < pid < tuple < map < nil < list < bit string.
Integers and floats compare by their exact values. Maps compare by size, then by their
sorted keys, then by the values of those; among keys, and in all that is inside a key,
every integer comes before every float. Identifiers order as on a BEAM: pids by
serial, id, node and creation; ports by node, creation and id; references by node,
creation and the words from the last to the first.

A term is laid out as a flat run of marks, so nesting costs no recursion, in keys
neither. More than 100,000 levels (a list that contains itself) are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from math import copysign, isfinite
from typing import Any, Final, TypeAlias

from ._containers import BitBinary, Charlist, FrozenList, ImproperList, TermMap
from ._errors import EncodeError
from ._types import Atom, Export, Fun, LocalTerm, Pid, Port, Reference
from .mapping.shape import shape_of

MAX_DEPTH: Final = 100_000
MAX_CONVERSIONS: Final = 16

# A mark is the rank of a kind and what tells two of that kind apart without looking
# into them. The marks of two terms compare position by position: as long as they
# are equal, the next ones stand for the same place in both terms.
Mark: TypeAlias = tuple[Any, ...]
Parts: TypeAlias = Iterator[Any]
Reader: TypeAlias = Callable[[Any, bool], tuple[Mark, Parts | None]]

NUMBER, ATOM, REFERENCE, FUN, PORT, PID, TUPLE, MAP, NIL, CONS, BITS, LOCAL = range(12)


def same(a: object, b: object) -> bool:
    """Tell if two values are one term, as Erlang's ``=:=``.

    Raises:
        EncodeError: A part of one of them, met before a difference, is no term.
    """
    kind = type(a)
    if kind is type(b) and kind in _PLAIN:
        return a == b
    return _compare(a, b, exact=True) == 0


def compare(a: object, b: object) -> int:
    """Order two terms: -1 if *a* comes first, 1 if *b* does, 0 if Erlang's ``==``.

    Looks no further than the first difference.

    Raises:
        EncodeError: A part of one of them, met before a difference, is no term.
    """
    return _compare(a, b, exact=False)


def sort_key(term: object) -> Any:
    """Give the key to sort by: ``sorted(terms, key=sort_key)`` is ``lists:sort/1``.

    Raises:
        EncodeError: It is no term.
    """
    return tuple(_marks(term, exact=False))


def identity_key(term: object) -> tuple[Mark, ...]:
    """Give a hashable value that two terms share exactly if they are ``same``.

    For dictionaries and sets of arbitrary terms.

    Raises:
        EncodeError: It is no term.
    """
    return tuple(_marks(term, exact=True))


def _compare(a: object, b: object, *, exact: bool) -> int:
    # Equal marks promise equally many parts, so neither side can end first.
    for left, right in zip(_marks(a, exact), _marks(b, exact), strict=True):
        if left != right:
            return -1 if left < right else 1
    return 0


class _Key:
    """A walk's request to lay out a key; the answer is the list of its marks."""

    __slots__ = ("term",)

    def __init__(self, term: object) -> None:
        self.term = term


# A walk yields marks, alone or in lists, and requests.
Walk: TypeAlias = Generator[Mark | list[Mark] | _Key, list[Mark] | None, None]


def _marks(term: object, exact: bool) -> Iterator[Mark]:
    """Lay out a term; *exact* tells ``1`` from ``1.0``.

    Runs one walk for the term and one for each key, which may again have keys inside:
    the walks that wait for one are kept in a list instead of on Python's stack.
    """
    walk, collected = _walk(term, exact), None
    waiting: list[tuple[Walk, list[Mark] | None]] = []
    answer: list[Mark] | None = None
    while True:
        try:
            got = walk.send(answer)
        except StopIteration:
            if not waiting:
                return
            answer = collected
            walk, collected = waiting.pop()
            continue
        answer = None
        if isinstance(got, _Key):
            waiting.append((walk, collected))
            walk, collected = _walk(got.term, True), []
            continue
        marks = got if isinstance(got, list) else [got]
        if collected is None:
            yield from marks
        else:
            collected += marks


def _walk(term: object, exact: bool) -> Walk:
    stack: list[Parts] = [iter((term,))]
    while stack:
        item = next(stack[-1], stack)
        if item is stack:
            stack.pop()
            continue
        mark, parts = _read(item, exact)
        yield mark
        if parts is None:
            continue
        if mark[0] == MAP:
            pairs = []
            for key, value in parts:
                mark, inside = _read(key, True)
                marks = [mark] if inside is None else (yield _Key(key))
                pairs.append((marks or [], value))
            pairs.sort(key=_first)
            for marks, _ in pairs:
                yield marks
            parts = iter([value for _, value in pairs])
        if len(stack) == MAX_DEPTH:
            raise EncodeError("nested too deep, or a list that contains itself")
        stack.append(parts)


def _first(pair: tuple[list[Mark], object]) -> list[Mark]:
    return pair[0]


def kind_of(item: object) -> type | None:
    """Give the class that says what a value is on the wire; ``None`` if none does."""
    kind = type(item)
    if kind in _READERS:
        return kind
    return next((base for base in _READERS if isinstance(item, base)), None)


def replaced(item: Any) -> object:
    """Ask a value of a class of its own for the term that stands for it.

    Raises:
        EncodeError: It cannot tell, or what it gives is no term either.
    """
    for _ in range(MAX_CONVERSIONS):
        shape = shape_of(type(item))
        if shape is not None:
            item = shape.dump(item)
        elif hasattr(type(item), "__etf__"):
            item = item.__etf__()
        else:
            break
        if kind_of(item) is not None:
            return item
    raise EncodeError(f"{type(item).__name__} is not an Erlang term")


def _read(item: object, exact: bool) -> tuple[Mark, Parts | None]:
    reader = _READERS.get(type(item))
    if reader is not None:
        return reader(item, exact)
    kind = kind_of(item)
    if kind is None:
        return _read(replaced(item), exact)
    return _READERS[kind](item, exact)


def _integer(item: int, exact: bool) -> tuple[Mark, None]:
    return ((NUMBER, 0, int(item)) if exact else (NUMBER, int(item))), None


def _float(item: float, exact: bool) -> tuple[Mark, None]:
    if not isfinite(item):
        raise EncodeError(f"{item} is not an Erlang float")
    # Comparing an int with a float, Python is as exact as the BEAM.
    return ((NUMBER, 1, item, copysign(1, item)) if exact else (NUMBER, item)), None


def _constant(item: object, exact: bool) -> tuple[Mark, None]:
    return (ATOM, "nil" if item is None else str(item).lower()), None


def _atom(item: Atom, exact: bool) -> tuple[Mark, None]:
    return (ATOM, item), None


def _reference(item: Reference, exact: bool) -> tuple[Mark, None]:
    # The words are one large number, the first word its lowest digit. To the BEAM
    # leading zeros are nothing; to us words are fields, which identity keeps.
    number = sum(word << 32 * place for place, word in enumerate(item.words))
    mark = (REFERENCE, item.node, item.creation, number)
    return ((*mark, len(item.words)) if exact else mark), None


def _fun(item: Fun, exact: bool) -> tuple[Mark, Parts]:
    # The BEAM orders funs by a field that takes no part in what they are.
    unique = (item.uniq, item.arity) if exact else (item.old_uniq,)
    mark = (FUN, 0, item.module, item.index, *unique, len(item.free))
    return mark, iter(item.free)


def _export(item: Export, exact: bool) -> tuple[Mark, None]:
    return (FUN, 1, item.module, item.function, item.arity), None


def _port(item: Port, exact: bool) -> tuple[Mark, None]:
    return (PORT, item.node, item.creation, item.id), None


def _pid(item: Pid, exact: bool) -> tuple[Mark, None]:
    return (PID, item.serial, item.id, item.node, item.creation), None


def _tuple(item: tuple[Any, ...], exact: bool) -> tuple[Mark, Parts]:
    return (TUPLE, len(item)), iter(item)


def _map(item: Mapping[Any, Any], exact: bool) -> tuple[Mark, Parts]:
    return (MAP, len(item)), iter(item.items())


def _list(item: Any, exact: bool) -> tuple[Mark, Parts | None]:
    if not item:
        return (NIL,), None
    return (CONS,), _cells(item, [])


def _charlist(item: Charlist, exact: bool) -> tuple[Mark, Parts | None]:
    return _list(list(map(ord, item)), exact)


def _improper(item: ImproperList, exact: bool) -> tuple[Mark, Parts]:
    return (CONS,), _cells(item.items, item.tail)


class _Cell:
    """Stands between two items of a list: one more cell follows."""


_CELL: Final = _Cell()


def _cells(items: Iterable[Any], tail: object) -> Parts:
    for index, item in enumerate(items):
        if index:
            yield _CELL
        yield item
    yield tail


def _cell(item: _Cell, exact: bool) -> tuple[Mark, None]:
    return (CONS,), None


def _text(item: str, exact: bool) -> tuple[Mark, None]:
    try:
        return _binary(item.encode(), exact)
    except UnicodeEncodeError as exc:
        raise EncodeError("text with a lone surrogate is not a term") from exc


def _binary(item: Any, exact: bool) -> tuple[Mark, None]:
    data = bytes(item)
    return (BITS, data, 8 * len(data)), None


def _bits(item: BitBinary, exact: bool) -> tuple[Mark, None]:
    # The unused bits are zero, so bytes decide first and the count breaks the tie.
    return (BITS, item.data, len(item)), None


def _local(item: LocalTerm, exact: bool) -> tuple[Mark, None]:
    return (LOCAL, item.data), None


# Two of one of these classes are the same term exactly if Python finds them equal.
_PLAIN: Final = frozenset(
    {int, bool, type(None), Atom, bytes, Pid, Reference, Port, Export}
)

# An Atom is a str and a bool an int: what is special comes before what is general.
_READERS: Final[dict[type, Reader]] = {
    bool: _constant,
    type(None): _constant,
    Atom: _atom,
    Charlist: _charlist,
    str: _text,
    int: _integer,
    float: _float,
    bytes: _binary,
    bytearray: _binary,
    memoryview: _binary,
    list: _list,
    FrozenList: _list,
    tuple: _tuple,
    dict: _map,
    TermMap: _map,
    Mapping: _map,
    BitBinary: _bits,
    ImproperList: _improper,
    Pid: _pid,
    Reference: _reference,
    Port: _port,
    Fun: _fun,
    Export: _export,
    LocalTerm: _local,
    _Cell: _cell,
}
