"""``erlang:memory`` and ``erlang:statistics``: numbers, of the whole program.

Processes share the memory and the event loop of Python. What belongs to which is an
estimate, and ``reductions`` are microseconds of CPU time.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
import time
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import trio

from etf import Atom
from etf._types import atom_table

from ...node.questions import Room
from ...process.atoms import UNDEFINED
from ...process.info import process_info
from ..facts import links, wall_time
from .clocks import uptime_ms

if TYPE_CHECKING:
    from collections.abc import Callable

ROOM = Room("erlang")

SAMPLE: Final = 200
"""Processes whose memory is looked at for the estimate of that of all."""

ATOM_BYTES: Final = 90
"""What an atom takes, about."""

_PAGE = os.sysconf("SC_PAGE_SIZE")


@ROOM.reads
def memory(node: Any, kinds: Any = None) -> Any:
    """Bytes: what the program has in memory, and an estimate for the processes."""
    found = amounts(node)
    if kinds is None:
        return list(found.items())
    if not isinstance(kinds, list):
        return found[_one_of(found, kinds)]
    return [(Atom(kind), found[_one_of(found, kind)]) for kind in kinds]


def _one_of(known: dict[Any, Any], name: Any) -> Any:
    if not isinstance(name, Atom) or name not in known:
        raise ValueError(name)
    return name


def amounts(node: Any) -> dict[Atom, int]:
    """Return what ``erlang:memory/0`` tells, by kind."""
    total = resident()
    processes = min(_of_processes(node), total)
    atoms = _of_atoms()
    return {
        Atom("total"): total,
        Atom("processes"): processes,
        Atom("processes_used"): processes,
        Atom("system"): total - processes,
        Atom("atom"): atoms,
        Atom("atom_used"): atoms,
        Atom("binary"): 0,
        Atom("code"): 0,
        Atom("ets"): 0,
    }


def resident() -> int:
    """Return how many bytes of memory the program has now."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except OSError:
        # The most that it ever had; KiB, but on macOS.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def _of_processes(node: Any) -> int:
    processes = node.runtime.processes
    sample = list(islice(processes.values(), SAMPLE))
    size = sum(process_info(process, "memory")[1] for process in sample)
    return int(size * len(processes) // len(sample))


def _of_atoms() -> int:
    return len(atom_table) * ATOM_BYTES


@ROOM.reads
def statistics(node: Any, item: Any) -> Any:
    """Time, CPU time, traffic, and what else is counted."""
    return _STATISTICS[_one_of(_STATISTICS, item)](node)


_last: WeakKeyDictionary[Any, dict[str, int]] = WeakKeyDictionary()
"""By node, what was told last of the numbers that come with their growth."""


def _since(node: Any, item: str, total: int) -> tuple[int, int]:
    told = _last.setdefault(node, {})
    grown = total - told.get(item, 0)
    told[item] = total
    return total, grown


def cpu_microseconds() -> int:
    """Return the CPU time of the program."""
    return time.process_time_ns() // 1000


def run_queue(_: Any = None) -> int:
    """Return how many tasks could go on now; the one that asks is none of them."""
    return max(0, trio.lowlevel.current_statistics().tasks_runnable)


def _io(node: Any) -> Any:
    received, sent = links.totals(node)
    return (Atom("input"), received), (Atom("output"), sent)


def _collections(_: Any) -> tuple[int, int, int]:
    return sum(one["collections"] for one in gc.get_stats()), 0, 0


def _switches(_: Any) -> tuple[int, int]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_nvcsw + used.ru_nivcsw, 0


def _active(node: Any) -> int:
    return run_queue() + (node.runtime.current is not None)


_STATISTICS: dict[Any, Callable[[Any], Any]] = {
    Atom("active_tasks"): lambda node: [_active(node)],
    Atom("active_tasks_all"): lambda node: [_active(node)],
    Atom("context_switches"): _switches,
    Atom("exact_reductions"): lambda n: _since(n, "exact", cpu_microseconds()),
    Atom("garbage_collection"): _collections,
    Atom("io"): _io,
    Atom("microstate_accounting"): lambda _: UNDEFINED,
    Atom("reductions"): lambda node: _since(node, "reductions", cpu_microseconds()),
    Atom("run_queue"): run_queue,
    Atom("run_queue_lengths"): lambda _: [run_queue()],
    Atom("run_queue_lengths_all"): lambda _: [run_queue()],
    Atom("runtime"): lambda node: _since(node, "runtime", cpu_microseconds() // 1000),
    Atom("scheduler_wall_time"): lambda _: wall_time.statistics(),
    Atom("scheduler_wall_time_all"): lambda _: wall_time.statistics(),
    Atom("total_active_tasks"): _active,
    Atom("total_active_tasks_all"): _active,
    Atom("total_run_queue_lengths"): run_queue,
    Atom("total_run_queue_lengths_all"): run_queue,
    Atom("wall_clock"): lambda node: _since(node, "wall_clock", uptime_ms()),
}
