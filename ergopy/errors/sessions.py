"""Errors of sessions."""

from __future__ import annotations

from typing import Any

from .base import ErgopyError
from .text import shown


class SessionError(ErgopyError):
    """A session did not go as its protocol says; ``expected`` is what that wants next.

    It is text, such as ``Send(int)`` or ``Offer(buy, leave)``, as this side sees it.
    """

    def __init__(self, expected: str, problem: str) -> None:
        super().__init__(f"{problem}; the protocol has {expected} next")
        self.expected = expected


class WrongStep(SessionError):
    """Something was done that is not what the protocol has next. Nothing was sent."""

    def __init__(self, expected: str, got: str, problem: str = "") -> None:
        super().__init__(expected, f"{got} does not fit: {problem}" if problem else got)
        self.got = got


class SessionClosed(SessionError):
    """The other side of a session has left it, ended, or cannot be reached.

    ``reason`` is a term: an exit reason, ``{left, Why}`` of a side that left before the
    end, ``{refused, Protocol}`` of one that follows another protocol, or ``{broken,
    Problem}`` if it sent what the protocol does not allow.
    """

    def __init__(self, expected: str, reason: Any) -> None:
        super().__init__(expected, f"the other side is gone: {shown(reason)}")
        self.reason = reason


class SessionTimeout(SessionError, TimeoutError):
    """The other side did nothing for ``seconds``. The session goes on as it was."""

    def __init__(self, expected: str, seconds: float) -> None:
        super().__init__(expected, f"nothing came within {seconds:g} s")
        self.seconds = seconds
