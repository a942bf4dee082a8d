"""Terms to bytes, in pure Python: the readable reference of the two codecs.

Rules: every term has one form, the one that the BEAM itself would choose, so what it
sent comes back as the same bytes. Whatever a BEAM would drop the connection for is an
``EncodeError`` here, with the path to the value, before a byte is sent. Nesting costs
no recursion, it is counted: tuples, lists, maps and funs, but not a list that is sent
as a string.

The form is chosen by exact type; then come classes that were said to be a struct, a
record or the like, and those that have a converter, by exact type too; then
``isinstance``. A value that has no form may give another with a method
``__etf__(self)``, and last ``EncodeOptions.default`` is asked.

A link uses ``encode_term``:

    encode_term(buffer, term, options, leaves, atoms) -> None

appends one term without version byte to a ``bytearray``. If it fails, *buffer* is as it
was before. *leaves* is another table of writers, and *atoms* are the ones that these
have written as references to the header of the link.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import length_hint
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from ._containers import Charlist, FrozenList, ImproperList, TermMap
from ._duplicates import may_repeat, refuse_duplicates
from ._errors import EncodeError, step
from ._leaf_writers import (
    LEAVES,
    U32_MAX,
    sized,
    tag_u8,
    write_atom,
    write_compact,
    write_int,
    write_pid,
)
from ._options import EncodeOptions
from ._tags import (
    COMPRESSED,
    LARGE_TUPLE_EXT,
    LIST_EXT,
    LOCAL_EXT,
    MAP_EXT,
    MAX_TUPLE_ARITY,
    NEW_FUN_EXT,
    NIL_EXT,
    SMALL_TUPLE_EXT,
    VERSION,
)
from ._types import Atom, Fun, LocalTerm
from .mapping.converter import known
from .mapping.shape import shape_of

if TYPE_CHECKING:
    from ._leaf_writers import Leaves
    from .mapping.converter import Converter

_DEFAULT = EncodeOptions()
_MAX_CONVERSIONS = 16

_u32 = Struct(">I").pack
_u32_into = Struct(">I").pack_into
_fun_head = Struct(">BIB16sII").pack


def encode(term: object, options: EncodeOptions = _DEFAULT) -> bytes:
    """Write a stand-alone term, like ``erlang:term_to_binary/2``.

    A ``str`` becomes a binary, ``True``, ``False`` and ``None`` the atoms ``true``,
    ``false`` and ``nil``; only an ``Atom`` becomes an atom by its text.

    Raises:
        EncodeError: Something in the term has no form that a BEAM would take.
    """
    buffer = bytearray((VERSION,))
    if type(term) is LocalTerm:
        buffer.append(LOCAL_EXT)
        buffer += term.data
    else:
        encode_term(buffer, term, options)
    if options.compressed is not False:
        return _compress(bytes(buffer), options.compressed)
    return bytes(buffer)


def _compress(plain: bytes, level: bool | int) -> bytes:
    size = len(plain) - 1
    if size > U32_MAX:
        raise EncodeError(f"{size} bytes are too many for the compressed form")
    packed = zlib.compress(plain[1:], 6 if level is True else level)
    whole = bytes((VERSION, COMPRESSED)) + _u32(size) + packed
    return whole if len(whole) < len(plain) else plain


def encode_term(
    buffer: bytearray,
    term: object,
    options: EncodeOptions = _DEFAULT,
    leaves: Leaves | None = None,
    atoms: Sequence[Atom] = (),
) -> None:
    """Append one term without version byte to *buffer*.

    Raises:
        EncodeError: Something in the term has no form that a BEAM would take. The
            buffer is as it was.
    """
    before = len(buffer)
    writer = _Writer(buffer, options, leaves or LEAVES[options.none], atoms)
    try:
        writer.write(term)
    except BaseException as error:
        del buffer[before:]
        if type(error) is EncodeError:
            raise EncodeError(error.problem, writer.path() + error.path) from error
        raise


class _Frame:
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

    def finish(self, writer: _Writer) -> None:
        """Write what follows the parts."""


class _Tuple(_Frame):
    __slots__ = ()


class _List(_Frame):
    __slots__ = ()

    def finish(self, writer: _Writer) -> None:
        writer.buffer.append(NIL_EXT)


class _ImproperList(_Frame):
    __slots__ = ()

    def step(self) -> str:
        index = self.index()
        return ".tail" if index == self.size - 1 else f"[{index}]"


class _Map(_Frame):
    """Keys and values in turns; ``marks``, if any, says where each part starts."""

    __slots__ = ("keys", "marks")

    keys: list[Any]
    marks: list[int] | None

    def step(self) -> str:
        index = self.index() if self.marks is None else len(self.marks) - 1
        pair, is_value = divmod(index, 2)
        return step(self.keys[pair]) if is_value else f".keys()[{pair}]"

    def finish(self, writer: _Writer) -> None:
        if self.marks is not None:
            refuse_duplicates(writer.buffer, self.marks, writer.atoms)


class _Fun(_Frame):
    __slots__ = ("start",)

    start: int

    def step(self) -> str:
        return f".free[{self.index()}]"

    def finish(self, writer: _Writer) -> None:
        size = len(writer.buffer) - self.start - 1
        if size > U32_MAX:
            raise EncodeError(f"a fun of {size} bytes")
        _u32_into(writer.buffer, self.start + 1, size)


class _Writer:
    """The output, the options, and the containers that are open."""

    __slots__ = ("atoms", "buffer", "leaves", "options", "stack")

    def __init__(
        self,
        buffer: bytearray,
        options: EncodeOptions,
        leaves: Leaves,
        atoms: Sequence[Atom],
    ) -> None:
        self.buffer = buffer
        self.options = options
        self.leaves = leaves
        self.atoms = atoms
        self.stack: list[_Frame] = []

    def path(self) -> str:
        """Say where in the outermost term we are."""
        return "".join([frame.step() for frame in self.stack])

    def write(self, term: object) -> None:
        """Write a term and all that is in it."""
        buffer, stack, leaves = self.buffer, self.stack, self.leaves
        parts: Iterator[Any] = iter((term,))
        while True:
            for item in parts:
                leaf = leaves.get(type(item))
                if leaf is not None:
                    leaf(buffer, item)
                    continue
                frame = self.open(item)
                if frame is not None:
                    stack.append(frame)
                    parts = frame.parts
                    break
            else:
                if not stack:
                    return
                stack.pop().finish(self)
                parts = stack[-1].parts if stack else iter(())

    def open(self, item: Any) -> _Frame | None:
        """Write the head of a container, or a leaf that took a second look."""
        form = type(item)
        if form not in _FORMS:
            item = convert(item, self.options)
            found = form_of(item)
            assert found is not None
            form = found
        leaf = self.leaves.get(form)
        if leaf is not None:
            leaf(self.buffer, _BASE_VALUE.get(form, _itself)(item))
            return None
        if form in _LISTS and write_compact(self.buffer, item):
            return None
        limit = self.options.max_depth
        if len(self.stack) >= limit:
            raise EncodeError(f"nested deeper than max_depth ({limit})")
        return _OPENERS[form](self.buffer, item)


def form_of(item: object) -> type | None:
    """Give the type that *item* is written as, or ``None`` if it has no form."""
    if type(item) in _FORMS:
        return type(item)
    for base in _BASES:
        if isinstance(item, base):
            return base
    return None


def convert(term: Any, options: EncodeOptions) -> object:
    """Give *term* itself if it has a form, or what stands for it: see the module.

    Raises:
        EncodeError: Nobody knows, or every answer needs another.
    """
    if type(term) is LocalTerm:
        raise EncodeError("a local term can only be a whole stand-alone term")
    converters = known(options.converters).by_type
    for _ in range(_MAX_CONVERSIONS):
        cls = type(term)
        if cls in _FORMS:
            return term
        shape = shape_of(cls)
        if shape is not None:
            term = shape.dump(term)
        elif cls in converters:
            term = _encoded(converters[cls], term)
        elif form_of(term) is not None:
            return term
        elif (method := getattr(cls, "__etf__", None)) is not None:
            term = method(term)
        elif options.default is not None:
            term = options.default(term)
        else:
            raise EncodeError(f"{cls.__name__} has no form as an Erlang term")
    raise EncodeError(f"{type(term).__name__} was converted again and again")


def _encoded(converter: Converter, term: Any) -> object:
    if converter.encode is None:
        raise EncodeError(f"{converter.type.__name__} can only be received")
    return converter.encode(term)


def _itself(item: Any) -> Any:
    return item


# A subclass may have redefined what the writers use.
_BASE_VALUE: Final[dict[type, Callable[[Any], Any]]] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
}


def _open_list(buffer: bytearray, item: list[Any] | FrozenList) -> _Frame:
    parts = list(item)
    buffer += sized(LIST_EXT, len(parts))
    return _List(iter(parts), len(parts))


def _open_charlist(buffer: bytearray, item: Charlist) -> _Frame:
    buffer += sized(LIST_EXT, len(item))
    return _List(iter(list(map(ord, item))), len(item))


def _open_improper(buffer: bytearray, item: ImproperList) -> _Frame:
    parts = [*item.items, item.tail]
    if len(parts) == 1:
        raise EncodeError("an improper list without items")
    buffer += sized(LIST_EXT, len(parts) - 1)
    return _ImproperList(iter(parts), len(parts))


def _open_tuple(buffer: bytearray, item: tuple[Any, ...]) -> _Frame:
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


def _open_map(buffer: bytearray, item: Mapping[Any, Any]) -> _Frame:
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


def _open_fun(buffer: bytearray, item: Fun) -> _Frame:
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


_LISTS: Final = frozenset({list, FrozenList, Charlist})

_OPENERS: Final[dict[type, Callable[[bytearray, Any], _Frame]]] = {
    list: _open_list,
    FrozenList: _open_list,
    Charlist: _open_charlist,
    ImproperList: _open_improper,
    tuple: _open_tuple,
    dict: _open_map,
    TermMap: _open_map,
    Mapping: _open_map,
    Fun: _open_fun,
}

_FORMS: Final = frozenset({*LEAVES["nil"], *_OPENERS})

_BASES: Final = (
    str,
    int,
    float,
    bytes,
    bytearray,
    list,
    tuple,
    dict,
    Mapping,
)
