"""Children that say how they ended, and their ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from ergopy import GenServer
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy import Pid
    from ergopy.process.runtime import Runtime


class Worker(GenServer):
    """Says in a list how it ended, after as many seconds as it was told."""

    async def init(self, log: list[Any], name: str, seconds: float = 0) -> None:
        self.process.trap_exit = True
        self.log, self.name, self.seconds = log, name, seconds

    async def terminate(self, reason: Any) -> None:
        await trio.sleep(self.seconds)
        self.log.append((self.name, reason))


async def end(runtime: Runtime, pid: Pid, reason: Any = "gone") -> None:
    await runtime.root.exit(pid, reason)
    await settle()
