"""Exit reasons: what ends a process, as a term.

An exception becomes ``{python, <<"module.Class">>, <<"message">>, [FrameBinary]}``:
readable in an Erlang shell, and free of anything that only Python can read.
"""

from __future__ import annotations

import traceback
from typing import Any

from etf import Atom

from ..errors import Exit
from .atoms import NORMAL, PYTHON, SHUTDOWN

MAX_MESSAGE = 2000
"""Characters of an exception's text that travel in an exit reason."""

MAX_FRAMES = 20
"""Innermost frames of a traceback that travel in an exit reason."""


def as_reason(reason: Any) -> Any:
    """Take a plain ``str`` for the atom that it nearly always means.

    ``Stop("normal")`` is ``{stop, normal, ...}``. Any other term stays as it is;
    for a binary as reason write ``bytes``.
    """
    return Atom(reason) if type(reason) is str else reason


def unwrap(error: BaseException) -> BaseException:
    """Return the one exception inside nested groups of one; else *error* itself."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def from_exception(error: BaseException) -> Any:
    """Make the exit reason that *error* leaves behind."""
    error = unwrap(error)
    if isinstance(error, Exit):
        return as_reason(error.reason)
    kind = type(error)
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    return (
        PYTHON,
        _text(f"{kind.__module__}.{kind.__qualname__}"),
        _text(_message(error)),
        [_text(f"{f.filename}:{f.lineno} in {f.name}") for f in frames],
    )


def is_clean(reason: Any) -> bool:
    """Tell whether OTP would log nothing: normal, shutdown, ``{shutdown, _}``."""
    if isinstance(reason, tuple):
        return len(reason) == 2 and reason[0] == SHUTDOWN
    return isinstance(reason, Atom) and reason in (NORMAL, SHUTDOWN)


def _message(error: BaseException) -> str:
    try:
        return str(error)[:MAX_MESSAGE]
    except Exception:
        return "(its text could not be made)"


def _text(text: str) -> bytes:
    return text.encode("utf-8", "replace")
