"""Reports, as OTP logs them: crash, supervisor and progress reports.

Each is one record of :mod:`logging`. Its text says who, why, and below whom; the same
parts are attributes of the record (``extra=``), for formatters that make JSON of them:

``report``
    ``"crash_report"``, ``"supervisor_report"`` or ``"progress_report"``.
``node``, ``pid``, ``label``, ``registered_name``, ``ancestors``
    The process that it is about; of the last two the supervisor that reports.
``reason``, ``context``, ``offender`` (or ``started``)
    Why; in what (``start_error``, ``child_terminated``, ``shutdown``,
    ``shutdown_error``); and what child, with the fields that OTP gives it.
``otp``, ``otp_pid``
    The whole as OTP's ``logger`` has it, ``#{label => .., report => ..}``, so that a
    BEAM can format it as its own; and the pid as such. Of a crash neither messages nor
    the dictionary are told.

A crash is reported once, by who ends its propagation: the loop of a behaviour, or the
runner of a process. That a supervisor lost a child is another report, as in OTP.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from . import otp_reports, reasons
from .atoms import ANCESTORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .process import Process

logger = logging.getLogger("ergopy.process")
supervisor_logger = logging.getLogger("ergopy.supervisor")


def crash_report(
    process: Process, reason: Any, error: BaseException | None = None
) -> None:
    """Report that *process* ends with *reason*, or by *error*, and was not told to."""
    if error is None:
        what = f"terminates: {reasons.shown(reason)}"
    else:
        what = f"crashed: {reasons.described(error)}"
    logger.error(
        "process %s %s%s",
        process.label,
        what,
        _below(process),
        exc_info=error,
        extra={
            "report": "crash_report",
            "reason": reason,
            "otp": otp_reports.crash(process, reason, error),
            **about(process),
        },
    )


def supervisor_report(
    process: Process, context: str, reason: Any, offender: Mapping[str, Any]
) -> None:
    """Report what went wrong with a child of the supervisor *process*."""
    supervisor_logger.error(
        "supervisor %s: %s: child %s %s: %s%s",
        process.label,
        context,
        offender.get("id"),
        offender.get("pid"),
        reasons.shown(reason),
        _below(process),
        extra={
            "report": "supervisor_report",
            "context": context,
            "reason": reason,
            "offender": offender,
            "otp": otp_reports.child(process, context, reason, offender),
            **about(process),
        },
    )


def progress_is_reported() -> bool:
    """Tell whether anybody reads progress reports; they are at level INFO."""
    return supervisor_logger.isEnabledFor(logging.INFO)


def progress_report(process: Process, started: Mapping[str, Any]) -> None:
    """Report that the supervisor *process* has started a child."""
    supervisor_logger.info(
        "supervisor %s started %s: %s",
        process.label,
        started.get("id"),
        started.get("pid"),
        extra={
            "report": "progress_report",
            "started": started,
            "otp": otp_reports.progress(process, started),
            **about(process),
        },
    )


def about(process: Process) -> dict[str, Any]:
    """Return the fields that say which process it is."""
    return {
        "node": process.runtime.name,
        "pid": str(process.pid),
        "label": process.label,
        "registered_name": process.names[0] if process.names else None,
        "ancestors": process.dictionary.get(ANCESTORS, []),
        "otp_pid": process.pid,
    }


def _below(process: Process) -> str:
    """Name the ancestors, nearest first, if it has any besides the node itself."""
    root = process.runtime.root.pid
    above = [str(who) for who in process.dictionary.get(ANCESTORS, []) if who != root]
    return f" (below {', '.join(above)})" if above else ""
