"""Exit reasons: what ends a process, as a term.

An exception becomes ``{python, <<"module.Class">>, <<"message">>, [FrameBinary]}``:
readable in an Erlang shell, and free of anything that only Python can read.
"""

from __future__ import annotations

from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

import trio

from etf import Atom

from ..errors import Exit
from ..errors.text import MAX_MESSAGE
from ..errors.text import shown as shown
from .atoms import KILLED, NORMAL, PYTHON, SHUTDOWN

if TYPE_CHECKING:
    from types import TracebackType

MAX_FRAMES = 20
"""Innermost frames of a traceback that travel in an exit reason."""

_OURS = str(Path(__file__).parents[1]) + "/"


def as_reason(reason: Any) -> Any:
    """Take a plain ``str`` for the atom that it nearly always means.

    ``Stop("normal")`` is ``{stop, normal, ...}``. Any other term stays as it is;
    for a binary as reason write ``bytes``.
    """
    return Atom(reason) if type(reason) is str else reason


_GOES_ON = (KeyboardInterrupt, GeneratorExit, trio.Cancelled)


def unwrap(error: BaseException) -> BaseException:
    """Return the one exception inside nested groups of one; else *error* itself."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def split(error: BaseException) -> tuple[BaseException | None, BaseException | None]:
    """Part *error* into what ends one process and what has to go on.

    The first is an exception, unwrapped. The second is Ctrl-C, Trio's cancellation,
    or a group of these. SystemExit is a failure like others: what a peer can make a
    callback call must not end the program.
    """
    if isinstance(error, BaseExceptionGroup):
        rest, failure = error.split(_GOES_ON)
        return (None if failure is None else unwrap(failure)), rest
    return (None, error) if isinstance(error, _GOES_ON) else (error, None)


def from_exception(error: BaseException | None) -> Any:
    """Make the exit reason that *error* leaves behind."""
    if error is None:
        return NORMAL
    error = unwrap(error)
    if isinstance(error, Exit):
        return as_reason(error.reason)
    if _is_cancellation(error):
        return KILLED
    kind = type(error)
    return (
        PYTHON,
        _text(f"{kind.__module__}.{kind.__qualname__}"),
        _text(_message(error)),
        _frames(error.__traceback__),
    )


def _is_cancellation(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return error.split(trio.Cancelled)[1] is None
    return isinstance(error, trio.Cancelled)


def _frames(trace: TracebackType | None) -> list[bytes]:
    """Name the frames, outermost first; ours only if there are no others."""
    frames = [(frame.f_code, line) for frame, line in walk_tb(trace)]
    foreign = [f for f in frames if not f[0].co_filename.startswith(_OURS)]
    return [
        _text(f"{code.co_filename}:{line} in {code.co_qualname}")
        for code, line in (foreign or frames)[-MAX_FRAMES:]
    ]


def is_clean(reason: Any) -> bool:
    """Tell whether OTP would log nothing: normal, shutdown, ``{shutdown, _}``."""
    if isinstance(reason, tuple):
        return len(reason) == 2 and reason[0] == SHUTDOWN
    return isinstance(reason, Atom) and reason in (NORMAL, SHUTDOWN)


def described(error: BaseException) -> str:
    """Return the class and the text of an exception, for a log line."""
    return f"{type(error).__name__}: {_message(error)}"


def _message(error: BaseException) -> str:
    try:
        return str(error)[:MAX_MESSAGE]
    except Exception:
        return "(its text could not be made)"


def _text(text: str) -> bytes:
    return text.encode("utf-8", "replace")
