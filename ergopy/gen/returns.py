"""What a callback may return besides a plain value."""

from __future__ import annotations

from typing import Any, Final, final

from ..process.reasons import as_reason


class Control:
    """A return value that steers the server instead of being a reply."""

    __slots__ = ()


def _check_timeout(timeout: float | None) -> None:
    if timeout is not None and not timeout >= 0:
        raise ValueError(f"a timeout is a number of seconds, not {timeout!r}")


@final
class NoReply(Control):
    """Answer nothing now; ``{noreply, State, ...}``. ``NOREPLY`` is the plain one.

    Args:
        timeout: Seconds without a message after which ``handle_info`` gets the atom
            ``timeout``.
        then: Call ``handle_continue(then)`` before the next message.
    """

    __slots__ = ("then", "timeout")

    def __init__(self, *, timeout: float | None = None, then: Any = None) -> None:
        _check_timeout(timeout)
        self.timeout = timeout
        self.then = then

    def __repr__(self) -> str:
        return f"NoReply(timeout={self.timeout!r}, then={self.then!r})"


@final
class Reply(Control):
    """Answer *value*, with an idle timeout or a continuation; ``{reply, ...}``."""

    __slots__ = ("then", "timeout", "value")

    def __init__(
        self, value: Any, *, timeout: float | None = None, then: Any = None
    ) -> None:
        _check_timeout(timeout)
        self.value = value
        self.timeout = timeout
        self.then = then

    def __repr__(self) -> str:
        return f"Reply({self.value!r}, timeout={self.timeout!r}, then={self.then!r})"


@final
class Stop(Control):
    """End the server; ``{stop, Reason, ...}``. A plain ``str`` reason is an atom.

    With ``reply=`` the caller is answered first (in ``handle_call``).
    """

    __slots__ = ("has_reply", "reason", "reply")

    def __init__(self, reason: Any = "normal", **reply: Any) -> None:
        if reply.keys() - {"reply"}:
            raise TypeError(f"Stop takes a reason and reply=, not {sorted(reply)}")
        self.reason = as_reason(reason)
        self.has_reply = "reply" in reply
        self.reply = reply.get("reply")

    def __repr__(self) -> str:
        answer = f", reply={self.reply!r}" if self.has_reply else ""
        return f"Stop({self.reason!r}{answer})"


@final
class Ignore(Control):
    """The type of ``IGNORE``, which ``init`` returns to start nothing."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "IGNORE"


NOREPLY: Final = NoReply()
IGNORE: Final = Ignore()
