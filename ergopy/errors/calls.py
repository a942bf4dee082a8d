"""Errors of calls, and of functions that run on other nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import ErgopyError
from .text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence


class CallError(ErgopyError):
    """A call got no answer; ``dest`` is whom it was for."""

    def __init__(self, dest: object, problem: str) -> None:
        super().__init__(f"call to {shown(dest)}: {problem}")
        self.dest = dest


class CallTimeout(CallError, TimeoutError):
    """No answer in time. A late one is dropped, it never reaches a mailbox."""

    def __init__(self, dest: object, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(dest, f"no answer within {seconds:g} s")


class NoProcess(CallError):
    """Nobody is there: ``noproc``."""

    def __init__(self, dest: object) -> None:
        super().__init__(dest, "no such process (noproc)")


class RegistryClosed(NoProcess):
    """The registry is shutting down, or has ended; ``dest`` is its name or pid.

    A registry that is not there never reads as an empty one.
    """

    def __init__(self, dest: object) -> None:
        CallError.__init__(self, dest, "the registry is closing, or has ended")


class BadRequest(CallError):
    """A typed handler refused a request of ``Client``; ``problem`` says where and why.

    For anybody else it is the reply ``{error, {bad_request, Text}}``.
    """

    def __init__(self, dest: object, problem: str) -> None:
        self.problem = problem
        super().__init__(dest, f"bad request: {problem}")


class SysError(CallError):
    """A behaviour refused a request of ``ergopy.sys``; ``reason`` is a term."""

    def __init__(self, dest: object, reason: Any) -> None:
        self.reason = reason
        super().__init__(dest, f"the behaviour refused: {shown(reason)}")


class IoError(CallError):
    """A device did not do what it was asked for; ``reason`` is a term.

    ``enotsup`` or ``request``: it has no such thing; ``terminated``: its own output is
    gone; ``format`` and the like: what it was given makes no text.
    """

    def __init__(self, dest: object, reason: Any) -> None:
        self.reason = reason
        super().__init__(dest, f"input or output failed: {shown(reason)}")


class CallExit(CallError):
    """The called process ended before it answered; ``reason`` is a term."""

    def __init__(self, dest: object, reason: Any) -> None:
        self.reason = reason
        super().__init__(dest, f"the process ended: {shown(reason)}")


class NotExported(ErgopyError):
    """A function that was to be taken back is not there for other nodes."""

    def __init__(self, module: str, function: str | None = None) -> None:
        what = module if function is None else f"{module}:{function}"
        super().__init__(f"nothing of {what} is exported")
        self.module = module
        self.function = function


class RpcError(ErgopyError):
    """A remote function did not return.

    ``kind`` is ``"throw"``, ``"exit"``, ``"error"``, ``"signal"`` when its process was
    ended from outside, or ``"erpc"`` when the call itself failed (``noconnection``,
    ``timeout``, ``notsup``). ``reason`` and ``stacktrace`` are terms, as the far side
    made them.
    """

    def __init__(self, kind: str, reason: Any, stacktrace: Sequence[Any] = ()) -> None:
        super().__init__(f"{kind}: {shown(reason)}{_where(stacktrace)}")
        self.kind = kind
        self.reason = reason
        self.stacktrace = list(stacktrace)

    @property
    def is_undefined(self) -> bool:
        """Whether there is no such function over there, or not for us."""
        match self.reason:
            case "undef" | ("undef", *_) | (_, ("undef", *_), *_):
                return True
        return False


def _where(stacktrace: Sequence[Any]) -> str:
    """Return where it was raised, as far as the far side says that as OTP does."""
    match [*stacktrace[:1]]:
        case [(str() as module, str() as function, list() | int() as arity, *_)]:
            count = len(arity) if isinstance(arity, list) else arity
            return f" in {module}:{function}/{count}"
    return ""
