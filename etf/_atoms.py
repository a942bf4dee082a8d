"""Atoms, and the bounded table that makes atoms of one name one object."""

from __future__ import annotations

from typing import Final, final

from ._tags import MAX_ATOM_CHARACTERS

MAX_ATOMS: Final = 262_144

# The table of known atoms. It grows up to its bound and never shrinks, as the BEAM's.
# The decoders read and fill it too.
atom_table: Final[dict[str, Atom]] = {}


@final
class Atom(str):
    """An atom: ``Atom("ok")``.

    A ``str`` in every respect, equal to the text of its name, so that
    ``message[0] == "ok"`` and ``options["name"]`` work; but only an ``Atom`` is sent
    as an atom, a ``str`` goes out as a binary. Atoms of one name are one object while
    the table of known atoms has room (262,144 names).

    Raises:
        ValueError: More than 255 characters, or a lone surrogate.
    """

    __slots__ = ()

    def __new__(cls, name: str) -> Atom:
        if not isinstance(name, str):
            raise TypeError(f"an atom's name is a str, not {type(name).__name__}")
        known = atom_table.get(name)
        return known if known is not None else new_atom(str(name), MAX_ATOMS)

    def __repr__(self) -> str:
        return f"Atom({str(self)!r})"

    def __reduce__(self) -> tuple[type[Atom], tuple[str]]:
        return Atom, (str(self),)


def new_atom(name: str, limit: int) -> Atom:
    """Make an atom that is not in the table, and keep it if *limit* permits.

    *limit* is how many atoms the table may hold for this caller.
    """
    if len(name) > MAX_ATOM_CHARACTERS:
        raise ValueError(f"an atom has at most 255 characters, not {len(name)}")
    if not name.isascii():
        _refuse_surrogates(name)
    atom = str.__new__(Atom, name)
    if len(atom_table) < min(limit, MAX_ATOMS):
        # Two threads may come here at once; setdefault gives both the same atom.
        return atom_table.setdefault(name, atom)
    return atom


def _refuse_surrogates(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"an atom has no lone surrogates: {name!r}") from None
