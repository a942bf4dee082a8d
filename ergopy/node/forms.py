"""Which form a signal takes on a connection, if it can go there at all.

A signal is made in its newest form, and may wait in it for a connection. What the
connection shares decides then: an alias or priority signal has an older form, or none
(protocol 4.1); without both flags for monitors nothing is watched over there; and a
link to a process of an earlier start is over before it began.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from etf import Pid, Reference

from ..dist import control as op
from ..dist.flags import Flag
from ..process.atoms import EMPTY

if TYPE_CHECKING:
    from etf import Atom

    Control = tuple[Any, ...]

logger = logging.getLogger("ergopy.node")

_MONITORS = Flag.DIST_MONITOR | Flag.DIST_MONITOR_NAME
_LINK_SIGNALS = (op.PAYLOAD_EXIT, op.UNLINK_ID, op.UNLINK_ID_ACK)


def priority_message(sender: Pid, to: Pid | Atom | Reference) -> Control:
    """Make the control tuple of a message that is to overtake others."""
    return (op.ALTACT_SIG_SEND, op.ALTACT_PRIORITY | _kind(to), sender, to)


def exit_signal(sender: Pid, to: Pid | Reference, *, priority: bool) -> Control:
    """Make the control tuple of an exit signal as of ``exit/2,3``."""
    if to.__class__ is Pid and not priority:
        return (op.PAYLOAD_EXIT2, sender, to)
    flags = op.ALTACT_EXIT | _kind(to) | (op.ALTACT_PRIORITY if priority else 0)
    return (op.ALTACT_SIG_SEND, flags, sender, to)


def can_watch(flags: Flag) -> bool:
    """Tell whether there are monitors on a connection; else only the loss is told."""
    return flags & _MONITORS == _MONITORS


def on_link(flags: Flag, creation: int, control: Control) -> Control | None:
    """Return the form for a peer with these flags; None if nothing is to be sent."""
    number = control[0]
    if number == op.ALTACT_SIG_SEND and not flags & Flag.ALTACT_SIG:
        older = _older(control)
        return None if older is None else on_link(flags, creation, older)
    if number == op.ALIAS_SEND and not flags & Flag.ALIAS:
        return None
    if number in (op.MONITOR_P, op.DEMONITOR_P) and not can_watch(flags):
        return None
    if number in _LINK_SIGNALS and control[-1].creation != creation:
        return None
    return control


def _kind(to: Any) -> int:
    if isinstance(to, Reference):
        return op.ALTACT_ALIAS
    return 0 if isinstance(to, Pid) else op.ALTACT_NAME


def _older(control: Control) -> Control | None:
    """Return the form without ALTACT_SIG_SEND; there is none for an alias's exit."""
    _, flags, sender, to = control
    if flags & op.ALTACT_EXIT:
        if flags & op.ALTACT_ALIAS:
            logger.debug("%s knows no exit signals to aliases; one is dropped", to.node)
            return None
        return (op.PAYLOAD_EXIT2, sender, to)
    if flags & op.ALTACT_ALIAS:
        return (op.ALIAS_SEND, sender, to)
    if flags & op.ALTACT_NAME:
        return (op.REG_SEND, sender, EMPTY, to)
    return (op.SEND_SENDER, sender, to)
