"""Records and transactions as the bytes that logs keep.

What a program has put into a transaction has to come back as it was, or compensations
would not work after a restart. A text is sent as a binary, and nobody can tell it from
bytes afterwards. So in a log a tuple of the atom ``$text`` and something else stands
for another value:

| something else | what it stands for |
| --- | --- |
| a binary | a text |
| a map | a dict whose keys are all texts |
| a list of pairs | any other dict with texts in its keys |
| a tuple | a tuple that begins with that atom itself |
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, final

import etf
from etf import Atom, DecodeOptions, EncodeOptions, Pid, Reference

MAX_RECORD: Final = 64 * 1024 * 1024
"""Bytes of one record."""

_TEXT: Final = Atom("$text")
_LEAVES: Final = frozenset({Atom, Pid, Reference, int, float, bytes, bool, type(None)})
"""What is as it is; most of a record is that."""


@final
class Records:
    """Makes bytes of records, and the records again.

    Args:
        encode: How the classes of a program are sent, as with a node.
        decode: What becomes of that, likewise; texts and bytes stay apart anyway.
    """

    def __init__(
        self, encode: EncodeOptions | None, decode: DecodeOptions | None
    ) -> None:
        self._encode = encode or EncodeOptions()
        self._decode = replace(decode or DecodeOptions(), strings="bytes")

    def dump(self, record: Any) -> bytes:
        """Return a record as bytes.

        Raises:
            EncodeError: It is no term, or takes more than 64 MiB.
        """
        try:
            data = etf.encode(_marked(record), self._encode)
        except RecursionError:
            raise etf.EncodeError("a record that is nested too deep") from None
        if len(data) > MAX_RECORD:
            raise etf.EncodeError(f"a record of {len(data)} bytes; {MAX_RECORD} can be")
        return data

    def load(self, data: bytes) -> Any:
        """Return the record that bytes are of.

        Raises:
            DecodeError: They are of none.
        """
        term = etf.decode(data, self._decode)
        try:
            return _unmarked(term)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise etf.DecodeError(f"not written by a log: {error}", 0) from error


def dump_key(tx: Reference) -> bytes:
    """Return the bytes that records of a transaction are found by."""
    if type(tx) is not Reference:
        raise TypeError(f"a transaction is an etf.Reference, not {tx!r}")
    return etf.encode(tx)


def load_key(data: bytes) -> Reference:
    """Return the transaction; raises DecodeError if these are not such bytes."""
    tx = etf.decode(data)
    if type(tx) is not Reference:
        raise etf.DecodeError("a transaction is a reference", 0)
    return tx


def _marked(term: Any) -> Any:
    kind = type(term)
    if kind is str:
        return _TEXT, term
    if kind is tuple:
        items = tuple([x if type(x) in _LEAVES else _marked(x) for x in term])
        return (_TEXT, items) if _is_mark(term) else items
    if kind is list:
        return [x if type(x) in _LEAVES else _marked(x) for x in term]
    if kind is dict:
        return _marked_dict(term)
    return term


def _marked_dict(term: dict[Any, Any]) -> Any:
    kinds = set(map(type, term))
    if kinds <= _LEAVES:
        return {key: _marked(value) for key, value in term.items()}
    if kinds == {str}:
        # A map with tuples as keys would take the codec twenty times as long.
        return _TEXT, {key: _marked(value) for key, value in term.items()}
    return _TEXT, [(_marked(key), _marked(value)) for key, value in term.items()]


def _unmarked(term: Any) -> Any:
    kind = type(term)
    if kind is tuple:
        return _meant(*term) if _is_mark(term) else tuple(map(_unmarked, term))
    if kind is list:
        return list(map(_unmarked, term))
    if kind is dict:
        return {key: _unmarked(value) for key, value in term.items()}
    return term


def _meant(_mark: Atom, value: Any) -> Any:
    """Return what a tuple with the mark stands for."""
    kind = type(value)
    if kind is bytes:
        return value.decode()
    if kind is dict:
        return {key.decode(): _unmarked(item) for key, item in value.items()}
    if kind is list:
        return {_unmarked(key): _unmarked(item) for key, item in value}
    return tuple(map(_unmarked, value))


def _is_mark(term: tuple[Any, ...]) -> bool:
    return bool(term) and type(term[0]) is Atom and term[0] == _TEXT
