"""What waits for a worker: a call that is to be passed on, or a wish for a worker.

A call that a worker has is a *relay*: the request carries an alias of the pool, and the
answer to that goes on to who called, in the step in which the worker gives it. So the
worker answers directly, no message passes through the pool, and the pool knows when a
worker is free. The pid in the request's ``From`` is that of the caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, final

from etf import ImproperList, Pid

from ...process.atoms import ALIAS, GEN_CALL, OK
from ...process.mailbox import Mailbox
from ...process.refusals import is_watched, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from etf import Reference

    from ...process.process import Process
    from .slots import Slot


class Job(Protocol):
    """Something that a worker is wanted for."""

    alone: bool
    """Whether it needs a worker that has nothing else to do."""
    attempts: int
    """How many workers have had it."""

    @property
    def wanted(self) -> bool:
        """Whether whoever asked still waits."""

    def give(self, slot: Slot) -> None:
        """Let the worker in *slot* have it."""

    def fail(self, reason: Any) -> None:
        """Tell who asked that nothing comes of it."""


class _Asked:
    """Somebody who called the pool, and may have given up since."""

    def __init__(self, pool: Process, from_: Any) -> None:
        self.attempts = 0
        self._pool = pool
        self._from = from_
        self._watched = is_watched(pool, from_)

    @property
    def wanted(self) -> bool:
        # Who did not watch in the beginning cannot be known to have given up.
        return not self._watched or is_watched(self._pool, self._from)

    def fail(self, reason: Any) -> None:
        refuse(self._pool, self._from, reason)


@final
class Relay(_Asked):
    """A call on its way through the pool."""

    alone = False
    priority = False

    def __init__(
        self,
        pool: Process,
        from_: Any,
        request: Any,
        done: Callable[[Slot], object],
    ) -> None:
        super().__init__(pool, from_)
        self._request = request
        self._done = done
        self._ref: Reference | None = None
        self._slot: Slot | None = None

    @property
    def owner(self) -> Process:
        """Who has the alias."""
        return self._pool

    def give(self, slot: Slot) -> None:
        self.attempts += 1
        self._slot, self._ref = slot, self._pool.runtime.new_reference()
        self._pool.lead_to(self._ref, self)
        slot.jobs[self] = None
        match self._from:
            case (Pid() as caller, _):
                pass
            case _:
                caller = self._pool.pid
        from_ = (caller, ImproperList([ALIAS], self._ref))
        # Past a limit that its mailbox may have: how many calls it has is limited here.
        Mailbox.deliver(slot.process, (GEN_CALL, from_, self._request))

    def deliver(self, message: Any) -> None:
        """Take the answer of the worker, and pass it on."""
        slot = self._slot
        if slot is None or message.__class__ is not tuple or len(message) != 2:
            return
        # If the answer cannot be sent that is the worker's error, as without a pool.
        slot.process.reply_nowait(self._from, message[1])
        self._let_go()
        del slot.jobs[self]
        self._done(slot)

    deliver_priority = deliver

    def fail(self, reason: Any) -> None:
        self._let_go()
        super().fail(reason)

    def take_back(self) -> None:
        """Note that the worker that had it is no more."""
        self._let_go()

    def _let_go(self) -> None:
        if self._ref is not None:
            self._pool.unalias(self._ref)
        self._slot = self._ref = None


@final
class Checkout(_Asked):
    """Somebody who wants a worker for itself."""

    alone = True

    def __init__(self, pool: Process, from_: Any, lease: Any) -> None:
        super().__init__(pool, from_)
        self.lease = lease
        """What the borrower calls it when it gives the worker back."""
        self.borrower = from_[0]
        self.monitor: Reference | None = None

    def give(self, slot: Slot) -> None:
        self.attempts += 1
        self.monitor = self._pool.monitor_nowait(self.borrower)
        slot.lent = self
        self._pool.reply_nowait(self._from, (OK, slot.process.pid))

    def end(self) -> None:
        """Watch the borrower no more."""
        if self.monitor is not None:
            self._pool.demonitor(self.monitor)
            self.monitor = None
