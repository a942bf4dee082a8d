"""Any number of children that have nothing to do with each other, known by their pids.

``simple_one_for_one`` is one kind of these, a dynamic supervisor another. They come
and go at run time, and are all stopped at once.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from etf import Atom

from ...errors import StartError
from ...process.atoms import ERROR
from ...process.reports import supervisor_report
from .children import RESTARTING, described
from .requests import started
from .stopping import Stopping
from .supervision import Supervision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etf import Pid

    from ...process.process import Process
    from ...process.timers import Timer
    from .children import Child
    from .flags import Flags


class Crowd(Supervision):
    """Children by pid. One that is restarting is kept under the pid that it had."""

    def __init__(self, process: Process, flags: Flags) -> None:
        super().__init__(process, flags)
        self.running: dict[Pid, Child] = {}
        self.waiting: dict[Pid, Child] = {}
        self._numbers = count(1)

    def __len__(self) -> int:
        return len(self.running) + len(self.waiting)

    def __iter__(self) -> Iterator[Child]:
        """All children: those that run, then those that are restarting."""
        yield from self.running.values()
        yield from self.waiting.values()

    def find(self, pid: Pid) -> Child | None:
        """Return the child that has, or had before its restart, that pid."""
        return self.running.get(pid) or self.waiting.get(pid)

    def key(self, child: Child) -> Any:
        return (RESTARTING, child.pid)

    def find_running(self, pid: Pid) -> Child | None:
        return self.running.get(pid)

    def find_waiting(self, key: Any) -> Child | None:
        match key:
            case (Atom("restarting"), pid):
                return self.waiting.get(pid)
        return None

    def wait(self, child: Child, pause: Timer | None = None) -> None:
        assert child.pid is not None
        self.running.pop(child.pid, None)
        self.waiting[child.pid] = child
        child.waits(pause)

    def drop(self, child: Child) -> None:
        if child.pid is not None:
            self.running.pop(child.pid, None)
            self.waiting.pop(child.pid, None)
        child.is_gone()

    def has_significant(self) -> bool:
        # They are all of one specification.
        return len(self) > 0

    async def start(self, child: Child, *, told: bool = False) -> Pid | None:
        former = child.pid
        pid = await super().start(child, told=told)
        if former is not None:
            self.waiting.pop(former, None)
        child.number = child.number or next(self._numbers)
        if pid is not None:
            self.running[pid] = child
        return pid

    async def answer_start(self, child: Child) -> Any:
        """Start a new child; return what is answered to who asked for it."""
        try:
            return started(await self.start(child))
        except StartError as error:
            return (ERROR, error.reason)

    async def stop_all(self) -> None:
        self.stopping = True
        errors: list[tuple[Child, Any]] = []
        stopping = Stopping(
            self.process, lambda *error: errors.append(error), self.last_moment()
        )
        everybody = list(self)
        await self.stop(stopping, everybody)
        report_shutdown_errors(self.process, errors)
        for child in everybody:
            self.drop(child)


def report_shutdown_errors(process: Process, errors: list[tuple[Child, Any]]) -> None:
    """Make one report for each reason, as OTP does: there may be thousands."""
    by_text: dict[str, list[tuple[Child, Any]]] = {}
    for error in errors:
        by_text.setdefault(repr(error[1]), []).append(error)
    for alike in by_text.values():
        child, reason = alike[0]
        offender = {"nb_children": len(alike), **described(child.spec, None)}
        supervisor_report(process, "shutdown_error", reason, offender)
