"""What an event log has in it: named tuples, one kind for each thing that happens.

The first field is always ``label``: the name of the process that it is about, or what
it is called in logs if it has none. The second is its pid, but in reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etf import Pid


class ProcessStarted(NamedTuple):
    """A process is there, and its body has not begun."""

    label: Any
    pid: Pid


class ProcessEnded(NamedTuple):
    """A process is over."""

    label: Any
    pid: Pid
    reason: Any


class ProcessLinked(NamedTuple):
    """A process has linked itself to another one, or has started it linked."""

    label: Any
    pid: Pid
    to: Pid


class ProcessUnlinked(NamedTuple):
    """A process has taken a link back."""

    label: Any
    pid: Pid
    to: Pid


class NameRegistered(NamedTuple):
    """A process that ran already has got a name."""

    label: Any
    pid: Pid
    name: str


class NameUnregistered(NamedTuple):
    """A name was taken from a process that lives on."""

    label: Any
    pid: Pid
    name: str


class MessageReceived(NamedTuple):
    """A message has come into a mailbox, from this node or another one."""

    label: Any
    pid: Pid
    message: Any


class MessageSent(NamedTuple):
    """A message has left for another node: to a pid, an alias or ``(name, node)``."""

    label: Any
    pid: Pid
    to: Any
    message: Any


class CrashReport(NamedTuple):
    """A process has ended in a way that is logged."""

    label: Any
    reason: Any


class SupervisorReport(NamedTuple):
    """Something went wrong with a child of a supervisor, whose label this is.

    ``context`` is ``start_error``, ``child_terminated``, ``shutdown`` or
    ``shutdown_error``; *offender* has the fields that OTP gives it, ``id`` for one.
    """

    label: Any
    context: str
    reason: Any
    offender: Mapping[str, Any]


class ProgressReport(NamedTuple):
    """A supervisor has started a child."""

    label: Any
    started: Mapping[str, Any]
