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
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from ._container_writers import OPENERS, Frame
from ._containers import Charlist, FrozenList
from ._errors import EncodeError
from ._leaf_writers import LEAVES, U32_MAX, write_compact
from ._options import EncodeOptions
from ._tags import COMPRESSED, LOCAL_EXT, VERSION
from ._types import Atom, LocalTerm
from .mapping.converter import known
from .mapping.shape import shape_of

if TYPE_CHECKING:
    from ._leaf_writers import Leaves
    from .mapping.converter import Converter

_DEFAULT = EncodeOptions()
_MAX_CONVERSIONS = 16

_u32 = Struct(">I").pack


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
        self.stack: list[Frame] = []

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
                stack.pop().finish(buffer, self.atoms)
                parts = stack[-1].parts if stack else iter(())

    def open(self, item: Any) -> Frame | None:
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
        return OPENERS[form](self.buffer, item)


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


_LISTS: Final = frozenset({list, FrozenList, Charlist})

_FORMS: Final = frozenset({*LEAVES["nil"], *OPENERS})

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
