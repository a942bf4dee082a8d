"""Stopping the processes of a registry."""

from __future__ import annotations

import math
from typing import Any

from ...errors import CallTimeout, NotRegistered
from ...process.reasons import as_reason
from .departure import Departure
from .keys import mark_of
from .starting import TIMED_OUT, failure
from .starts import Starts
from .waiting import check_timeout


class Stops(Starts):
    """The verbs of a registry that stop processes."""

    async def stop(
        self,
        key: Any,
        reason: Any = "shutdown",
        timeout: float | None = 5.0,
        *,
        wait: bool = True,
        kill: bool = True,
    ) -> Any:
        """Take *key* out and end its process; return the reason it has ended with.

        It is unregistered first, then told *reason* by an exit signal of the registry,
        then waited for. One that has not ended in *timeout* seconds is killed. A
        behaviour that traps exits ends nevertheless if the registry has started it; a
        plain process that traps them may go on, which only *wait* or *kill* set to
        False let it: it then lives without being registered.

        Args:
            key: Whose process. While that is being started, the start is awaited.
            reason: The exit reason; ``"kill"`` kills.
            timeout: Seconds; ``None`` waits for ever.
            wait: Without it nobody waits, and None is returned.
            kill: Without it what does not end in time is left alone.

        Raises:
            NotRegistered: Nobody has the key.
            CallTimeout: It has not ended, and was not to be killed.

        Cancelling it leaves the process as it is, unregistered.
        """
        self._need_unique("stop")
        check_timeout(timeout)
        mark = mark_of(key)
        under_way = self._reserved.get(mark)
        if under_way is not None:
            outcome = await self._wait(under_way, timeout)
            if outcome is TIMED_OUT:
                raise failure(self.dest, key, timeout, outcome)
        entry = self._get(mark)
        if entry is None:
            raise NotRegistered(key)
        pid = entry.pid
        self._drop(entry)
        seconds = math.inf if timeout is None else timeout
        with Departure(self.process, pid) as departure:
            await departure.tell(as_reason(reason))
            if not wait:
                return None
            if await departure.ended(seconds, kill=kill):
                return departure.reason
        raise CallTimeout(pid, seconds)
