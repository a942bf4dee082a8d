"""When two values that a program has chosen are one: states, names of handlers."""

from __future__ import annotations

from etf import EncodeError, same


def is_same(one: object, other: object) -> bool:
    """Compare as Erlang's ``=:=`` does; as Python does what is no term.

    A plain ``str`` is taken for the atom.
    """
    if one is other:
        return True
    if isinstance(one, str) or isinstance(other, str):
        return isinstance(one, str) and isinstance(other, str) and one == other
    try:
        return same(one, other)
    except EncodeError:
        return type(one) is type(other) and bool(one == other)
