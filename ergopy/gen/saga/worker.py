"""SagaWorker: a process that does one job of a saga's transaction.

A saga starts one with ``start_job`` and is linked to it. Its messages are those of
``wire``; a worker may as well be a program of a BEAM that speaks them. Its life::

    $saga_job_start -> handle_job_start -> result: without two phases it ends, "normal"
                                           with two phases it waits for one of these:
    $saga_job_commit -> handle_job_commit -> it ends
    $saga_job_cancel -> handle_job_cancel -> it ends

A cancel may come at any time. While a callback runs it waits in the mailbox. From that
moment on the worker may not send any more: the verbs raise TransactionCanceled, which
``handle_job_start`` may let pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from etf import Atom, Pid, Reference

from ...errors import ResultAlreadySent, SagaNotAllowed, TransactionCanceled
from ...process.messages import Down, SystemMessage
from ..returns import Stop
from ..server import GenServer
from . import wire
from .core.transaction import Identified

if TYPE_CHECKING:
    from ..server import Handler

_DONE = SystemMessage((Atom("$saga_job_done"),))
_NOT: Any = object()


@final
class JobTransaction(Identified):
    """The transaction of a job, as its worker knows it: ``id`` and ``key``."""

    __slots__ = ()

    _kind = "TX"

    def __init__(self, id: Reference) -> None:
        self.id = id


@final
class WorkerJob(Identified):
    """A job, as its worker knows it: with ``id`` and ``key``, as the saga's has them.

    The worker may be on another node than the saga: this is not the saga's object.
    """

    __slots__ = ("transaction", "two_phase_commit", "value")

    _kind = "Job"

    def __init__(
        self,
        id: Reference,
        transaction: JobTransaction,
        value: Any,
        two_phase_commit: bool,
    ) -> None:
        self.id = id
        self.transaction = transaction
        """What it is a part of; it has an ``id`` and a ``key`` as well."""
        self.value = value
        """What ``start_job`` was given."""
        self.two_phase_commit = two_phase_commit
        """Whether a commit or a cancel follows the result."""


class SagaWorker(GenServer):
    """Does one job, and ends. Override what you need, at least ``handle_job_start``.

    ::

        class Resize(ergopy.SagaWorker):
            async def handle_job_start(self, job):
                await self.send_result(await resize(job.value))

            async def handle_job_cancel(self, reason):
                await remove(self.target)

    The result may be sent later, from another callback or a helper task. An exception
    in a callback ends the worker, and its exit reason is what the saga's
    ``handle_job_failed`` gets. So is an end without a result.

    A worker does not outlive its saga. If the saga dies the worker ends with it, by the
    link; ``handle_worker_terminate`` runs then only if the worker traps exits, as with
    any server. What has to happen after that too belongs in a compensation.

    On another node it is started by the name that it was provided as there, with
    ``node.provide_spawn("resize", Resize)``, and its ``init`` gets no arguments.
    """

    _callbacks = GenServer._callbacks | {
        "handle_job_start",
        "handle_job_cancel",
        "handle_job_commit",
        "handle_worker_terminate",
    }

    _job: WorkerJob | None = None
    _saga: Pid
    _watch: Reference | None = None
    _has_sent = False
    _canceled: Any = _NOT

    async def handle_job_start(self, job: WorkerJob) -> Any:
        """Do the work, or begin it."""
        raise NotImplementedError("a worker has a handle_job_start")

    async def handle_job_cancel(self, reason: Any) -> Any:
        """Undo the work: the job, or its transaction, was cancelled.

        *reason* is a ``str``, or the term that the canceller gave. Nothing can be sent
        to the saga any more. The worker ends after it. One that has sent its result,
        without two phases, is not told: what undoes that is a compensation.
        """

    async def handle_job_commit(self, final: Any) -> Any:
        """Make the work last: the transaction was a success, and all get *final*.

        Only with two phases. The worker ends after it.
        """

    async def handle_worker_terminate(self, reason: Any) -> None:
        """Clean up, as ``terminate`` of a server does, and when that does."""

    async def terminate(self, reason: Any) -> None:
        """Call ``handle_worker_terminate``, which is what to override."""
        await self.handle_worker_terminate(reason)

    async def send_result(self, value: Any) -> None:
        """Send the result of the job, once; it waits as ``send`` does.

        Without two phases the worker ends after that, as soon as it has done with the
        messages that it has. Cancelled it has sent nothing.

        Raises:
            ResultAlreadySent: There was one.
            TransactionCanceled: The job, or its transaction, was cancelled.
            SagaNotAllowed: There is no job yet.
            MailboxFull, etf.EncodeError: As for ``send``. It was not sent.
        """
        job = self._working()
        message = wire.job_result(self.pid, job.id, value)
        self._has_sent = True
        try:
            await self.send(self._saga, message)
        except BaseException:
            self._has_sent = False
            raise
        if not job.two_phase_commit:
            self.process.deliver(_DONE)

    async def send_interim(self, value: Any) -> None:
        """Send something to ``handle_job_interim`` before the result.

        Raises:
            ResultAlreadySent, TransactionCanceled: As for :meth:`send_result`.
            SagaNotAllowed, MailboxFull, etf.EncodeError: Likewise.
        """
        job = self._working()
        await self.send(self._saga, wire.job_interim(self.pid, job.id, value))

    def _working(self) -> WorkerJob:
        """Return the job, if the saga still wants to hear of it."""
        job = self._job
        if job is None:
            raise SagaNotAllowed(self.pid, "it has no job yet")
        for message in self.process.messages():
            self._note_cancel(message)
        if self._canceled is not _NOT:
            raise TransactionCanceled(job.transaction, self._canceled)
        if self._has_sent:
            raise ResultAlreadySent(job)
        return job

    def _handlers(self) -> tuple[Handler, Handler, Handler]:
        return self.handle_call, self.handle_cast, self._take_info

    async def _take_info(self, message: Any) -> Any:
        if message is _DONE:
            return Stop()
        if message.__class__ is Down and message.ref == self._watch:
            # Of a saga that ended in order a link does not tell.
            return Stop(message.reason)
        if self._note_cancel(message):
            return _stopped(await self.handle_job_cancel(self._canceled))
        match _of_saga(message):
            case (kind, saga, (id, Reference() as tx, _, value, bool(two_phases))) if (
                kind is wire.JOB_START and self._job is None
            ):
                job = WorkerJob(id, JobTransaction(tx), value, two_phases)
                return await self._begin(saga, job)
            case (kind, _, (id, final)) if kind is wire.JOB_COMMIT and self._is(id):
                return _stopped(await self.handle_job_commit(final))
        return await self.handle_info(message)

    async def _begin(self, saga: Pid, job: WorkerJob) -> Any:
        self._saga, self._job = saga, job
        self._watch = self.process.monitor_nowait(saga)
        try:
            return await self.handle_job_start(job)
        except TransactionCanceled:
            if self._canceled is _NOT:
                raise
            # It has heard of the cancel, which is the next thing to be done.
            return None

    def _note_cancel(self, message: Any) -> bool:
        """Tell whether *message* is the cancel of the job; from now on it holds."""
        match _of_saga(message):
            case (kind, _, (id, reason)) if kind is wire.JOB_CANCEL and self._is(id):
                self._canceled = wire.read_reason(reason)
                return True
        return False

    def _is(self, id: Any) -> bool:
        return self._job is not None and self._job.id == id


def _of_saga(message: Any) -> Any:
    """Return *message* if it may be one of a saga to its worker, or None."""
    if message.__class__ is not tuple or len(message) != 3:
        return None
    _, saga, said = message
    if saga.__class__ is not Pid or said.__class__ is not tuple or not said:
        return None
    return message if said[0].__class__ is Reference else None


def _stopped(result: Any) -> Stop:
    return result if isinstance(result, Stop) else Stop()
