"""Sending as a behaviour does between its callbacks: first all, then wait for room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Pid

if TYPE_CHECKING:
    from ..process.process import Process
    from ..process.signals import RemoteNode


def tell(process: Process, dest: Any, message: Any) -> RemoteNode | None:
    """Send a message, whatever is queued for its receiver.

    Returns the node it went to if no more should be sent there before that is ready.
    """
    runtime = process.runtime
    if dest.__class__ is Pid and dest.node is runtime.name:
        receiver = runtime.find(dest)
        if receiver is not None:
            receiver.offer(message)
        return None
    remote = process.way_to(dest)
    if remote is not None and dest.__class__ is Pid:
        remote.send(process.pid, dest, message)
    else:
        process.send_one(dest, message)
    return None if remote is None or remote.has_room(process.pid) else remote


async def tell_and_wait(process: Process, dest: Any, message: Any) -> None:
    """Send a message, and wait while too much is queued for its node."""
    full = tell(process, dest, message)
    if full is not None:
        await full.ready(process.pid)
