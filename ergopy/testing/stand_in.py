"""A process that the test itself plays."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ..node.verbs import Verbs
    from ..process import Process


@asynccontextmanager
async def stand_in(
    node: Verbs, name: str | None = None, *, trap_exit: bool = True
) -> AsyncIterator[Process]:
    """Run a process whose body is the test: what is under test talks to it.

    ``async with`` gives the :class:`ergopy.Process`. It has all the verbs, with itself
    as the sender, and the test takes its messages with ``receive``, in which it
    should be given a ``timeout``. Exit signals arrive as messages unless *trap_exit*
    is False; then they end the process, and the test finds out by ``alive``.

    Leaving it kills the process; it has ended, and its name is free.

    Raises:
        NameTaken: Another process has the name.
    """
    ended = trio.Event()

    async def body(process: Process) -> None:
        process.trap_exit = trap_exit
        started.append(process)
        up.set()
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    started: list[Process] = []
    up = trio.Event()
    await node.spawn(body, name=name)
    await up.wait()
    try:
        yield started[0]
    finally:
        started[0].kill()
        with trio.CancelScope(shield=True):
            # It only has to leave its tables.
            await ended.wait()
