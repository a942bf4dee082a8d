"""Keys: any term, and two are one key if they are ``=:=`` in Erlang.

``1``, ``1.0`` and ``True`` are three keys here, as are ``b"1"`` and ``Atom("1")``. A
``str`` is the binary that it encodes as, so ``"bob"`` is the key that a BEAM peer
writes as ``<<"bob">>``; ``True`` is ``Atom("true")`` and ``None`` is ``Atom("nil")``.

A *mark* is what stands for a key in a ``dict``: two marks are equal for Python exactly
if the keys are the same term. Numbers, binaries, pids and references are their own
marks. Tuples of such and of atoms take one step more. Whatever is left, a float, a
list, a map, a tuple in a tuple, has a mark that takes a walk over the term.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import etf
from etf import Atom, EncodeError, Pid, Port, Reference
from etf._order import kind_of, replaced

PLAIN: Final = frozenset({int, bytes, Pid, Reference, Port})
"""Classes of keys that are their own marks."""

_ATOM: Final = object()
_DEEP: Final = object()
# Never the text alone: Python would compare it with bytes that have the same hash.
_CONSTANTS: Final = {
    value: (_ATOM, Atom(name)) for value, name in ((True, "true"), (False, "false"))
}
_NIL: Final = (_ATOM, Atom("nil"))
_SURROGATE: Final = "text with a lone surrogate is not a term"


def mark_of(key: Any) -> Any:
    """Return what stands for *key* in a table.

    Raises:
        etf.EncodeError: It is no Erlang term.
    """
    kind = key.__class__
    if kind in PLAIN:
        return key
    if kind is str:
        try:
            return key.encode()
        except UnicodeEncodeError as error:
            raise EncodeError(_SURROGATE) from error
    if kind is Atom:
        return _ATOM, key
    if kind is tuple:
        mark = _flat(key)
        return (_DEEP, etf.identity_key(key)) if mark is None else mark
    return _of_class(key)


def kept(key: Any, mark: Any) -> Any:
    """Return *key* in a form that nobody can change any more.

    What has to be copied for that comes back as a peer would have sent it: a ``str``
    inside of it as ``bytes``.
    """
    if not (mark.__class__ is tuple and mark and mark[0] is _DEEP):
        with suppress(TypeError):
            hash(key)
            return key
    return etf.decode(etf.encode(key))


def _flat(key: tuple[Any, ...]) -> Any:
    """Return the mark of a tuple; None if something in it is no simple value."""
    marks = []
    for item in key:
        kind = item.__class__
        if kind in PLAIN:
            marks.append(item)
        elif kind is Atom:
            marks.append((_ATOM, item))
        elif kind is str:
            marks.append(mark_of(item))
        else:
            mark = _simple(item)
            if mark is None:
                return None
            marks.append(mark)
    return tuple(marks)


def _of_class(key: Any) -> Any:
    """Find the mark of a key whose class is none of the usual ones."""
    mark = _simple(key)
    if mark is not None:
        return mark
    kind = kind_of(key)
    if kind is None:
        return mark_of(replaced(key))
    return mark_of(tuple(key)) if kind is tuple else (_DEEP, etf.identity_key(key))


def _simple(value: Any) -> Any:
    """Return the mark of an atom, a number or a binary of whatever class, or None."""
    kind = kind_of(value)
    if kind is None:
        value = replaced(value)
        kind = kind_of(value)
    if kind is str:
        return mark_of(str.__str__(value))
    if kind is Atom:
        return _ATOM, value
    if kind is bool:
        return _CONSTANTS[value]
    if kind is type(None):
        return _NIL
    if kind is int:
        return int(value)
    if kind in _BINARIES:
        return bytes(value)
    return value if kind in PLAIN else None


_BINARIES: Final = frozenset({bytes, bytearray, memoryview})
