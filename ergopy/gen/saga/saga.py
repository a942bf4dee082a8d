"""Saga: a process that takes part in transactions over processes and nodes."""

from __future__ import annotations

import logging
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from etf import Atom

from ...errors import TooManyTransactions, TransactionCanceled
from ...process.messages import Down, ExitMessage, SystemMessage
from ...process.refusals import refuse
from ..events import EventDown
from ..returns import NOREPLY, Ignore, Stop
from . import arguments, jobs, keeping, requests, wire
from .callbacks import SagaCallbacks
from .core import events, reasons, table
from .core.jobs import find as find_job
from .core.machine import Machine
from .core.transaction import SagaJob, SagaStep, SagaTransaction
from .doing import Doing, LogFailed, Postponed
from .observing import Observer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from etf import Pid, Reference

    from ...process.process import Process
    from ..server import From, Handler
    from .core.actions import Observe

    Which = SagaTransaction | Reference

logger = logging.getLogger("ergopy.saga")

MAX_HOPS = wire.MAX_HOPS
LIFESPAN = 60.0

_OVERLOADED = Atom("overloaded")
_OWN = frozenset((*table.TABLE, *table.OTHERS))


class Saga(SagaCallbacks):
    """A saga: it starts transactions, sends them on, and answers for its part.

    A transaction begins at one saga (the *initiator*) and goes on to others, as far as
    each of them sends it. Results come back the same way. If anything fails, all who
    take part are told to cancel, and undo what they have done. What is promised, and
    what is not, the page on sagas says.

    Callbacks run one at a time, and may return None, or what steers a server, such as
    ``Stop``. An exception is a crash, as in any server: who took part with it cancels.

    It is ``gen.Saga`` of ergo, and talks to sagas of ergo. It traps exits.
    """

    _machine: Machine
    _doing: Doing
    _observer: Observer

    async def handle_job_failed(
        self, tx: SagaTransaction, job: SagaJob, reason: Any
    ) -> Any:
        """Take note of a job without a result; the transaction goes on.

        *reason* is that of the worker's end, ``"lifespan"`` if its time was over, or
        ``"no result"``. By default the transaction is cancelled.

        With two phases a worker has to wait for the commit. One that ends after its
        result has failed too, with ``"no commit"`` if it ended in order; once the
        result of the transaction is sent that cancels it, and nothing is called.
        """
        if reason == reasons.LIFESPAN:
            # It is not that of the transaction, and ergo would not pass it on.
            reason = reasons.job_timeout(job)
        # It may be cancelled already, by the callback that ran before.
        with suppress(TransactionCanceled):
            await self.cancel_transaction(tx, reason)

    async def start_transaction(
        self,
        value: Any,
        *,
        hop_limit: int = MAX_HOPS,
        lifespan: float = LIFESPAN,
        two_phase_commit: bool = False,
    ) -> SagaTransaction:
        """Start a transaction; its ``handle_tx_new`` comes as the next message.

        Args:
            value: What it is about; a term if it goes to other nodes.
            hop_limit: Through how many further sagas it may go, one after the other.
            lifespan: Seconds; after that it is cancelled, wherever it is. Other nodes
                are told whole seconds.
            two_phase_commit: Whether all keep it until all are done, and are told.

        Raises:
            TooManyTransactions: The saga takes part in as many as it may. A
                ``handle_call`` that lets it pass refuses that call with the reason
                ``overloaded``, a ``handle_cast`` drops the cast: the saga goes on.
            ValueError: A limit makes no sense.
        """
        if type(hop_limit) is not int or not 0 <= hop_limit <= MAX_HOPS:
            raise ValueError(f"hop_limit= is from 0 to {MAX_HOPS}, not {hop_limit!r}")
        if not 0 < lifespan <= wire.MAX_LIFESPAN:
            raise ValueError(f"lifespan= is a number of seconds, not {lifespan!r}")
        if two_phase_commit:
            arguments.check_term(self, value)
        tx = SagaTransaction(
            self.process.new_ref(),
            value,
            hops_left=hop_limit,
            lifespan=lifespan,
            two_phase_commit=two_phase_commit,
            now=self._doing.now(),
        )
        await self._doing.take(events.Start(tx))
        return tx

    async def next(
        self,
        tx: Which,
        saga: Any,
        value: Any,
        *,
        timeout: float | None = None,
        trap_cancel: bool = False,
        compensate: str | Callable[..., Awaitable[Any]] | None = None,
    ) -> SagaStep:
        """Send a transaction on to another saga.

        It waits only for a connection, or for room, as :meth:`send` does.

        Args:
            tx: The transaction.
            saga: A pid, a name, ``(name, node)``, or a :class:`ergopy.Via`.
            value: What that saga is to do; a term if it is on another node, or if there
                is a *compensate*.
            timeout: Seconds for its result; by default all that are left. Past it the
                transaction is cancelled.
            trap_cancel: Whether a cancel, the timeout or the loss of that saga ends
                this step only: ``handle_info`` gets a :class:`ergopy.SagaCanceled`.
            compensate: The method of this saga that undoes the step, or its name:
                ``async def undo(self, tx, step, result)``. It is called if the
                transaction is cancelled later; *result* is None if that is not known.

        Raises:
            UnknownSaga: Nobody of this node has that name.
            HopLimitExceeded: It has gone through as many as it may.
            EndOfLifespan: So much time is not left.
            SagaNotAllowed: Its result was sent.
            UnknownTransaction, TransactionCanceled: It is not there any more.
            etf.EncodeError: The value is no term, and should be.
        """
        machine = self._machine
        found = machine.find(tx)
        machine.check_next(found, timeout, self._doing.now())
        peer, address, way = arguments.locate(self, saga)
        method = None
        if compensate is not None:
            method = arguments.method_of(self, compensate)
            arguments.check_record(self, found, value)
        elif way is not None or found.two_phase_commit:
            arguments.check_term(self, value)
        process = self.process
        if way is not None:
            await process.admit(way)
            # Helper tasks run meanwhile, and time goes by.
            machine.check_next(machine.find(found), timeout, self._doing.now())
        step = SagaStep(
            process.monitor_nowait(peer),
            found,
            saga,
            value,
            timeout=timeout,
            trap_cancel=trap_cancel,
            compensate=method,
        )
        step.peer, step.address = peer, address
        await self._doing.take(events.NextStep(found.id, step))
        return step

    async def send_result(self, tx: Which, result: Any) -> None:
        """Send the result of this saga's part to where the transaction came from.

        At the initiator it is the result of all: ``handle_tx_done`` gets it. Without
        two phases a saga in the middle is done with the transaction then.

        Raises:
            TransactionInProgress: Sagas or jobs still work for it here.
            ResultAlreadySent: It has one.
            UnknownTransaction, TransactionCanceled: It is not there any more.
            etf.EncodeError: The result is no term, and goes to another node or a log.
        """
        found = self._machine.find(tx)
        if found.two_phase_commit or found.log_size or self._is_away(found.parent):
            arguments.check_term(self, result)
        await self._doing.take(events.SendResult(found.id, result))

    async def send_interim(self, tx: Which, value: Any) -> None:
        """Tell the saga that the transaction came from something before the result.

        Raises:
            SagaNotAllowed: The result was sent.
            UnknownTransaction, TransactionCanceled: It is not there any more.
            etf.EncodeError: The value is no term, and that saga on another node.
        """
        found = self._machine.find(tx)
        if self._is_away(found.parent):
            arguments.check_term(self, value)
        await self._doing.take(events.SendInterim(found.id, value))

    async def cancel_transaction(self, tx: Which, reason: Any = "canceled") -> None:
        """Cancel a transaction, for all that take part in it.

        ``handle_tx_cancel`` of this saga comes as a message, as for the others.

        Args:
            tx: The transaction.
            reason: A text, or any term. On other nodes a term comes as its text, as a
                saga of ergo would end of it, unless both phases are known there.

        Raises:
            SagaNotAllowed: It is voted on, or decided: too late.
            UnknownTransaction, TransactionCanceled: It is not there any more.
            etf.EncodeError: The reason is no term.
        """
        found = self._machine.find(tx)
        if not isinstance(reason, str):
            arguments.check_term(self, reason)
        await self._doing.take(events.CancelLater(found.id, reason))

    async def start_job(
        self,
        tx: Which,
        value: Any,
        *,
        timeout: float | None = None,
        worker: Any = None,
        node: str | None = None,
        compensate: str | Callable[..., Awaitable[Any]] | None = None,
    ) -> SagaJob:
        """Have work done for a transaction, in a process of its own.

        Args:
            tx: The transaction.
            value: What the work is about.
            timeout: Seconds; by default what is left of the lifespan. Past it the
                worker ends, and ``handle_job_failed`` gets ``"lifespan"``.
            worker: What does the work: a :class:`ergopy.SagaWorker`, an async function
                or a plain one, which runs in a thread; they are given *value*, and what
                they return is the result. None is that of the saga.
            node: Another node to run it on; *worker* is the name of a program then,
                which that node provides (:meth:`ergopy.Node.provide_spawn`).
            compensate: As for :meth:`next`; called with the job in the place of a step.

        Raises:
            EndOfLifespan: So much time is not left.
            SagaNotAllowed: Its result was sent, or there is nothing to do the work.
            UnknownTransaction, TransactionCanceled: It is not there any more.
            TypeError, etf.EncodeError: *worker* or *value* cannot be used.
        """
        found = self._machine.find(tx)
        table.check_open(self._machine, found)
        work = jobs.work_for(self, worker, node, value)
        method = None
        if compensate is not None:
            method = arguments.method_of(self, compensate)
            arguments.check_record(self, found, value)
        ref = self.process.new_ref()
        job = SagaJob(ref, found, value, timeout=timeout, work=work, compensate=method)
        await self._doing.take(events.StartJob(found.id, job))
        return job

    async def cancel_job(
        self, job: SagaJob | Reference, reason: Any = "canceled"
    ) -> None:
        """End a job: its worker is told to cancel, and nothing more comes of it.

        Raises:
            UnknownJob: It is over.
            etf.EncodeError: The reason is no term.
        """
        found = find_job(self._machine, job)
        if not isinstance(reason, str):
            arguments.check_term(self, reason)
        tx = found.transaction
        await self._doing.take(events.CancelJob(tx.id, found, reason))

    def set_max_transactions(self, limit: int | None) -> None:
        """Change how many transactions it takes part in; those of now stay."""
        arguments.check_limit(limit)
        self.max_transactions = self._machine.max_transactions = limit

    @property
    def transactions(self) -> list[SagaTransaction]:
        """The transactions that it takes part in."""
        return list(self._machine.transactions.values())

    async def enter(self, process: Process, *args: Any) -> None:
        self.process = process
        process.trap_exit = True
        self._machine = Machine(process.pid, overrides=_overridden(type(self)))
        self._doing = Doing(self, self._machine)
        await super().enter(process, *args)

    async def _start(self, args: tuple[Any, ...]) -> Any:
        started = await super()._start(args)
        if isinstance(started, Ignore | Stop):
            return started
        machine = self._machine
        self.set_max_transactions(self.max_transactions)
        machine.ended = deque(machine.ended, maxlen=self.history)
        self._observer = Observer(self)
        await self._observer.open()
        await keeping.open_log(self, self._doing)
        return started

    def _handlers(self) -> tuple[Handler, Handler, Handler]:
        return self._take_call, self._take_cast, self._take_info

    async def _take_call(self, request: Any, from_: From) -> Any:
        if requests.is_request(request):
            return requests.answer(self, request, from_)
        try:
            return await self.handle_call(request, from_)
        except TooManyTransactions:
            # To have much to do is no reason to let all of it fall.
            refuse(self.process, from_, _OVERLOADED)
            return NOREPLY

    async def _take_cast(self, request: Any) -> Any:
        try:
            return await self.handle_cast(request)
        except TooManyTransactions as error:
            logger.error("%s has dropped a cast: %s", self.process.label, error)
            return None

    async def _take_info(self, message: Any) -> Any:
        kind = message.__class__
        doing = self._doing
        if kind is tuple:
            event = wire.read(message)
            if event is not None:
                await doing.serve(event)
                return doing.steered()
        elif kind in _OWN:
            await doing.serve(message)
            return doing.steered()
        elif kind is SystemMessage and message[0].__class__ is SagaJob:
            # Another node has answered whether there is a worker.
            await jobs.answered(self, message)
            return doing.steered()
        elif kind is Down:
            event = doing.lost(message.ref, message.reason)
            if event is not None:
                await doing.serve(event)
                return doing.steered()
        elif kind is ExitMessage and message.pid in self._machine.workers:
            reason = arguments.as_term(self, message.reason)
            await doing.serve(events.WorkerDown(message.pid, reason))
            return doing.steered()
        elif kind is EventDown and self._observer.took(message):
            return None
        elif kind is Postponed:
            await doing.go_on(message)
            return doing.steered()
        elif kind is LogFailed:
            raise message.error
        return await self.handle_info(message)

    async def _take(self, event: Any) -> None:
        await self._doing.take(event)

    def _later(self, event: Any) -> None:
        self._doing.later(event)

    def _observed(self, action: Observe) -> None:
        self._observer.observe(action)

    def _is_away(self, parent: Pid | None) -> bool:
        return parent is not None and parent.node != self.process.runtime.name


def _overridden(cls: type[Saga]) -> frozenset[str]:
    names = ("handle_tx_prepare", "handle_tx_done")
    return frozenset(
        name for name in names if getattr(cls, name) is not getattr(Saga, name)
    )
