"""What is logged when a handler ends badly; its manager lives on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ...process import reasons, reports

if TYPE_CHECKING:
    from ...process.process import Process

logger = logging.getLogger("ergopy.gen")


def report_crash(
    manager: Process,
    name: Any,
    last: Any,
    reason: Any,
    failure: BaseException | None = None,
) -> None:
    """Report once that the handler *name* failed with *last*, its last event.

    The record has the fields of :mod:`ergopy.process.reports`, with ``"report"`` as
    ``"handler_report"``, ``handler``, ``reason`` and ``last_message``.
    """
    logger.error(
        "event handler %s of %s crashed: %s; its last event was %s",
        name,
        manager.label,
        reasons.shown(reason) if failure is None else reasons.described(failure),
        reasons.shown(last),
        exc_info=failure,
        extra={
            "report": "handler_report",
            "handler": name,
            "reason": reason,
            "last_message": last,
            **reports.about(manager),
        },
    )
