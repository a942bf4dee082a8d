"""Scheduler wall time: which share of the time the event loop is busy.

It is measured only while somebody wants to know, as with the flag
``scheduler_wall_time`` of a BEAM. There is one scheduler: the loop, and so all nodes in
it share the numbers.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, final

import trio

from ...process.atoms import UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Iterator

Sample = list[tuple[int, int, int]]


@final
class Meter(trio.abc.Instrument):
    """Adds up the time that the loop sleeps."""

    def __init__(self) -> None:
        self.holders = 0
        self._since = time.perf_counter_ns()
        self._idle = 0
        self._slept: int | None = None

    def before_io_wait(self, timeout: float) -> None:
        self._slept = time.perf_counter_ns()

    def after_io_wait(self, timeout: float) -> None:
        if self._slept is not None:
            self._idle += time.perf_counter_ns() - self._slept
            self._slept = None

    def sample(self) -> Sample:
        """Return ``[{1, Busy, All}]`` since it was switched on, in nanoseconds."""
        total = time.perf_counter_ns() - self._since
        return [(1, total - self._idle, total)]


_meter: trio.lowlevel.RunVar[Meter | None] = trio.lowlevel.RunVar("meter", None)


@contextmanager
def measured() -> Iterator[None]:
    """Measure for as long as this is entered, by however many."""
    meter = _meter.get()
    if meter is None:
        meter = Meter()
        _meter.set(meter)
        trio.lowlevel.add_instrument(meter)
    meter.holders += 1
    try:
        yield
    finally:
        meter.holders -= 1
        if not meter.holders:
            trio.lowlevel.remove_instrument(meter)
            _meter.set(None)


def statistics(_: Any = None) -> Any:
    """Return ``erlang:statistics(scheduler_wall_time)``; ``undefined`` if it is off."""
    meter = _meter.get()
    return UNDEFINED if meter is None else meter.sample()
