"""Reasons on their way out and in.

A reason is any term. A text goes out as a charlist, as ergo's do, and comes in as a
``str`` from a charlist, a binary or an atom.
"""

from __future__ import annotations

from typing import Any, Final

import etf
from etf import Atom, Charlist, FrozenList

MAX_TEXT: Final = 1000
"""Characters of a term that goes out as text."""


def written(reason: Any) -> Any:
    """Return *reason* as it is sent: a ``str`` as a charlist, any other term itself."""
    if isinstance(reason, str) and reason.__class__ is not Atom:
        return Charlist(reason)
    return reason


def text_of(reason: Any) -> str:
    """Return *reason* as text: itself if it is one, or else the term in Erlang's."""
    text = read_reason(reason)
    return text if isinstance(text, str) else etf.format(reason, limit=MAX_TEXT)


def read_reason(term: Any) -> Any:
    """Return a reason that came: a ``str`` if it is a text, or else the term."""
    if isinstance(term, str):
        return str(term)
    if term.__class__ is bytes:
        return _decoded(term)
    if term.__class__ is list or term.__class__ is FrozenList:
        return _joined(term)
    return term


def _decoded(term: bytes) -> Any:
    try:
        return term.decode()
    except UnicodeDecodeError:
        return term


def _joined(items: list[Any] | FrozenList) -> Any:
    if not set(map(type, items)) <= {int}:
        return items
    try:
        text = "".join(map(chr, items))
        text.encode()
    except (ValueError, OverflowError):
        # No code point, or half of one.
        return items
    return text
