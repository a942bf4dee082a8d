"""Processes that were killed and do not end.

Python cannot end code that never gets to a checkpoint that may be cancelled: what
shields itself, or waits for a thread. Whoever waits for the end of such a process, a
supervisor for example, can declare it *defunct* after a while: for everybody else it
has ended. Its names are free, its links, monitors and aliases are gone, nothing reaches
it any more. Its task unwinds when it can.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from .info import backtrace

if TYPE_CHECKING:
    from .process import Process

logger = logging.getLogger("ergopy.process")


def declare_defunct(process: Process) -> None:
    """Let a process that was killed have ended, for all that know of it.

    It logs an error with the stack that does not give way.
    """
    logger.error(
        "process %s was killed but does not end, and is defunct now: it shields "
        "itself, or waits for a thread\n%s",
        process.label,
        backtrace(process),
        extra={"pid": str(process.pid), "node": process.runtime.name},
    )
    process.end_helpers()
    process.finish(process.exit_reason)
