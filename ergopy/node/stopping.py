"""How a node ends: its processes, then its connections, then all its tasks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from ..process import stacks
from ..process.shutdown import shut_down

if TYPE_CHECKING:
    from ..process.runtime import Runtime
    from .connections import Connections

logger = logging.getLogger("ergopy.node")

DRAIN = 1.0
"""Seconds, of the grace at most, for bytes that are still to be sent."""

PATIENCE = 5.0
"""Seconds after which a task that was cancelled and does not end is logged."""


async def stop(runtime: Runtime, connections: Connections, over: float) -> None:
    """End everything that runs on a node; nothing is left when its tasks are gone.

    Until *over* the processes have time for it.
    """
    killed = await shut_down(runtime, max(0.0, over - trio.current_time()))
    if killed:
        logger.warning("%s: processes that had to be killed: %d", runtime.name, killed)
    left = max(0.0, over - trio.current_time())
    await connections.drain(min(left, DRAIN))
    connections.close_all()
    nursery = runtime.nursery
    assert nursery is not None
    nursery.cancel_scope.cancel()
    await _tell_of_the_stubborn(runtime.name, nursery)


async def _tell_of_the_stubborn(name: str, nursery: trio.Nursery) -> None:
    """Wait for the tasks, and log which of them do not heed their cancellation."""
    with trio.move_on_after(PATIENCE):
        while nursery.child_tasks:
            # The first turns are enough for nearly all of them.
            for _ in range(5):
                await trio.lowlevel.checkpoint()
            if nursery.child_tasks:
                await trio.sleep(0.01)
    for task in nursery.child_tasks:
        logger.error(
            "%s cannot end: task %s goes on, shielded or waiting for a thread\n%s",
            name,
            task.name,
            stacks.text(task.coro),
        )


async def hold(*, task_status: trio.TaskStatus[trio.Nursery]) -> None:
    """Hold the tasks of a node.

    When the program around it is cancelled the processes are not: the node ends them,
    in order and with time to clean up.
    """
    with trio.CancelScope(shield=True):
        async with trio.open_nursery() as nursery:
            task_status.started(nursery)
            await trio.sleep_forever()


async def throw(error: Exception) -> None:
    """Fail as a task of a nursery."""
    raise error
