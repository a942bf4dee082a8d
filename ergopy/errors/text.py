"""Terms as text, for messages: they may come from a peer, and be of any size."""

from __future__ import annotations

from typing import Any, Final

MAX_MESSAGE: Final = 2000
"""Characters of one term, or of the text of another exception."""


def shown(term: Any) -> str:
    """Return *term* for a message or a log line, at a length that no peer chooses."""
    try:
        text = repr(term)
    except Exception:
        # It may be nested deeper than Python's stack is, or be no term at all.
        return f"(a {type(term).__name__} that has no text)"
    if len(text) <= MAX_MESSAGE:
        return text
    return f"{text[:MAX_MESSAGE]}... ({len(text)} characters)"
