"""What is logged of applications, as ``application_controller`` does it.

Logger ``ergopy.application``. Each is one record, with ``report`` and the name as
``application`` among its attributes; what processes have to say of themselves is in
:mod:`ergopy.process.reports`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from etf import Atom

from ...process import reasons
from ...process.otp_reports import labelled

if TYPE_CHECKING:
    from ...process.process import Process
    from .run import Run

logger = logging.getLogger("ergopy.application")

STOPPED = Atom("stopped")
"""What OTP says instead of a reason of one that was asked to end."""


def started_report(node: str, run: Run) -> None:
    """Report that an application has come up."""
    parts = [(Atom("application"), Atom(run.name)), (Atom("started_at"), Atom(node))]
    fields = {
        "report": "progress_report",
        "application": run.name,
        "node": node,
        "otp": labelled("application_controller", "progress", parts),
    }
    logger.info("application %s started at %s", run.name, node, extra=fields)


def exited_report(node: str, run: Run, reason: Any, *, clean: bool) -> None:
    """Report how an application ended: that of a *clean* end is no error."""
    parts = [
        (Atom("application"), Atom(run.name)),
        (Atom("exited"), reason),
        (Atom("type"), Atom(str(run.start_type))),
    ]
    logger.log(
        logging.INFO if clean else logging.ERROR,
        "application %s (%s) exited: %s",
        run.name,
        run.start_type,
        reasons.shown(reason),
        extra={
            "report": "application_report",
            "application": run.name,
            "start_type": str(run.start_type),
            "otp": labelled("application_controller", "exit", parts),
            "reason": reason,
            "node": node,
        },
    )


def killed_report(process: Process, name: str, killed: int) -> None:
    """Report that processes of an application had to be killed at its end."""
    logger.warning(
        "application %s: processes that had to be killed: %d",
        name,
        killed,
        extra={
            "report": "application_report",
            "application": name,
            "killed": killed,
            "node": process.runtime.name,
        },
    )
