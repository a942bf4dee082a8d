"""Copies by the external term format: what is left of a message after the wire."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, final

import etf
from etf import Atom, EncodeError, Pid, Port, Reference

from .code import is_code

if TYPE_CHECKING:
    from etf import DecodeOptions, EncodeOptions

_SAME = frozenset((int, bool, bytes, Atom, Pid, Port, Reference))
"""Types of what comes out of the wire as it went in, and cannot be changed."""


class _NoCode(Exception):
    """There is something that is neither a term nor code."""


@final
class ByEtf:
    """Encodes a message and decodes it again.

    Args:
        decode: How the node decodes what it receives.
        encode: How it encodes what it sends.
    """

    def __init__(
        self,
        decode: DecodeOptions | None = None,
        encode: EncodeOptions | None = None,
    ) -> None:
        self._decode = decode or etf.DecodeOptions()
        self._encode = encode or etf.EncodeOptions()

    def __call__(self, message: Any) -> Any:
        """Return the copy.

        Raises:
            etf.EncodeError: It is no Erlang term, and not only because of code in it.
        """
        return self._copy(message, frozenset())

    def _copy(self, value: Any, within: frozenset[int]) -> Any:
        """Copy what is in the containers with the ids *within*, or in none."""
        if value.__class__ in _SAME:
            return value
        try:
            return etf.decode(etf.encode(value, self._encode), self._decode)
        except EncodeError as error:
            try:
                return self._by_parts(value, within)
            except (_NoCode, RecursionError):
                # The latter: it is deeper than any term.
                raise error from None

    def _by_parts(self, value: Any, within: frozenset[int]) -> Any:
        """Return what would be left of *value* if code could travel."""
        if is_code(value):
            return value
        if id(value) in within:
            # It is in itself.
            raise _NoCode
        part = partial(self._part, within=within | {id(value)})
        if isinstance(value, tuple):
            # As it cannot travel, what its class means is for a process here to know.
            return tuple.__new__(value.__class__, map(part, value))
        if isinstance(value, list):
            return list(map(part, value))
        if isinstance(value, dict):
            return {part(key): part(item) for key, item in value.items()}
        raise _NoCode

    def _part(self, value: Any, within: frozenset[int]) -> Any:
        try:
            return self._copy(value, within)
        except EncodeError:
            raise _NoCode from None
