"""Terms as text, for messages: they may come from a peer, and be of any size."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any, Final

from etf import ImproperList

MAX_MESSAGE: Final = 2000
"""Characters of one term, or of the text of another exception."""

MAX_PARTS: Final = 20_000
"""Parts of a term that is written in full, before what is too long is cut off."""

_short = reprlib.Repr()
_short.maxlist = _short.maxtuple = _short.maxdict = 50
_short.maxother = _short.maxlong = MAX_MESSAGE


def parts(term: Any, most: int) -> int:
    """Count the parts of a term, up to *most*: more of them are ``most + 1``.

    Eight characters or bytes are one part. It takes no longer than *most* is large.
    """
    left = most
    stack = [term]
    while stack and left >= 0:
        item = stack.pop()
        left -= 1
        if isinstance(item, ImproperList):
            stack.append(item.tail)
            item = item.items
        if isinstance(item, list | tuple):
            inner: Any = item
        elif isinstance(item, Mapping):
            if 2 * len(item) > left:
                return most + 1
            inner = [*item.keys(), *item.values()]
        else:
            left -= len(item) >> 3 if isinstance(item, bytes | str) else 0
            continue
        if len(inner) > left:
            return most + 1
        stack.extend(inner)
    return most - left if left >= 0 else most + 1


def shown(term: Any) -> str:
    """Return *term* for a message or a log line, at a length that no peer chooses."""
    try:
        if not isinstance(term, bytes | str) and parts(term, MAX_PARTS) > MAX_PARTS:
            return f"{_short.repr(term)[:MAX_MESSAGE]}... (a very large term)"
        text = repr(term)
    except Exception:
        # It may be nested deeper than Python's stack is, or be no term at all.
        return f"(a {type(term).__name__} that has no text)"
    if len(text) <= MAX_MESSAGE:
        return text
    return f"{text[:MAX_MESSAGE]}... ({len(text)} characters)"
