"""Doing what the machine of a saga says: sending, calling back, writing, waking up."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import trio

from etf import EncodeError

from ...errors import (
    EndOfLifespan,
    Exit,
    MailboxFull,
    NotPermitted,
    NotRegistered,
    SagaLogError,
    TransactionCanceled,
)
from ...process import reasons
from ...process.mailbox import Mailbox
from ..loop import Ending
from ..returns import Control, NoReply, Stop
from ..tell import tell
from . import jobs, wire
from .alarm import Alarm
from .core import actions, events, records
from .core.transaction import OPEN
from .messages import SagaCanceled, SagaFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from etf import Reference

    from ...process.signals import RemoteNode
    from .core.machine import Machine
    from .core.transaction import SagaTransaction
    from .log import SagaLog
    from .saga import Saga

logger = logging.getLogger("ergopy.saga")

TURNS = 16
"""Events that a saga has put off, and takes before the next message."""


class LogFailed(NamedTuple):
    """A record could not be written: nothing that it stands for may happen."""

    error: SagaLogError


class Postponed(NamedTuple):
    """Actions for a step of their own."""

    out: list[actions.Action]


class Doing:
    """One saga's machine, and its hands.

    Args:
        saga: Whose they are.
        machine: What says what is to be done.
    """

    def __init__(self, saga: Saga, machine: Machine) -> None:
        self._saga = saga
        self._process = saga.process
        self._machine = machine
        self._deadlines = machine.deadlines
        self.now = trio.lowlevel.current_clock().current_time
        """Returns the time, as ``trio.current_time``."""
        self._log: SagaLog | None = None
        self._name = ""
        self._watching: dict[Any, Reference] = {}
        self._watched: dict[Reference, Any] = {}
        self._alarm = Alarm(saga.process)
        self._steer: NoReply | None = None
        self._full: RemoteNode | None = None
        self._early: list[actions.Log] = []
        self._stops: dict[Reference, Stop] = {}
        self._soon: deque[Any] = deque()
        self._turns = 0

    def use_log(self, log: SagaLog, name: str) -> None:
        """Write records into *log*, as those of *name*."""
        self._log, self._name = log, name
        early, self._early = self._early, []
        for action in early:
            self._append(log, action)

    async def serve(self, event: Any) -> None:
        """Take the event that a message is, and then what that has put off.

        The mailbox has its turn again after some of these.
        """
        soon, self._turns = self._soon, TURNS
        await self.take(event)
        while soon:
            await self.take(soon.popleft())
        self._turns = 0

    async def take(self, event: Any) -> None:
        """Give an event to the machine, and do what it says."""
        now = self.now()
        out = self._machine.take(event, now)
        if out:
            await self._do(out)
        at = self._deadlines.next
        if at < self._alarm.at:
            self._alarm.set(at, now)

    def later(self, event: Any) -> None:
        """Take an event in a step of its own."""
        # Whatever limit the mailbox has: nothing else would make up for it.
        Mailbox.deliver(self._process, event)

    def recover(self, event: events.Recover) -> None:
        """Have a transaction again; what is to be done comes after ``init``."""
        out = self._machine.take(event, self.now())
        self.later(Postponed(out))

    async def go_on(self, postponed: Postponed) -> None:
        """Do what was put off."""
        await self._do(postponed.out)
        await self.take(events.Tick())

    def steered(self) -> NoReply | None:
        """Return what callbacks have said of the time until the next message."""
        steer, self._steer = self._steer, None
        return steer

    def lost(self, ref: Reference, reason: Any) -> Any:
        """Return the event that the end of a monitor is; None for a strange one."""
        if ref in self._machine.steps:
            return events.StepDown(ref, reason)
        pid = self._watched.pop(ref, None)
        if pid is None:
            return None
        del self._watching[pid]
        return events.SagaDown(pid, reason)

    async def _do(self, out: list[actions.Action]) -> None:
        # What follows from an action is put behind the others, and done as well.
        for action in out:
            kind = action.__class__
            if kind is actions.Tell:
                self._tell(action)
                continue
            now = _AT_ONCE.get(kind)
            if now is not None:
                now(self, action)
                continue
            event = await _IN_TIME[kind](self, action)
            if event is not None:
                out += self._machine.take(event, self.now())
        full, self._full = self._full, None
        if full is not None:
            await full.ready(self._process.pid)

    def _tell(self, action: Any) -> None:
        try:
            full = tell(self._process, action.dest, action.message)
        except NotRegistered:
            # It comes back under its name, or its monitor says that it is gone.
            return
        except (MailboxFull, NotPermitted, EncodeError) as error:
            self._failed(action.message, error)
            return
        if full is not None:
            self._full = full

    def _failed(self, message: Any, error: Exception) -> None:
        tag, _, parts = message
        tx = self._machine.recall(parts[0])
        if tx is None:
            return
        step = tx.steps.get(parts[1])
        if tag is wire.NEXT and step is not None:
            self._process.demonitor(step.id)
            self.later(events.StepDown(step.id, reasons.from_exception(error)))
        else:
            self.later(SagaFailed(tx, step, error))

    async def _call(self, action: Any) -> Any:
        then = action.then
        try:
            result = await getattr(self._saga, action.callback)(*action.args)
        except TransactionCanceled as error:
            if not _may_pass(action, error):
                raise
            tx = error.transaction
            return then if _is_canceled(tx) else events.LifespanOver(tx.id)
        if result is not None:
            if isinstance(result, Stop) and then.__class__ is events.Called:
                return await self._stop_after(action.args[0], result, then)
            self._took(result, action.callback)
        return then

    async def _stop_after(self, tx: SagaTransaction, stop: Stop, event: Any) -> Any:
        """Take what follows from the last callback, and end the saga.

        A transaction with records is brought to its end before: all learn of a commit,
        and what was done is undone.
        """
        if tx.log_size:
            self._stops[tx.id] = stop
            return event
        await self.take(event)
        raise Ending(stop.reason)

    def _took(self, result: Any, callback: str) -> None:
        if isinstance(result, Stop):
            raise Ending(result.reason)
        if not isinstance(result, NoReply):
            raise TypeError(
                f"{type(self._saga).__name__}.{callback} returned {result!r}: None is "
                "expected, or what steers a server, such as Stop"
            )
        self._steer = result

    async def _finish(self, action: actions.Finish) -> Any:
        tx = action.transaction
        final = await self._saga.handle_tx_done(tx, tx.result)
        if not isinstance(final, Control):
            return events.Final(tx.id, final)
        event = events.Final(tx.id, tx.result)
        if isinstance(final, Stop):
            return await self._stop_after(tx, final, event)
        self._took(final, "handle_tx_done")
        return event

    async def _undo(self, action: actions.Undo) -> events.Undone:
        tx, part = action.transaction, action.step
        name = part.compensate
        failed = None
        try:
            result = await getattr(self._saga, str(name))(tx, part, part.result)
            if result is not None:
                self._took(result, str(name))
        except (Ending, Exit):
            raise
        except Exception as error:
            failed = f"{type(error).__name__}: {error}"
            logger.exception(
                "%s of %s could not undo %s of %s; it will be tried again",
                name,
                self._process.label,
                part,
                tx,
            )
        return events.Undone(tx.id, part.id, failed)

    def _write(self, action: actions.Log) -> None:
        if self._log is None:
            # It is opened after ``init``.
            self._early.append(action)
        else:
            self._append(self._log, action)

    def _append(self, log: SagaLog, action: actions.Log) -> None:
        then = None if action.then is None else self._written(action.then)
        try:
            log.append(self._name, action.id, action.record, then)
        except EncodeError:
            record = records.without_result(action.record)
            if record is None:
                raise
            logger.warning(
                "a result that %s has got is no term, and so not in its log: after a "
                "restart its compensation would get None",
                self._process.label,
            )
            log.append(self._name, action.id, record, then)

    def _written(self, event: Any) -> Callable[[SagaLogError | None], None]:
        later = self.later

        def then(error: SagaLogError | None) -> None:
            later(event if error is None else LogFailed(error))

        return then

    def _forget(self, action: actions.Forget) -> None:
        assert self._log is not None
        self._log.forget(self._name, action.id)
        stop = self._stops.pop(action.id, None)
        if stop is not None:
            raise Ending(stop.reason)

    def _watch(self, action: actions.Watch) -> None:
        if action.pid in self._watching or action.pid not in self._machine.watched:
            # It was put off, and meanwhile done, or is not needed any more.
            return
        ref = self._process.monitor_nowait(action.pid)
        self._watching[action.pid] = ref
        self._watched[ref] = action.pid

    def _unwatch(self, action: actions.Unwatch) -> None:
        ref = self._watching.pop(action.pid, None)
        if ref is not None:
            del self._watched[ref]
            self._process.demonitor(ref)

    def _demonitor(self, action: actions.Demonitor) -> None:
        self._process.demonitor(action.ref)

    def _later(self, action: actions.Later) -> None:
        if self._turns:
            self._turns -= 1
            self._soon.append(action.event)
        else:
            self.later(action.event)

    async def _launch(self, action: actions.Launch) -> None:
        await jobs.launch(self._saga, action.job)

    async def _dismiss(self, action: actions.Dismiss) -> None:
        self._process.unlink(action.worker)
        if action.reason is not None:
            await self._process.exit(action.worker, action.reason)

    def _observe(self, action: actions.Observe) -> None:
        self._saga._observed(action)


def _may_pass(action: actions.Call, error: TransactionCanceled) -> bool:
    """Tell whether a callback may end by what a verb has raised in it.

    Its transaction was cancelled meanwhile, or its time is over: no reason to end the
    saga. What a callback about the cancel or commit itself raises is a crash.
    """
    about = action.args[0]
    tx = about.transaction if isinstance(about, SagaCanceled) else about
    if error.transaction is not tx or action.then.__class__ is events.Called:
        return False
    return error.__class__ is EndOfLifespan or _is_canceled(tx)


def _is_canceled(tx: SagaTransaction) -> bool:
    return tx.canceling or tx.state is not OPEN


_AT_ONCE: dict[type, Callable[[Doing, Any], None]] = {
    actions.Later: Doing._later,
    actions.Watch: Doing._watch,
    actions.Unwatch: Doing._unwatch,
    actions.Demonitor: Doing._demonitor,
    actions.Log: Doing._write,
    actions.Forget: Doing._forget,
    actions.Observe: Doing._observe,
}

_IN_TIME: dict[type, Callable[[Doing, Any], Awaitable[Any]]] = {
    actions.Call: Doing._call,
    actions.Finish: Doing._finish,
    actions.Undo: Doing._undo,
    actions.Launch: Doing._launch,
    actions.Dismiss: Doing._dismiss,
}
