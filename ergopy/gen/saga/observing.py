"""What a saga tells of, as it happens: an event to subscribe to, and a log.

A saga with ``events = "bookings"`` owns the event of that name (see
:mod:`ergopy.events`), and publishes a :class:`SagaEvent` for whatever happens to its
transactions. A subscriber of this node gets the object, one of another node a map with
atoms as keys::

    {event, {bookings, Node},
     #{kind => hop, transaction => Ref, saga => Pid, step => Ref, at => 1.7e9, ...}}

``etf.convert(message.value, ergopy.saga.SagaEvent)`` takes either.

With the logger ``ergopy.saga.events`` at level DEBUG when the saga starts, each is a
line of the log as well. Without a name and with a higher level the saga does nothing
for it; with a name, and nobody who has subscribed, next to nothing.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

import trio

import etf
from etf import Atom, Pid, Reference

from ..._text import printable
from ...errors import ErgopyError
from .. import events
from ..events import EventDown
from .core.transaction import SagaJob, SagaStep, printed
from .graph import Info
from .present import enter, name_in_use
from .texts import name_of, reason_text, work_of

if TYPE_CHECKING:
    from ..events import Event
    from .core.actions import Observe
    from .saga import Saga

logger = logging.getLogger("ergopy.saga")
_log = logging.getLogger("ergopy.saga.events")

_WITH_REASON: Final = frozenset({"cancel", "dropped", "job_failed", "undo_failed"})
_FIRST_PAUSE: Final = 1.0
_LAST_PAUSE: Final = 60.0


@final
@etf.mapped(extra="ignore")
@dataclass(frozen=True, slots=True)
class SagaEvent(Info):
    """Something that happened to a transaction, at one saga.

    ======================== =====================================================
    ``kind``                 what has happened
    ======================== =====================================================
    ``started``              it was started here, or has come here
    ``hop``                  it was sent to a further saga
    ``result``, ``interim``  that is what came back of a step
    ``dropped``              a step, or job, is given up; the transaction goes on
    ``job``                  a job has its worker
    ``job_result``           that is what came back of the job, ``job_interim`` too
    ``job_failed``           the job has no result
    ``voting``               it is asked for a vote, and asks those below
    ``prepared``             it has voted yes: it is in doubt
    ``asking``               still in doubt, it asks what was decided
    ``commit``               it is committed here
    ``lost``                 a saga below has not confirmed the commit, and never will
    ``cancel``               it was cancelled
    ``undone``               a compensation has run
    ``undo_failed``          a compensation has raised, and will be tried again
    ``done``                 it is over here, and was a success
    ``recovered``            the saga has found it in its log, and goes on with it
    ======================== =====================================================
    """

    kind: Atom
    """What has happened; there may be more kinds one day."""
    transaction: Reference
    """The transaction."""
    saga: Pid
    """The saga at which it has happened."""
    name: str | None = None
    """What that is registered as."""
    step: Reference | None = None
    """The step or job that it is about."""
    detail: str | None = None
    """Whom a step goes to, what does a job, or a reason. Never a value or result."""
    at: float = 0.0
    """When, in seconds since 1970 by the clock of its node."""

    def as_json(self) -> dict[str, Any]:
        # No super() here: a dataclass with slots is another class than it was.
        return {**Info.as_json(self), "step": self.step_label}

    @property
    def step_label(self) -> str | None:
        """The step or job as it is printed."""
        if self.step is None:
            return None
        return printed("Job" if self.kind.startswith("job") else "Next", self.step)

    def __str__(self) -> str:
        where = f"{printed('TX', self.transaction)} at {self.name or self.saga}"
        parts = (where, str(self.kind), self.step_label, self.detail)
        return printable(" ".join(filter(None, parts)))


@final
class Observer:
    """Tells of what the machine of one saga has seen."""

    def __init__(self, saga: Saga) -> None:
        self._saga = saga
        self._event: Event | None = None
        self._logs = _log.isEnabledFor(logging.DEBUG)

    async def open(self) -> None:
        """Let the saga be seen, and register its event if it has one.

        Raises:
            EventTaken: Another process has an event of that name.
            NoProcess: There is no event server on this node.
            EventError: It takes no more events.
        """
        saga = self._saga
        enter(saga)
        if saga.events is not None:
            await self._register()
        saga._machine.observed = self._logs or saga.events is not None

    async def _register(self) -> None:
        saga = self._saga
        self._event = await events.register(saga.events, caller=saga.process)

    def observe(self, action: Observe) -> None:
        """Tell of something, if anybody listens. Never waits, and never raises."""
        event = self._event
        heard = event is not None and event.is_registered and len(event.channel) > 0
        if not heard and not self._logs:
            return
        told = self._told(action)
        if self._logs:
            _log.debug("%s", told)
        if heard and event is not None:
            event.publish_as(self._saga.pid, told)

    def _told(self, action: Observe) -> SagaEvent:
        saga, step = self._saga, action.step
        return SagaEvent(
            Atom(action.kind),
            action.transaction.id,
            saga.pid,
            name_in_use(saga),
            None if step is None else step.id,
            _detail(action),
            time.time(),
        )

    def took(self, message: Any) -> bool:
        """Take the end of the event server; return whether it was that.

        The event is registered again, as soon as there is a server.
        """
        event = self._event
        if event is None or message.__class__ is not EventDown:
            return False
        if message.name != event.name or message.node != event.node:
            return False
        self._event = None
        self._saga.start_soon(self._register_again)
        return True

    async def _register_again(self) -> None:
        pause = _FIRST_PAUSE
        while self._event is None:
            await trio.sleep(pause)
            pause = min(2 * pause, _LAST_PAUSE)
            try:
                await self._register()
            except ErgopyError as error:
                logger.error(
                    "saga %s has no event %s, and will try again: %s",
                    self._saga.process.label,
                    self._saga.events,
                    error,
                )


def _detail(action: Observe) -> str | None:
    if action.kind in _WITH_REASON:
        return reason_text(action.detail)
    step = action.step
    if isinstance(step, SagaStep) and action.kind == "hop":
        return name_of(step.saga)
    if isinstance(step, SagaJob) and action.kind == "job":
        return work_of(step.work)
    return None
