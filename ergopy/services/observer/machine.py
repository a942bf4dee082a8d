"""The machine that the node runs on, in the forms of OTP's ``os_mon``.

What ``/proc`` does not tell, on systems without it, is empty or zero.
"""

from __future__ import annotations

import os
import shutil
from typing import Any

from etf import Atom, Charlist

_FIELDS = (
    "user",
    "nice_user",
    "kernel",
    "idle",
    "wait",
    "hard_irq",
    "soft_irq",
    "steal",
)
"""The columns of ``/proc/stat``."""

_MEMORY = {
    "MemTotal": ("system_total_memory", "total_memory"),
    "MemFree": ("free_memory",),
    "MemAvailable": ("available_memory",),
    "Buffers": ("buffered_memory",),
    "Cached": ("cached_memory",),
    "SwapTotal": ("total_swap",),
    "SwapFree": ("free_swap",),
}

_last: dict[str, list[int]] = {}
"""What was read of each CPU when somebody last asked; shares are of the time since."""


def os_data() -> dict[Atom, Any]:
    """Return load, shares of the CPUs, memory and disks."""
    one, five, fifteen = (round(load * 256) for load in _load())
    told: dict[str, Any] = {
        "cpu_avg1": one,
        "cpu_avg5": five,
        "cpu_avg15": fifteen,
        "cpu_nprocs": sum(name.isdigit() for name in _listing("/proc")),
        "cpu_per_core": _cores(),
        "disk": _disks(),
        "system_mem": _memory(),
    }
    return {Atom(name): value for name, value in told.items()}


def _load() -> tuple[float, float, float]:
    try:
        return os.getloadavg()
    except OSError:
        return 0.0, 0.0, 0.0


def _listing(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []


def _cores() -> list[tuple[int, dict[Atom, float]]]:
    cores = []
    for line in _lines("/proc/stat"):
        name, *numbers = line.split() or [""]
        if name.startswith("cpu") and name[3:].isdigit():
            counted = [int(number) for number in numbers[: len(_FIELDS)]]
            before = _last.get(name, [0] * len(counted))
            _last[name] = counted
            grown = [now - then for now, then in zip(counted, before, strict=True)]
            total = max(1, sum(grown))
            shares = zip(_FIELDS, grown, strict=False)
            told = {Atom(what): 100 * part / total for what, part in shares}
            cores.append((int(name[3:]), told))
    return cores


def _disks() -> list[tuple[Charlist, int, int]]:
    try:
        usage = shutil.disk_usage("/")
    except OSError:
        return []
    percent = -(-100 * usage.used // max(1, usage.used + usage.free))
    return [(Charlist("/"), usage.total // 1024, percent)]


def _memory() -> list[tuple[Atom, int]]:
    told = []
    for line in _lines("/proc/meminfo"):
        name, _, rest = line.partition(":")
        for called in _MEMORY.get(name, ()):
            told.append((Atom(called), int(rest.split()[0]) * 1024))
    return told
