"""What a supervisor knows of one child."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, final

import trio

from etf import Atom

from ...process.atoms import UNDEFINED
from .terms import milliseconds

if TYPE_CHECKING:
    from etf import Pid

    from ...process.process import Process
    from ...process.timers import Timer
    from .spec import ChildSpec

RESTARTING = Atom("restarting")


class State(Enum):
    """What there is of a child."""

    STOPPED = "stopped"
    """No process; OTP's ``undefined``."""
    RUNNING = "running"
    """A process, as far as the supervisor knows."""
    RESTARTING = "restarting"
    """None, but there is to be one again."""


@final
class Child:
    """A child: its specification, and the process if there is one."""

    __slots__ = (
        "args",
        "attempts",
        "number",
        "pid",
        "process",
        "reason",
        "restarts",
        "retry",
        "spec",
        "started_at",
        "state",
    )

    def __init__(self, spec: ChildSpec, args: tuple[Any, ...] | None = None) -> None:
        self.spec = spec
        self.args = spec.args or () if args is None else args
        """What it is started with; under simple_one_for_one each has its own."""
        self.number = 0
        """Which one it is of many without an id; the first is 1."""
        self.state = State.STOPPED
        self.pid: Pid | None = None
        """The pid; if it is to be restarted, that of the process that has ended."""
        self.process: Process | None = None
        """The process, if it is one of this node."""
        self.reason: Any = None
        """With what it ended last, or could not be started."""
        self.restarts = 0
        """How often it has come up again."""
        self.attempts = 0
        """Restarts in a row, for a back-off."""
        self.started_at: float | None = None
        """When it came up last, on Trio's clock."""
        self.retry: Timer | None = None
        """What ends the pause before its restart."""

    @property
    def is_running(self) -> bool:
        """Whether there is a process that the supervisor does not know dead."""
        return self.state is State.RUNNING

    @property
    def is_alive(self) -> bool:
        """Whether it runs; one of this node that is known to end counts as dead."""
        here = self.process
        return self.is_running and (here is None or here.alive)

    @property
    def uptime(self) -> float:
        """Seconds since it came up last; 0 if it never did."""
        return 0.0 if self.started_at is None else trio.current_time() - self.started_at

    @property
    def shown(self) -> Any:
        """What ``which_children`` says: a pid, ``restarting`` or ``undefined``."""
        if self.state is State.RESTARTING:
            return RESTARTING
        return UNDEFINED if self.pid is None else self.pid

    def came_up(self, pid: Pid | None, process: Process | None) -> None:
        """Note that it was started; *pid* is None if its ``init`` wanted no process."""
        self.is_gone()
        if pid is None:
            return
        self.restarts += self.started_at is not None
        self.started_at = trio.current_time()
        self.pid, self.process, self.state = pid, process, State.RUNNING

    def waits(self, retry: Timer | None = None) -> None:
        """Note that it is to be restarted; *retry* is what ends the pause before."""
        self._wait_no_more()
        self.process, self.retry = None, retry
        self.state = State.RESTARTING

    def is_gone(self) -> None:
        """Note that there is no process, and that none is about to be."""
        self._wait_no_more()
        self.pid = self.process = None
        self.state = State.STOPPED

    def _wait_no_more(self) -> None:
        if self.retry is not None:
            self.retry.cancel()
            self.retry = None

    def offender(self) -> dict[str, Any]:
        """Describe it for a report, with the fields that OTP gives it."""
        pid: Any = UNDEFINED if self.pid is None else self.pid
        if self.state is State.RESTARTING:
            pid = (RESTARTING, pid)
        return {"pid": pid, **described(self.spec, self.args)}


def described(spec: ChildSpec, args: tuple[Any, ...] | None) -> dict[str, Any]:
    """Describe a specification, as a supervisor report does."""
    module, function, kept = spec.mfa
    return {
        "id": spec.id,
        "mfargs": (module, function, kept if args is None else list(args)),
        "restart_type": spec.restart,
        "significant": spec.significant,
        "shutdown": milliseconds(spec.shutdown),
        "child_type": spec.type,
    }
