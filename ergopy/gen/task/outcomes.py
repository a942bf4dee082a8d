"""What the messages of a task mean: a value, or an end without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom

from ...errors import TaskExit
from ...process.atoms import NOCONNECTION, NODEDOWN, OK
from ...process.messages import Down

if TYPE_CHECKING:
    from .task import Task

EXIT = Atom("exit")


def value(task: Task, message: Any) -> Any:
    """Return the value in *message*, or raise why there is none."""
    if message.__class__ is Down:
        raise TaskExit(task, why(message))
    return message[1]


def outcome(task: Task, message: Any) -> Any:
    """Return ``{ok, Value}``, ``{exit, Reason}``, or None if there is no message.

    Raises:
        TaskExit: The node of the task was lost, so that nobody knows.
    """
    if message is None:
        return None
    if message.__class__ is not Down:
        return (OK, message[1])
    if message.reason == NOCONNECTION:
        raise TaskExit(task, why(message))
    return (EXIT, message.reason)


def why(down: Down) -> Any:
    """Return why a task ended; a lost node is ``{nodedown, Node}``."""
    if down.reason == NOCONNECTION:
        return (NODEDOWN, down.pid.node)
    return down.reason
