"""A start that is under way under one key, and those who wait for it.

There is at most one per key: whoever asks for the key meanwhile waits for the same
outcome, a failure included. It runs in a task of its own, so that an ``init`` that
takes its time delays nobody who asks for another key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, final

import trio

from etf import Atom, Pid

from ...errors import (
    AlreadyStarted,
    CallTimeout,
    Ignored,
    RegistryClosed,
    StartError,
)
from ...process.reasons import as_reason, from_exception
from ...process.slot import Slot
from ..returns import Ignore, Stop

if TYPE_CHECKING:
    from collections.abc import Callable

ALREADY_STARTED = Atom("already_started")
IGNORED = Atom("ignore")


class Outcome(NamedTuple):
    """What a start came to: a process, or the reason why there is none."""

    pid: Pid | None
    reason: Any = None
    fresh: bool = True
    """Whether the process was started by this, and was not there meanwhile."""


ABANDONED = Outcome(None, Atom("abandoned"))
"""The registry has ended, or nobody waits any more."""

TIMED_OUT = Outcome(None, Atom("timeout"))
"""That of one who waits no longer; the start goes on."""

TOOK_TOO_LONG = Outcome(None, Atom("timeout"))
"""The start itself has had its time."""

NO_PROCESS = Outcome(None, IGNORED)
"""Its ``init`` wanted no process."""


class Waiter(Protocol):
    """Who is told of an outcome."""

    def resolve(self, value: Outcome, /) -> object:
        """Take it; must not wait."""


@final
class Starting:
    """One start.

    Args:
        key: What is to be registered.
        mark: The mark of that.
        abort: Give up when the last one who waited has left.
    """

    def __init__(self, key: Any, mark: Any, *, abort: bool) -> None:
        self.key = key
        self.mark = mark
        self.scope = trio.CancelScope()
        self.waiting: list[Waiter] = []
        self._abort = abort

    def leave(self, waiter: Waiter) -> None:
        """Wait no longer."""
        if waiter in self.waiting:
            self.waiting.remove(waiter)
        if not self.waiting and self._abort:
            self.scope.cancel()

    def finish(self, outcome: Outcome) -> None:
        """Tell all who wait; one of them, the first, has started it."""
        waiting, self.waiting = self.waiting, []
        for waiter in waiting:
            waiter.resolve(outcome)
            outcome = outcome._replace(fresh=False)


@final
class Patience(Slot):
    """A task that waits for a start."""

    __slots__ = ("_starting",)

    def __init__(self, starting: Starting) -> None:
        super().__init__()
        self._starting = starting
        starting.waiting.append(self)

    def time_out(self) -> None:
        """Give up waiting."""
        self.leave()
        self.resolve(TIMED_OUT)

    def leave(self) -> None:
        """Be waited with no longer."""
        self._starting.leave(self)


@final
class Asker:
    """A peer that waits for a start: is answered with what *reply* makes of it."""

    def __init__(self, reply: Callable[[Outcome], object]) -> None:
        self.resolve = reply


def pid_of(result: Any) -> Pid | None:
    """Return the pid in what a start function returned; None if it wants no process.

    Besides a pid that may be what a start function of OTP returns.

    Raises:
        StartError: There is none, and that is a failure.
    """
    match result:
        case Pid() | (Pid(), _):
            return result if isinstance(result, Pid) else result[0]
        case ("ok", Pid() as pid) | ("ok", Pid() as pid, _):
            return pid
        case None | Ignore() | "ignore":
            return None
        case Stop():
            raise StartError("the process", result.reason)
        case ("error", reason):
            raise StartError("the process", reason)
    raise StartError("the process", (Atom("bad_return_value"), repr(result)[:1000]))


def came_to_nothing(error: Exception) -> Outcome:
    """Return the outcome of a start that has raised *error*."""
    if isinstance(error, Ignored):
        return NO_PROCESS
    if isinstance(error, AlreadyStarted):
        return Outcome(None, (ALREADY_STARTED, error.pid))
    if isinstance(error, StartError):
        return Outcome(None, as_reason(error.reason))
    return Outcome(None, from_exception(error))


def failure(registry: Any, key: Any, timeout: float | None, why: Outcome) -> Exception:
    """Make the exception for a start without a process."""
    if why is TIMED_OUT:
        return CallTimeout(registry, timeout or 0.0)
    if why.reason is ABANDONED.reason:
        return RegistryClosed(registry)
    if why.reason is IGNORED:
        return Ignored(key)
    match why.reason:
        case ("already_started", Pid() as pid):
            return AlreadyStarted(key, pid)
    return StartError(key, why.reason)
