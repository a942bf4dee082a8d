"""What is seen of a transaction as text: reasons, and who takes part. It never fails.

All of it can be sent, and is cut at a length that neither a user nor a peer chooses.
"""

from __future__ import annotations

from typing import Any, Final

import etf
from etf import Atom, Pid

from ...errors.text import shown
from .jobs import Here, There

MAX_REASON: Final = 500
"""Characters of a reason, or of another text that a user or peer has chosen."""


def cut(text: str | None) -> str | None:
    """Return the beginning of a text, as one that can be sent and printed."""
    if text is None:
        return None
    short = text if len(text) <= MAX_REASON else f"{text[:MAX_REASON]}..."
    return str(short).encode("utf-8", "replace").decode()


def reason_text(reason: Any) -> str | None:
    """Return a reason as text, whatever it is."""
    if reason is None or isinstance(reason, str):
        return cut(reason)
    match reason:
        case (Atom("python"), bytes(name), bytes(text), list()):
            # A crash of a Python process: where it was is in the log.
            return cut(f"{name.decode()}: {text.decode(errors='replace')}")
    try:
        return cut(etf.format(reason))
    except Exception:
        # It is no term; that was a mistake, and this is to help to find it.
        return cut(shown(reason))


def name_of(dest: Any) -> str:
    """Return how a saga was named, as text."""
    match dest:
        case (str(name), str(node)):
            return cut(f"{name} at {node}") or ""
        case str() | Pid():
            return cut(str(dest)) or ""
    return cut(shown(dest)) or ""


def node_of(dest: Any, here: str) -> str:
    """Return the node of a saga, as it was named on *here*."""
    match dest:
        case (str(), str(node)):
            return str(node)
        case str():
            return here
    return str(getattr(dest, "node", "")) or here


def work_of(work: Any) -> str:
    """Return the name of what does a job."""
    if work is None:
        return ""
    return cut(str(work) if isinstance(work, Here | There) else shown(work)) or ""
