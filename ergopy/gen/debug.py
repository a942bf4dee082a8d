"""What ``sys:statistics``, ``sys:log`` and ``sys:trace`` turn on, for one process."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Any, final

from etf import Atom

from ..process.reasons import shown

if TYPE_CHECKING:
    from ..process.process import Process

logger = logging.getLogger("ergopy.gen")

LOG_LENGTH = 10
"""Events that ``sys:log(Name, true)`` keeps; as many as OTP does."""

MAX_LOG_LENGTH = 10_000
"""Events that one process keeps at most, whatever a peer asks for."""

IN = Atom("in")
OUT = Atom("out")


@final
class Debug:
    """What a process notes about its own messages while somebody wants to know.

    There is none in ordinary life: a loop looks once per message whether there is.
    """

    __slots__ = ("_events", "_trace", "counts", "process")

    def __init__(self, process: Process) -> None:
        self.process = process
        self._trace = False
        self._events: deque[Any] | None = None
        self.counts: Statistics | None = None

    @property
    def is_on(self) -> bool:
        """Whether it notes anything at all."""
        return self._trace or self._events is not None or self.counts is not None

    def trace(self, on: bool) -> None:
        """Log each event at level INFO, or no more; ``sys:trace/2``."""
        self._trace = on

    def log(self, length: int | None) -> None:
        """Keep the last *length* events, or none; ``sys:log/2``."""
        if length is None:
            self._events = None
        else:
            self._events = deque(self.events(), min(length, MAX_LOG_LENGTH))

    def events(self) -> list[Any]:
        """Return the events that are kept, oldest first."""
        return list(self._events or ())

    def took(self, message: Any) -> None:
        """Note that the process begins with *message*: ``{in, Message}``."""
        if self.counts is not None:
            self.counts.messages_in += 1
        self._note((IN, message))

    def reply_nowait(self, from_: Any, value: Any) -> Any:
        """Note an answer, ``{out, Value, To}``, and send it."""
        if self.counts is not None:
            self.counts.messages_out += 1
        to = from_[0] if isinstance(from_, tuple) and from_ else from_
        self._note((OUT, value, to))
        return self.process.reply_nowait(from_, value)

    def _note(self, event: Any) -> None:
        if self._events is not None:
            self._events.append(event)
        if self._trace:
            print_event(self.process, event)


def print_event(process: Process, event: Any) -> None:
    """Log an event of *process*, as ``sys:trace`` prints them."""
    logger.info("*DBG* %s %s", process.label, shown(event))


@final
class Statistics:
    """What ``sys:statistics(Name, true)`` turns on."""

    __slots__ = ("messages_in", "messages_out", "started")

    def __init__(self) -> None:
        self.started = _local_time()
        self.messages_in = 0
        self.messages_out = 0

    def report(self) -> list[tuple[Atom, Any]]:
        """Return the property list of ``sys:statistics(Name, get)``."""
        return [
            (Atom("start_time"), self.started),
            (Atom("current_time"), _local_time()),
            (Atom("reductions"), self.messages_in),
            (Atom("messages_in"), self.messages_in),
            (Atom("messages_out"), self.messages_out),
        ]


def _local_time() -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    now = time.localtime()
    return (
        (now.tm_year, now.tm_mon, now.tm_mday),
        (now.tm_hour, now.tm_min, now.tm_sec),
    )
