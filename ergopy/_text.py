"""Text for a terminal, of which a peer may have written a part."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def printable(text: str) -> str:
    """Return one line of text without what a terminal would take for an order."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def tree(head: str, below: Iterable[Iterable[str]]) -> Iterator[str]:
    """Draw a tree: *head*, and under it trees that are drawn already."""
    yield head
    branches = list(below)
    for number, lines in enumerate(branches, 1):
        is_last = number == len(branches)
        edge, further = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
        for line in lines:
            yield edge + line
            edge = further


def duration(seconds: float, digits: int = 1) -> str:
    """Write a time in the units that suit it; below a minute with so many digits."""
    if seconds < 60:
        return f"{seconds:.{digits}f} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 3600:
        return f"{minutes:.0f} min {seconds % 60:.0f} s"
    if seconds < 86400:
        return f"{hours:.0f} h {minutes % 60:.0f} min"
    return f"{days:.0f} d {hours % 24:.0f} h"
