"""How the word before the cursor may go on, in the form that ``edlin`` wants."""

from __future__ import annotations

import re
import rlcompleter
from typing import TYPE_CHECKING, Any

from etf import Atom

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_MATCHES = 200
"""Words that are offered at a time."""

MAX_LINE = 10_000
"""Characters before the cursor that are looked at."""

YES, NO = Atom("yes"), Atom("no")
NOTHING: tuple[Any, ...] = (NO, [], [])

_WORD = re.compile(r"[^\W\d][\w.]*$")


def expand(before: Any, namespace: dict[str, Any]) -> tuple[Any, ...]:
    """Return ``(yes | no, Addition, Words)``, as ``edlin_expand:expand/1`` does.

    *before* is what stands before the cursor, backwards, as a charlist.
    """
    line = _line(before)
    found = None if line is None else _WORD.search(line)
    if found is None:
        return NOTHING
    word = found[0]
    matches = _matches(word, namespace)
    if not matches:
        return NOTHING
    common = _common_start(matches)
    if len(matches) == 1 or len(common) > len(word):
        return YES, _charlist(common[len(word) :]), []
    start = word.rfind(".") + 1
    shown = [_charlist(match[start:]) for match in matches[:MAX_MATCHES]]
    return YES, [], shown


def _line(before: Any) -> str | None:
    if isinstance(before, bytes):
        before = list(before)
    if not isinstance(before, list) or len(before) > MAX_LINE:
        return None
    points: list[int] = []
    for character in before:
        # A character that is composed of several is a list.
        points += reversed(character) if isinstance(character, list) else [character]
    try:
        return "".join(map(chr, reversed(points)))
    except (TypeError, ValueError, OverflowError):
        return None


def _matches(word: str, namespace: dict[str, Any]) -> list[str]:
    completer = rlcompleter.Completer(_visible(namespace))
    try:
        # It evaluates the part before the last dot: names and their attributes.
        if "." in word:
            found: Iterable[str] = completer.attr_matches(word)
        else:
            found = completer.global_matches(word)
    except Exception:
        return []
    return sorted({match.rstrip() for match in found})


def _common_start(words: list[str]) -> str:
    """Return what all begin with; they are sorted, so the ends tell."""
    first, last = words[0], words[-1]
    same = 0
    while same < len(first) and first[same : same + 1] == last[same : same + 1]:
        same += 1
    return first[:same]


def _visible(namespace: dict[str, Any]) -> dict[str, Any]:
    builtins = namespace.get("__builtins__")
    return {**builtins, **namespace} if isinstance(builtins, dict) else namespace


def _charlist(text: str) -> list[int]:
    return [ord(character) for character in text]
