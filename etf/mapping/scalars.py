"""Numbers, text, atoms and identifiers.

=============  =====================================================================
annotation     takes
=============  =====================================================================
``int``        integers; never ``true``
``float``      floats, and integers, which it makes floats, both ways
``bool``       ``true`` and ``false``
``None``       ``nil``, and in a record ``undefined``
``str``        binaries in UTF-8
``bytes``      binaries
``Atom``       atoms, ``true`` and ``nil`` too; on the way out any text
``Charlist``   lists of code points; on the way out any text
=============  =====================================================================
"""

from __future__ import annotations

from typing import Any, Final

from .._containers import BitBinary, Charlist, ImproperList, TermMap
from .._errors import EncodeError
from .._types import Atom, Export, Fun, Pid, Port, Reference
from .codec import LISTS, Codec, exactly, items_of
from .errors import MappingError

_NIL: Final = Atom("nil")
_CONSTANTS: Final = {True: Atom("true"), False: Atom("false"), None: _NIL}
_ARRIVING: Final[dict[str, Any]] = {str(name): v for v, name in _CONSTANTS.items()}


def as_it_arrives(atom: Atom) -> Any:
    """Give what the decoder makes of an atom: ``true`` is ``True``."""
    return _ARRIVING.get(atom, atom)


def _load_float(term: Any) -> float:
    if term.__class__ is float:
        return term
    if term.__class__ is int:
        try:
            return float(term)
        except OverflowError:
            pass
    raise MappingError("a float", term)


def _dump_float(value: Any) -> Any:
    if value.__class__ is not int:
        return value
    try:
        return float(value)
    except OverflowError:
        raise EncodeError("an integer that is no float") from None


def _load_text(term: Any) -> str:
    if term.__class__ is str:
        return term
    if isinstance(term, bytes | bytearray):
        try:
            return str(term, "utf-8")
        except UnicodeDecodeError:
            pass
    raise MappingError("a binary in UTF-8", term)


def _load_bytes(term: Any) -> bytes:
    if term.__class__ is bytes:
        return term
    if term.__class__ is str:
        try:
            return term.encode()
        except UnicodeEncodeError:
            pass
    elif isinstance(term, bytes | bytearray | memoryview):
        try:
            return bytes(term)
        except ValueError:
            pass
    raise MappingError("a binary", term)


def _load_atom(term: Any) -> Atom:
    if term.__class__ is Atom:
        return term
    if term is None or term.__class__ is bool:
        return _CONSTANTS[term]
    raise MappingError("an atom", term)


def dump_atom(value: Any) -> Any:
    """Make an atom of plain text."""
    if value.__class__ is not str:
        return value
    try:
        return Atom(value)
    except ValueError as error:
        raise EncodeError(str(error)) from error


def _load_charlist(term: Any) -> Charlist:
    if term.__class__ is Charlist:
        return term
    items = items_of(term)
    if items is not None and all(item.__class__ is int for item in items):
        try:
            return Charlist("".join(map(chr, items)))
        except (ValueError, OverflowError):
            pass
    raise MappingError("a list of characters", term)


def _dump_charlist(value: Any) -> Any:
    return Charlist(value) if value.__class__ is str else value


def none(*also: Atom) -> Codec:
    """Make the codec of None; *also* is what else stands for it, and is sent."""
    names = {_NIL, *also}

    def load(term: Any) -> None:
        if term is not None and (term.__class__ is not Atom or term not in names):
            raise MappingError(" or ".join(sorted(names)), term)

    def dump(value: Any) -> Any:
        return also[0] if value is None else value

    return Codec(
        load,
        " or ".join(sorted(names)),
        dump if also else None,
        # In a record it is asked about an atom, and not after ``Atom`` is.
        exact=frozenset({type(None), Atom} if also else {type(None)}),
        takes=frozenset({Atom}),
        values=(type(None),) if also else (),
        of_none=True,
    )


def _of(*types: type) -> frozenset[type]:
    return frozenset(types)


FLOAT: Final = Codec(
    _load_float,
    "a float",
    _dump_float,
    exact=_of(float),
    takes=_of(int),
    values=(int,),
    plain=float,
)
TEXT: Final = Codec(
    _load_text,
    "a binary in UTF-8",
    exact=_of(str, bytes),
    takes=_of(bytearray),
    plain=str,
)
BYTES: Final = Codec(
    _load_bytes,
    "a binary",
    exact=_of(bytes, str),
    takes=_of(bytearray, memoryview),
    plain=bytes,
)
ATOM: Final = Codec(
    _load_atom,
    "an atom",
    dump_atom,
    exact=_of(Atom),
    takes=_of(bool, type(None)),
    values=(str,),
    plain=Atom,
)
CHARLIST: Final = Codec(
    _load_charlist, "a list of characters", _dump_charlist, takes=LISTS, values=(str,)
)

SCALARS: Final[dict[Any, Codec]] = {
    int: exactly(int, "an integer"),
    bool: exactly(bool, "true or false"),
    float: FLOAT,
    str: TEXT,
    bytes: BYTES,
    Atom: ATOM,
    Charlist: CHARLIST,
    Pid: exactly(Pid, "a pid"),
    Reference: exactly(Reference, "a reference"),
    Port: exactly(Port, "a port"),
    Fun: exactly(Fun, "a fun"),
    Export: exactly(Export, "an external fun"),
    BitBinary: exactly(BitBinary, "a bit string"),
    ImproperList: exactly(ImproperList, "an improper list"),
    TermMap: Codec(
        lambda term: _load_term_map(term), "a map", exact=_of(TermMap), takes=_of(dict)
    ),
}
"""The codec of each type that is a term, or nearly one."""


def _load_term_map(term: Any) -> TermMap:
    if term.__class__ is TermMap:
        return term
    if term.__class__ is dict:
        try:
            return TermMap(term)
        except (ValueError, TypeError):
            pass
    raise MappingError("a map", term)
