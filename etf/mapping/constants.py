"""``Literal`` and ``Enum``: a few values, most of them atoms.

Text stands for an atom: ``Literal["asc", "desc"]`` is ``:asc | :desc``, and a member of
an ``Enum`` whose value is text is the atom of that text. On the way in a binary of that
text does as well. Other values are themselves: ``Literal[1, 2]`` is ``1 | 2``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .._types import Atom
from .codec import Codec
from .errors import MappingError
from .scalars import as_it_arrives, dump_atom

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import Enum

_PLAIN: Final = frozenset({bool, int, float, bytes, type(None)})


def literal(values: Iterable[Any]) -> Codec:
    """Make the codec of ``Literal[values]``."""
    forms = [(value, _form(getattr(value, "value", value))) for value in values]
    text = any(type(form) is Atom for _, form in forms)
    return _codec(forms, dump_atom if text else None, (str,) if text else ())


def enum(cls: type[Enum]) -> Codec:
    """Make the codec of an ``Enum``."""
    forms = [(member, _form(member.value)) for member in cls]
    terms: dict[Any, Any] = dict(forms)

    def dump(value: Any) -> Any:
        # By annotation: text that is no member leaves as what it is.
        return terms[value] if value.__class__ is cls else value

    return _codec(forms, dump, (cls,))


def _form(value: Any) -> Any:
    """Give the term of a constant."""
    if isinstance(value, str):
        return Atom(str(value))
    if type(value) not in _PLAIN:
        raise TypeError(f"a constant is text or a plain value, not {value!r}")
    return value


def _codec(forms: list[tuple[Any, Any]], dump: Any, values: tuple[type, ...]) -> Codec:
    # With their types, as Python takes 1, 1.0 and True for one.
    table: dict[tuple[type, Any], Any] = {}
    for value, form in forms:
        table[type(value), value] = value
        if type(form) is Atom:
            arriving = as_it_arrives(form)
            table[Atom, form] = table[str, str(form)] = value
            table[bytes, form.encode()] = table[type(arriving), arriving] = value
        else:
            table[type(form), form] = value
    expected = " or ".join(_shown(form) for _, form in forms)

    def load(term: Any) -> Any:
        try:
            return table[term.__class__, term]
        except (KeyError, TypeError, RecursionError):
            raise MappingError(expected, term) from None

    types = frozenset(kind for kind, _ in table)
    return Codec(load, expected, dump, exact=types, values=values)


def _shown(form: Any) -> str:
    return str(form) if type(form) is Atom else repr(form)
