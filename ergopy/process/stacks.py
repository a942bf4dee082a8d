"""The stack of a task that waits: which functions are waiting for which."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from .runner import drive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


def frames(coroutine: Any) -> Iterator[FrameType]:
    """Walk the stack of a coroutine, outermost first, but what is inside of Trio."""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None)
        inner = getattr(coroutine, "cr_await", None)
        if frame is None:
            frame = getattr(coroutine, "gi_frame", None)
            inner = getattr(coroutine, "gi_yieldfrom", inner)
        if frame is not None and frame.f_code is drive.__code__:
            # It steps what it runs by hand, so that nothing is awaited.
            inner = frame.f_locals["coroutine"]
        elif frame is not None and not module(frame).startswith("trio."):
            yield frame
        coroutine = inner


def module(frame: FrameType) -> str:
    """Return the name of the module that a frame runs code of."""
    return str(frame.f_globals.get("__name__", "?"))


def text(coroutine: Any) -> str:
    """Return the stack as text, as in a traceback."""
    stack = ((frame, frame.f_lineno) for frame in frames(coroutine))
    return "".join(traceback.StackSummary.extract(stack).format())
