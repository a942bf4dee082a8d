"""The list of processes, as etop and the observer want it.

It is taken in portions, with turns for everybody else in between: a node with very many
processes goes on while somebody looks at it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from etf import Atom, Pid

from ...errors import Exit
from ...process.atoms import BADARG, INITIAL_CALL, UNDEFINED
from ...process.info import process_info
from ..answers.numbers import amounts, run_queue
from ..facts import wall_time

if TYPE_CHECKING:
    from ...process.process import Process

PORTION = 100
"""Processes that are looked at in one go."""

CHUNK = 10_000
"""Processes in one message to the observer; as in OTP."""

_ETOP_INFO = Atom("etop_info")
_ETOP_PROC_INFO = Atom("etop_proc_info")
_PROCS_INFO = Atom("procs_info")
_ETOP_MEMORY = ("total", "processes", "ets", "atom", "code", "binary")
_ITEMS = ["memory", "reductions", "current_function", "message_queue_len"]


def initial_call(process: Process) -> Any:
    """Return where a process began; ``proc_lib:translate_initial_call/1``."""
    told = (process._dictionary or {}).get(INITIAL_CALL)
    return process_info(process, "initial_call")[1] if told is None else told


async def etop_collect(process: Process, collector: Any) -> None:
    """Send one report to *collector*; ``observer_backend:etop_collect/1``.

    The busy share of the event loop is known from the second report on: the first one
    lets it be measured for as long as *collector* lives.
    """
    _check(collector)
    busy = wall_time.statistics()
    everybody = await _collect(process, list(process.runtime.processes.values()))
    sizes = amounts(process.node)
    info: Any = (
        _ETOP_INFO,
        _now(),
        len(everybody),
        UNDEFINED,
        busy,
        run_queue(),
        [],
        [(Atom(name), sizes[Atom(name)]) for name in _ETOP_MEMORY],
        everybody,
    )
    await process.send(collector, (process.pid, info))
    if busy is UNDEFINED:
        await process.spawn(_hold, collector)


async def procs_info(process: Process, collector: Any) -> None:
    """Send the list of processes; ``observer_backend:procs_info/1``."""
    _check(collector)
    everybody = list(process.runtime.processes.values())
    for start in range(0, len(everybody) + 1, CHUNK):
        some = await _collect(process, everybody[start : start + CHUNK])
        await process.send(collector, (_PROCS_INFO, process.pid, some))


async def _hold(process: Process, collector: Pid) -> None:
    """Let the busy share be measured until *collector* ends."""
    await process.monitor(collector)
    with wall_time.measured():
        await process.receive()


async def _collect(process: Process, them: list[Process]) -> list[tuple[Any, ...]]:
    """Return a record for each, but those that ended and the one that looks."""
    told = []
    root = process.runtime.root
    for start in range(0, len(them), PORTION):
        if start:
            await process.let_others_run()
        for one in them[start : start + PORTION]:
            if one.alive and one is not process and one is not root:
                told.append(_record(one))
    return told


def _record(process: Process) -> tuple[Any, ...]:
    (_, size), (_, steps), (_, current), (_, waiting) = process_info(process, _ITEMS)
    name = Atom(process.names[0]) if process.names else initial_call(process)
    return (_ETOP_PROC_INFO, process.pid, size, steps, name, 0, current, waiting)


def _now() -> tuple[int, int, int]:
    seconds, rest = divmod(time.time_ns(), 10**9)
    return (*divmod(seconds, 10**6), rest // 1000)


def _check(collector: Any) -> None:
    if not isinstance(collector, Pid):
        raise Exit(BADARG)
