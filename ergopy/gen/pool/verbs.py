"""What can be asked of a pool besides the calls and casts for its workers."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from etf import Atom

from ...errors import NotRegistered, StartError
from ...process.atoms import GEN_CAST
from ..caller import acting
from .pool import POOL
from .statistics import PoolStatistics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from etf import Pid

_CHECKIN = Atom("checkin")
_CHECKOUT = Atom("checkout")
_RESIZE = Atom("resize")
_STATISTICS = Atom("statistics")


@asynccontextmanager
async def worker(
    dest: Any, *, timeout: float | None = 5.0, caller: Any = None
) -> AsyncIterator[Pid]:
    """Borrow a worker: nobody else is given it inside of the block.

    ::

        async with pool.worker("connections") as connection:
            await node.call(connection, "begin")

    It is a worker without calls; whoever wants one waits in the line of the pool. It
    goes back at the end of the block, or with the process that has borrowed it. If it
    ends meanwhile it is replaced, and the pid that was given is that of nobody.

    Args:
        dest: The pool: whatever can be called.
        timeout: Seconds to wait for one; None waits for ever.
        caller: Who borrows: a process, a behaviour or a node. By default the process
            that runs this.

    Raises:
        CallExit: Too many wait already: its ``reason`` is ``overloaded``. Or the pool
            ended.
        CallTimeout: None was free in time.
        CallError, NodeDown: As for ``Process.call``.

    Cancelled while it waits it leaves the line.
    """
    process = acting(caller)
    lease = process.new_ref()
    try:
        _, pid = await process.call(dest, (POOL, _CHECKOUT, lease), timeout)
        yield pid
    finally:
        # It must not wait: this may be a cancelled task.
        with suppress(NotRegistered):
            process.send_one(dest, (GEN_CAST, (POOL, _CHECKIN, lease)))


async def resize(dest: Any, size: int, *, caller: Any = None) -> None:
    """Give a pool another number of workers.

    New ones are up when this returns. Those that are too many get nothing more to do,
    and are stopped as soon as they have done what they have.

    Raises:
        StartError: A worker did not come up; the pool has as many as there are now.
        CallExit: *size* is no number above 0 (``badarg``), or above ``max_size``
            (``system_limit``); or the pool ended.
        CallError, NodeDown: As for ``Process.call``.
    """
    answer = await acting(caller).call(dest, (POOL, _RESIZE, size), None)
    match answer:
        case (Atom("error"), reason):
            raise StartError(f"a worker of {dest!r}", reason)


async def statistics(
    dest: Any, *, timeout: float | None = 5.0, caller: Any = None
) -> PoolStatistics:
    """Return the numbers of a pool, taken now.

    Raises:
        CallError, NodeDown: As for ``Process.call``.
    """
    numbers = await acting(caller).call(dest, (POOL, _STATISTICS), timeout)
    return PoolStatistics.from_map(numbers)
