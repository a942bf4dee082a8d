"""How a process that a supervisor was linked to has really ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...process.messages import ExitMessage

if TYPE_CHECKING:
    from etf import Pid

    from ...process.process import Process


def end_of(supervisor: Process, pid: Pid, reason: Any) -> Any:
    """Unlink *pid*, which is dead, and return its exit reason.

    *reason* is what a monitor said, which is ``noproc`` if it died before: then the
    exit signal of the link, if it is there, knows better. That message is taken out.
    """
    supervisor.unlink(pid)
    found = [reason]

    def is_exit(message: Any) -> bool:
        if isinstance(message, ExitMessage) and message.pid == pid:
            found.append(message.reason)
            return True
        return False

    supervisor.remove(is_exit)
    return found[-1]
