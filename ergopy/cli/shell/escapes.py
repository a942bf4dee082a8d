"""What another node may do to our terminal: colours, and where the cursor stands.

Everything else that begins with an escape is dropped: titles, the clipboard, questions
that the terminal answers by typing.
"""

from __future__ import annotations

import re

_SEQUENCE = re.compile(
    r"\x1b\[(?P<args>[0-?]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    r"|\x1b[]PX^_].*?(?:\x07|\x1b\\|\Z)"
    r"|\x1b[ -/]*.?"
    r"|[\x80-\x9f]",
    re.DOTALL,
)
_ARGUMENTS = re.compile(r"[0-9;:]*\Z")
_HARMLESS = frozenset("mABCDEFGHJKfd")
_CURSOR = re.compile(r"\?25[hl]\Z")
_CONTROLS = dict.fromkeys(range(32), "?") | {127: "?"}
for _kept in "\n\t\r\b\a\x1b":
    del _CONTROLS[ord(_kept)]


def clean(text: str, *, terminal: bool) -> str:
    """Return *text* as it may be shown; for a file or a pipe without any sequences."""
    text = _SEQUENCE.sub(_kept_sequence if terminal else "", text)
    return text.translate(_CONTROLS)


def _kept_sequence(found: re.Match[str]) -> str:
    final, arguments = found["final"], found["args"] or ""
    if final is None or found["between"]:
        return ""
    if final in _HARMLESS and _ARGUMENTS.match(arguments):
        return found[0]
    return found[0] if _CURSOR.match(arguments + final) else ""
