"""Waiting for tasks: reading the two messages of each out of where they arrive."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from etf import Reference

from ...errors import LocalProtocolError, ReceiveTimeout
from ...process.atoms import KILL, SHUTDOWN
from ...process.message_queue import Newer
from ...process.messages import Down
from .inbox import is_body

if TYPE_CHECKING:
    from etf import Pid

    from ...process.process import Process
    from .inbox import Inbox

BRUTAL_KILL = "brutal_kill"


class Answer(NamedTuple):
    """Where one task answers: ``{Ref, Value}``, and the ``DOWN`` of its monitor."""

    owner: Process
    inbox: Process | Inbox
    ref: Reference

    def check_owner(self) -> None:
        """Raise unless the running task may read where this answer arrives."""
        if self.inbox is self.owner and not is_body(self.owner):
            raise LocalProtocolError(
                f"a task of {self.owner!r} can be waited for in its body only"
            )

    async def take(self, timeout: float | None) -> Any:
        """Take the value or the end, whichever came first; None if there is none."""
        self.check_owner()
        message = await self.read(self.ref, timeout)
        if message is not None and message.__class__ is not Down:
            self.drop()
        return message

    async def read(self, ref: Reference, timeout: float | None) -> Any:
        """Receive what *ref* stands for; None if it does not come in time."""
        seconds = math.inf if timeout is None else timeout
        wanted = Newer(ref, lambda message: ref_of(message) == ref)
        try:
            return await self.inbox.receive(wanted, seconds)
        except ReceiveTimeout:
            return None

    def drop(self) -> None:
        """Watch the task no longer."""
        self.inbox.demonitor(self.ref)

    async def end(self, pid: Pid, timeout: float | str | None) -> Any:
        """End the task, which is linked no more; return its value or its ``Down``."""
        monitor = self.inbox.monitor_nowait(pid)
        try:
            if timeout == BRUTAL_KILL:
                await self.owner.exit(pid, KILL)
                timeout = None
            else:
                await self.owner.exit(pid, SHUTDOWN)
            down = await self.read(monitor, timeout)  # type: ignore[arg-type]
            if down is None:
                await self.owner.exit(pid, KILL)
                down = await self.read(monitor, None)
        except BaseException:
            self.inbox.demonitor(monitor)
            raise
        # Its value came before its end; of an end before this one the first monitor has
        # told the reason.
        message = await self.read(self.ref, 0)
        self.drop()
        return message or down


def ref_of(message: Any) -> Reference | None:
    """Return whose message of the two it is: ``{Ref, Value}`` or a ``DOWN``."""
    if message.__class__ is Down:
        return message.ref
    if message.__class__ is tuple and len(message) == 2:
        ref = message[0]
        return ref if ref.__class__ is Reference else None
    return None
