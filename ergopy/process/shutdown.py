"""The orderly end of all processes of a node.

Nobody can start a process any more. Then the processes that the program and its peers
have started end, and after them the services of the node. Of each of the two groups
those are told ``shutdown`` that nobody here keeps, as by the one that started them, the
youngest first. Whoever is linked to the process that started it is kept by that: a
supervisor ends its children itself, in its own order, and a plain process takes them
along. If some of these are there still when their keepers are gone they are told too.

Told means that nobody waits for the younger before the older hears. Whoever is not
gone when the time is over is killed. Python cannot end code that never gets to a
checkpoint, or that shields itself: that is logged with its stack.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, final

import trio

from .atoms import SHUTDOWN
from .info import backtrace
from .links import is_active

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    guests, services = _parted(everybody, _is_service)
    killed = await _end_all(guests, over)
    over = max(over, trio.current_time() + LAST_WORDS)
    return killed + await _end_all(services, over)


async def _end_all(processes: Sequence[Process], over: float) -> int:
    """End those that nobody keeps, until there are no others; none comes on top.

    The first have until *over*, and who comes after them a second in any case.
    """
    heads, kept = _parted(processes, keeper)
    killed = await _end(heads, over)
    over = max(over, trio.current_time() + LAST_WORDS)
    while kept := _still_there(kept):
        heads, kept = _parted(kept, keeper)
        killed += await _end(heads, over)
    return killed


def _parted(
    processes: Sequence[Process], test: Callable[[Process], object]
) -> tuple[list[Process], list[Process]]:
    """Return those for which *test* is false, and the others."""
    parts: tuple[list[Process], list[Process]] = [], []
    for process in processes:
        parts[bool(test(process))].append(process)
    return parts


def keeper(process: Process) -> Process | None:
    """Return the living process of this node that started it and is linked to it."""
    runtime, parent = process.runtime, process.parent
    if parent is None or not is_active((process._links or {}).get(parent)):
        return None
    found = runtime.find(parent)
    return None if found is runtime.root or found is None or not found.alive else found


def _is_service(process: Process | None) -> bool:
    while process is not None:
        if process.pid.id in process.runtime.services:
            return True
        process = keeper(process)
    return False


async def _end(processes: Sequence[Process], over: float) -> int:
    """Tell *processes* to end, the youngest first; kill who is left at *over*."""
    processes = _still_there(processes)
    gone = _Gone(processes)
    for process in reversed(processes):
        parent = process.parent or process.runtime.root.pid
        process.exit_from(parent, SHUTDOWN, link=True)
    with trio.move_on_at(over):
        await gone.event.wait()
    return await kill_all(list(gone.left))


async def kill_all(processes: Sequence[Process]) -> int:
    """Kill those that are still there, and wait a second at most until they are gone.

    Returns how many there were. Who does not go even so is logged.
    """
    processes = _still_there(processes)
    gone = _Gone(processes)
    for process in processes:
        process.kill()
    with trio.move_on_after(LAST_WORDS):
        await gone.event.wait()
    for process in gone.left:
        logger.error(
            "process %s was killed but does not end: it shields itself, or waits for a "
            "thread\n%s",
            process.label,
            backtrace(process),
            extra={"pid": str(process.pid), "node": process.runtime.name},
        )
    return len(processes)


def _still_there(processes: Sequence[Process]) -> list[Process]:
    return [p for p in processes if p.pid.id in p.runtime.processes]


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
