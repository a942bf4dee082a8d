"""Text for a terminal, of which a peer may have written a part."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return one line of text without what a terminal would take for an order."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
