"""The orderly end of all processes of a node.

Nobody can start a process any more. Then the processes that the program and its peers
have started are told ``shutdown``, as by the one that started them, the youngest first;
and when these are gone, or their time is over, the services of the node. Told means
that nobody waits for the younger before the older hears: processes here are flat, and
what order they need among themselves is for a supervisor.

Whoever is not gone when the time is over is killed. Python cannot end code that never
gets to a checkpoint, or that shields itself: that is logged with its stack.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, final

import trio

from .atoms import SHUTDOWN
from .info import backtrace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .process import Process
    from .runtime import Runtime

logger = logging.getLogger("ergopy.process")

LAST_WORDS = 1.0
"""Seconds that killed processes have to get to a checkpoint, beyond all grace."""


async def shut_down(runtime: Runtime, grace: float) -> int:
    """End every process, and return how many had to be killed.

    *grace* is how many seconds the guests have together. The services have the rest
    of it, and not less than a second.
    """
    runtime.closing = True
    over = trio.current_time() + grace
    everybody = [p for p in runtime.processes.values() if p is not runtime.root]
    guests = [p for p in everybody if p.pid.id not in runtime.services]
    killed = await _end(runtime, guests[::-1], over)
    services = [p for p in everybody if p.pid.id in runtime.services]
    over = max(over, trio.current_time() + LAST_WORDS)
    return killed + await _end(runtime, services[::-1], over)


async def _end(runtime: Runtime, processes: Sequence[Process], over: float) -> int:
    processes = [p for p in processes if p.pid.id in p.runtime.processes]
    gone = _Gone(processes)
    for process in processes:
        parent = process.parent or runtime.root.pid
        process.exit_from(parent, SHUTDOWN, link=True)
    with trio.move_on_at(over):
        await gone.event.wait()
    left = list(gone.left)
    for process in left:
        process.kill()
    with trio.move_on_after(LAST_WORDS):
        await gone.event.wait()
    for process in gone.left:
        logger.error(
            "process %s was killed but does not end: it shields itself, or waits for a "
            "thread\n%s",
            process.label,
            backtrace(process),
            extra={"pid": str(process.pid), "node": runtime.name},
        )
    return len(left)


@final
class _Gone:
    """Waits for the end of some processes."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self.left = dict.fromkeys(processes)
        self.event = trio.Event()
        for process in processes:
            process.watchers[self, process] = _One(self, process)
        if not processes:
            self.event.set()


@final
class _One:
    def __init__(self, gone: _Gone, process: Process) -> None:
        self._gone = gone
        self._process = process

    def fire(self, reason: Any) -> None:
        del self._gone.left[self._process]
        if not self._gone.left:
            self._gone.event.set()
