"""Writing the terms that contain terms: their heads, and what follows their parts.

An opener appends the head to the buffer and gives a ``Frame``, from which the parts are
taken one after the other. ``OPENERS`` finds it by the type that a term is written as.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import length_hint
from struct import Struct
from typing import Any, Final

from ._containers import Charlist, FrozenList, ImproperList, TermMap
from ._duplicates import may_repeat, refuse_duplicates
from ._errors import EncodeError, step
from ._leaf_writers import U32_MAX, sized, tag_u8, write_atom, write_int, write_pid
from ._tags import (
    LARGE_TUPLE_EXT,
    LIST_EXT,
    MAP_EXT,
    MAX_TUPLE_ARITY,
    NEW_FUN_EXT,
    NIL_EXT,
    SMALL_TUPLE_EXT,
)
from ._types import Atom, Fun

_u32_into = Struct(">I").pack_into
_fun_head = Struct(">BIB16sII").pack


class Frame:
    """A container whose parts are being written."""

    __slots__ = ("parts", "size")

    def __init__(self, parts: Iterator[Any], size: int) -> None:
        self.parts = parts
        self.size = size

    def step(self) -> str:
        """Say where in the container the part is that was taken last."""
        return f"[{self.index()}]"

    def index(self) -> int:
        return self.size - length_hint(self.parts) - 1

    def finish(self, buffer: bytearray, atoms: Sequence[Atom]) -> None:
        """Write what follows the parts."""


class _Tuple(Frame):
    __slots__ = ()


class _List(Frame):
    __slots__ = ()

    def finish(self, buffer: bytearray, atoms: Sequence[Atom]) -> None:
        buffer.append(NIL_EXT)


class _ImproperList(Frame):
    __slots__ = ()

    def step(self) -> str:
        index = self.index()
        return ".tail" if index == self.size - 1 else f"[{index}]"


class _Map(Frame):
    """Keys and values in turns; ``marks``, if any, says where each part starts."""

    __slots__ = ("keys", "marks")

    keys: list[Any]
    marks: list[int] | None

    def step(self) -> str:
        index = self.index() if self.marks is None else len(self.marks) - 1
        pair, is_value = divmod(index, 2)
        return step(self.keys[pair]) if is_value else f".keys()[{pair}]"

    def finish(self, buffer: bytearray, atoms: Sequence[Atom]) -> None:
        if self.marks is not None:
            refuse_duplicates(buffer, self.marks, atoms)


class _Fun(Frame):
    __slots__ = ("start",)

    start: int

    def step(self) -> str:
        return f".free[{self.index()}]"

    def finish(self, buffer: bytearray, atoms: Sequence[Atom]) -> None:
        size = len(buffer) - self.start - 1
        if size > U32_MAX:
            raise EncodeError(f"a fun of {size} bytes")
        _u32_into(buffer, self.start + 1, size)


def _open_list(buffer: bytearray, item: list[Any] | FrozenList) -> Frame:
    parts = list(item)
    buffer += sized(LIST_EXT, len(parts))
    return _List(iter(parts), len(parts))


def _open_charlist(buffer: bytearray, item: Charlist) -> Frame:
    buffer += sized(LIST_EXT, len(item))
    return _List(iter(list(map(ord, item))), len(item))


def _open_improper(buffer: bytearray, item: ImproperList) -> Frame:
    parts = [*item.items, item.tail]
    if len(parts) == 1:
        raise EncodeError("an improper list without items")
    buffer += sized(LIST_EXT, len(parts) - 1)
    return _ImproperList(iter(parts), len(parts))


def _open_tuple(buffer: bytearray, item: tuple[Any, ...]) -> Frame:
    parts = tuple(item)
    if len(parts) <= 255:
        buffer += tag_u8(SMALL_TUPLE_EXT, len(parts))
    elif len(parts) <= MAX_TUPLE_ARITY:
        buffer += sized(LARGE_TUPLE_EXT, len(parts))
    else:
        raise EncodeError(
            f"a tuple of {len(parts)} elements; at most {MAX_TUPLE_ARITY} can be"
        )
    return _Tuple(iter(parts), len(parts))


def _open_map(buffer: bytearray, item: Mapping[Any, Any]) -> Frame:
    parts = [part for pair in item.items() for part in pair]
    frame = _Map(iter(parts), len(parts))
    frame.keys = parts[0::2]
    frame.marks = None
    if may_repeat(frame.keys):
        frame.marks = []
        frame.parts = _marked(parts, buffer, frame.marks)
    buffer += sized(MAP_EXT, len(frame.keys))
    return frame


def _marked(parts: list[Any], buffer: bytearray, marks: list[int]) -> Iterator[Any]:
    for part in parts:
        marks.append(len(buffer))
        yield part


def open_fun(buffer: bytearray, item: Fun) -> Frame:
    """Write the head of a fun: all of it but the variables that it holds."""
    frame = _Fun(iter(item.free), len(item.free))
    frame.start = len(buffer)
    buffer += _fun_head(
        NEW_FUN_EXT, 0, item.arity, item.uniq, item.index, len(item.free)
    )
    write_atom(buffer, item.module)
    write_int(buffer, item.old_index)
    write_int(buffer, item.old_uniq)
    write_pid(buffer, item.pid)
    return frame


OPENERS: Final[dict[type, Callable[[bytearray, Any], Frame]]] = {
    list: _open_list,
    FrozenList: _open_list,
    Charlist: _open_charlist,
    ImproperList: _open_improper,
    tuple: _open_tuple,
    dict: _open_map,
    TermMap: _open_map,
    Mapping: _open_map,
    Fun: open_fun,
}
