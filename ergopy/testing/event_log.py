"""A log of what the processes of a node do, to be asserted and waited for."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, final

from ..abc import Instrument
from ..process import tracing
from ._place import runtime_of
from ._record import Record
from .log_events import (
    CrashReport,
    MessageReceived,
    MessageSent,
    NameRegistered,
    NameUnregistered,
    ProcessEnded,
    ProcessLinked,
    ProcessStarted,
    ProcessUnlinked,
    ProgressReport,
    SupervisorReport,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etf import Pid

    from ..process import Process
    from ..process.runtime import Runtime
    from ._place import Place

_SUPERVISOR = "ergopy.supervisor"


@contextmanager
def event_log(*where: Place, messages: bool = False) -> Iterator[EventLog]:
    """Write down what processes do; ``with`` gives the :class:`EventLog`.

    *where* are nodes, or the :class:`Probe` of a process that runs alone. It has
    starts, ends, links, names, and the reports of crashes and supervisors; with
    *messages* those too, as they come into a mailbox or leave for another node.
    Progress reports are at level INFO, which is switched on for them meanwhile.
    """
    log = EventLog()
    hears = _InstrumentOfMessages if messages else _Instrument
    runtimes = list(map(runtime_of, where))
    instruments = [(runtime, hears(log, runtime)) for runtime in runtimes]
    reports = _Reports(log, runtimes)
    for runtime, instrument in instruments:
        tracing.attach(runtime, instrument)
    logger, supervisor = logging.getLogger("ergopy"), logging.getLogger(_SUPERVISOR)
    level = supervisor.level
    supervisor.setLevel(min(supervisor.getEffectiveLevel(), logging.INFO))
    logger.addHandler(reports)
    try:
        yield log
    finally:
        logger.removeHandler(reports)
        supervisor.setLevel(level)
        for runtime, instrument in instruments:
            tracing.detach(runtime, instrument)


@final
class EventLog:
    """What has happened; the kinds of events are named tuples with a ``label``."""

    def __init__(self) -> None:
        self._record = Record()

    def __repr__(self) -> str:
        return f"<EventLog: {len(self.events)} events>"

    def __str__(self) -> str:
        """Show one event a line."""
        return "\n".join(map(repr, self.events))

    @property
    def events(self) -> list[Any]:
        """All events, oldest first; clear it as you like."""
        return self._record.items

    def of(self, *kinds: type, **fields: Any) -> list[Any]:
        """Return the events of these kinds, of all if none is given, in order.

        *fields* are what they have to have: ``log.of(ProcessEnded, label="counter")``.
        """
        found = []
        for event in self.events:
            if kinds and not isinstance(event, kinds):
                continue
            if all(getattr(event, key, _NOTHING) == fields[key] for key in fields):
                found.append(event)
        return found

    async def wait_for(
        self, *kinds: type, count: int = 1, timeout: float = 5.0, **fields: Any
    ) -> Any:
        """Wait until there are *count* such events, as for :meth:`of`; return the last.

        Those that are there already count.

        Raises:
            AssertionError: They did not come in *timeout* seconds.
        """
        return await self._record.wait(
            lambda: self.of(*kinds, **fields),
            count,
            timeout,
            lambda: f"what happened:\n{self}",
        )

    def _add(self, event: Any) -> None:
        self._record.add(event)


class _Instrument(Instrument):
    """Hears of the processes of one node; see ``ergopy.abc.Instrument``."""

    def __init__(self, log: EventLog, runtime: Runtime) -> None:
        self._add = log._add
        self._runtime = runtime

    def process_started(self, process: Process) -> None:
        self._add(ProcessStarted(_label(process), process.pid))

    def process_ended(self, process: Process, reason: Any) -> None:
        self._add(ProcessEnded(_label(process), process.pid, reason))

    def process_linked(self, process: Process, to: Pid) -> None:
        self._add(ProcessLinked(_label(process), process.pid, to))

    def process_unlinked(self, process: Process, to: Pid) -> None:
        self._add(ProcessUnlinked(_label(process), process.pid, to))

    def name_registered(self, process: Process, name: str) -> None:
        self._add(NameRegistered(_label(process), process.pid, name))

    def name_unregistered(self, process: Process, name: str) -> None:
        self._add(NameUnregistered(_label(process), process.pid, name))


@final
class _InstrumentOfMessages(_Instrument):
    """Hears of messages as well."""

    def message_received(self, process: Process, message: Any) -> None:
        self._add(MessageReceived(_label(process), process.pid, message))

    def message_sent(self, sender: Pid, to: Any, message: Any) -> None:
        process = self._runtime.find(sender)
        label = None if process is None else _label(process)
        self._add(MessageSent(label, sender, to, message))


@final
class _Reports(logging.Handler):
    """Hears of the reports that are logged."""

    def __init__(self, log: EventLog, runtimes: list[Runtime]) -> None:
        super().__init__()
        self._add = log._add
        self._nodes = {runtime.name for runtime in runtimes}

    def emit(self, record: Any) -> None:
        if getattr(record, "node", None) not in self._nodes:
            return
        match getattr(record, "report", None):
            case "crash_report":
                self._add(CrashReport(_named(record), record.reason))
            case "supervisor_report":
                about = record.context, record.reason, record.offender
                self._add(SupervisorReport(_named(record), *about))
            case "progress_report":
                self._add(ProgressReport(_named(record), record.started))


def _label(process: Process) -> Any:
    return process.names[0] if process.names else process.label


def _named(record: Any) -> Any:
    return record.registered_name or record.label


_NOTHING = object()
