"""``erlang``: its processes."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

from etf import Pid

from ...errors import NameTaken, NotRegistered
from ...gen.portable import portable
from ...node.questions import Room, atom
from ...process.atoms import UNDEFINED
from ...process.reasons import as_reason

if TYPE_CHECKING:
    from etf import Atom

ROOM = Room("erlang")


@ROOM.reads
def processes(node: Any) -> list[Pid]:
    """The pids of all processes."""
    return node.processes()  # type: ignore[no-any-return]


@ROOM.reads
def is_process_alive(node: Any, pid: Pid) -> bool:
    """Whether a process lives."""
    return bool(node.is_process_alive(pid))


@ROOM.reads
def process_info(node: Any, pid: Pid, item: Any = None) -> Any:
    """What can be seen of a process: one item, several, or those that OTP shows.

    What is no term, in a mailbox or a dictionary, is its text.
    """
    found = node.process_info(pid, item)
    return UNDEFINED if found is None else portable(found)


@ROOM.acts
def register(node: Any, name: Atom, pid: Pid) -> bool:
    """Give a process a name."""
    try:
        node.register(atom(name), pid)
    except (NameTaken, NotRegistered) as error:
        raise ValueError from error
    return True


@ROOM.acts
def unregister(node: Any, name: Atom) -> bool:
    """Take a name away."""
    try:
        node.unregister(atom(name))
    except NotRegistered as error:
        raise ValueError from error
    return True


@ROOM.acts
async def exit_(node: Any, pid: Pid, reason: Any) -> bool:
    """Send an exit signal to a process of the node."""
    if not isinstance(pid, Pid) or pid.node != node.name:
        raise TypeError(pid)
    await node.exit(pid, as_reason(reason))
    return True


@ROOM.acts
def garbage_collect(node: Any, pid: Pid | None = None) -> bool:
    """Collect garbage: that of the program, whatever the process."""
    gc.collect()
    return True
