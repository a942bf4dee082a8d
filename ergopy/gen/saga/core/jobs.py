"""The jobs of a transaction: work in processes of their own.

A job is *open* until its worker has sent a result; with two phases the worker then
waits for the commit, or a cancel. Until that it is in ``machine.jobs``, and a worker is
in ``machine.workers`` as long as it is linked. A job that fails is dropped, and the
transaction goes on. If it has a compensation that runs at once then: what a worker has
done before it failed, or was told to stop, is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from etf import Atom

from ....errors import SagaNotAllowed, UnknownJob
from ....process.atoms import NORMAL, SHUTDOWN
from .. import wire
from . import reasons, records, undoing
from .actions import Dismiss, Launch, Tell
from .events import CancelLater, JobLate
from .transaction import COMPLETED, DROPPED, OPEN, SENT, VOTING, WAITING, SagaJob

if TYPE_CHECKING:
    from etf import Reference

    from .actions import Action
    from .events import (
        CancelJob,
        JobInterim,
        JobResult,
        Launched,
        Logged,
        NotLaunched,
        StartJob,
        WorkerDown,
    )
    from .machine import Machine
    from .transaction import SagaTransaction

NO_RESULT: Final = "no result"
"""Why a job has failed whose worker ended in order, but too early."""
NO_COMMIT: Final = "no commit"
"""Likewise, with two phases: the result was there, but nobody had voted yet."""

_LIFESPAN: Final = Atom(reasons.LIFESPAN)


def find(machine: Machine, which: SagaJob | Reference) -> SagaJob:
    """Return the job that a verb is about.

    Raises:
        UnknownJob: There is none, or it is over.
    """
    job = machine.jobs.get(which.id if isinstance(which, SagaJob) else which)
    if job is None:
        raise UnknownJob(which)
    return job


def start_job(
    machine: Machine,
    tx: SagaTransaction,
    event: StartJob,
    now: float,
    out: list[Action],
) -> None:
    """Have a worker started; a job with a compensation is logged first.

    Raises:
        EndOfLifespan: It may take longer than the transaction.
        SagaNotAllowed: Nothing says what is to do the work.
    """
    job = event.job
    if job.work is None:
        raise SagaNotAllowed(tx, "this saga has no worker for its jobs")
    machine.check_time(tx, job.timeout, now)
    if not tx.jobs:
        tx.jobs = {}
    tx.jobs[job.id] = machine.jobs[job.id] = job
    tx.open += 1
    job.sent = now
    if job.timeout is not None:
        job.timer = machine.deadlines.start(now + job.timeout, JobLate(job.id))
    if job.compensate is None:
        out.append(Launch(job))
    else:
        records.write(tx, records.job(job), out, "job", job.id)


def logged(
    machine: Machine, tx: SagaTransaction, event: Logged, now: float, out: list[Action]
) -> None:
    """Have the worker of a logged job started, if it is still wanted."""
    job = None if event.of is None else machine.jobs.get(event.of)
    if job is not None:
        out.append(Launch(job))


def launched(machine: Machine, event: Launched, now: float, out: list[Action]) -> None:
    """Give a new worker its job; one that comes too late has nothing to do."""
    job = machine.jobs.get(event.id)
    if job is None:
        out.append(Dismiss(event.worker, SHUTDOWN))
        return
    tx = job.transaction
    job.worker = event.worker
    machine.workers[event.worker] = job
    two_phase_commit = tx.two_phase_commit
    message = wire.job_start(
        machine.me, job.id, tx.id, job.key, job.value, two_phase_commit
    )
    out.append(Tell(event.worker, message))
    machine.observe(out, "job", tx, job)


def not_launched(
    machine: Machine, event: NotLaunched, now: float, out: list[Action]
) -> None:
    """Give up a job that nobody can do."""
    job = machine.jobs.get(event.id)
    if job is not None:
        _fail(machine, job, event.reason, now, out)


def job_result(
    machine: Machine, event: JobResult, now: float, out: list[Action]
) -> None:
    """Take the result of a job; with two phases its worker is still needed."""
    job = _done_by(machine, event, out)
    if job is None:
        return
    tx = job.transaction
    job.state = COMPLETED
    job.ended = now
    _stop_timer(job)
    tx.open -= 1
    if not tx.two_phase_commit:
        del machine.jobs[job.id]
    records.complete(tx, job, event.value, out)
    machine.observe(out, "job_result", tx, job, event.value)
    machine.call(out, tx, "handle_job_result", job, event.value)


def job_interim(
    machine: Machine, event: JobInterim, now: float, out: list[Action]
) -> None:
    """Take what a worker tells before its result."""
    job = _done_by(machine, event, out)
    if job is not None:
        tx = job.transaction
        machine.observe(out, "job_interim", tx, job, event.value)
        machine.call(out, tx, "handle_job_interim", job, event.value)


def _done_by(
    machine: Machine, event: JobResult | JobInterim, out: list[Action]
) -> SagaJob | None:
    """Return the job that a worker still does.

    One that has none, or has no right to it, is told that it was cancelled, maybe for
    the second time: it is not killed, as it may be about to undo what it has done.
    """
    job = machine.workers.get(event.worker)
    if job is None or job.id != event.id:
        message = wire.job_cancel(machine.me, event.id, reasons.UNKNOWN)
        out.append(Tell(event.worker, message))
        return None
    return job if job.state is SENT else None


def worker_down(
    machine: Machine, event: WorkerDown, now: float, out: list[Action]
) -> None:
    """Take the end of a worker: a failure, unless it is not needed any more.

    With two phases it is needed until the saga has voted: it should commit as well.
    """
    job = machine.workers.pop(event.worker, None)
    if job is None:
        return
    is_done = job.state is COMPLETED
    reason = event.reason
    if isinstance(reason, Atom) and reason == NORMAL:
        reason = NO_COMMIT if is_done else NO_RESULT
    if is_done and job.id not in machine.jobs:
        return
    tx = job.transaction
    if tx.state is OPEN:
        _fail(machine, job, reason, now, out)
        return
    del machine.jobs[job.id]
    if tx.state in (WAITING, VOTING):
        # Too late for another job in its place.
        out += machine.take(CancelLater(tx.id, reason), now)


def job_late(machine: Machine, event: JobLate, now: float, out: list[Action]) -> None:
    """End a worker that has had its time."""
    job = machine.jobs.get(event.id)
    if job is None:
        return
    if job.worker is not None:
        del machine.workers[job.worker]
        out.append(Dismiss(job.worker, _LIFESPAN))
    _fail(machine, job, reasons.LIFESPAN, now, out)


def cancel_job(
    machine: Machine,
    tx: SagaTransaction,
    event: CancelJob,
    now: float,
    out: list[Action],
) -> None:
    """Drop a job, as the saga has said: no callback follows.

    Raises:
        UnknownJob: It is over.
    """
    job = find(machine, event.job)
    _tell_canceled(machine, job, event.reason, out)
    _drop(machine, job, event.reason, now)
    machine.observe(out, "dropped", tx, job, event.reason)
    undoing.lost(machine, tx, job, now, out)


def cancel_all(
    machine: Machine, tx: SagaTransaction, reason: Any, now: float, out: list[Action]
) -> None:
    """Tell the workers that the transaction was cancelled, and let them go."""
    for job in tx.jobs.values():
        if job.id in machine.jobs:
            _tell_canceled(machine, job, reason, out)
            if job.state is SENT:
                _drop(machine, job, reason, now)
            else:
                _close(machine, job)


def commit_all(
    machine: Machine, tx: SagaTransaction, final: Any, now: float, out: list[Action]
) -> None:
    """Tell the workers of the commit, and let them go."""
    for job in tx.jobs.values():
        if machine.jobs.pop(job.id, None) is not None:
            message = wire.job_commit(machine.me, job.id, final)
            _tell_last(machine, job, message, out)


def _tell_canceled(
    machine: Machine, job: SagaJob, reason: Any, out: list[Action]
) -> None:
    _tell_last(machine, job, wire.job_cancel(machine.me, job.id, reason), out)


def _tell_last(machine: Machine, job: SagaJob, message: Any, out: list[Action]) -> None:
    """Send a worker its last message: it ends by itself, and nobody waits for that."""
    worker = job.worker
    if worker is not None and machine.workers.pop(worker, None) is not None:
        out.append(Tell(worker, message))
        out.append(Dismiss(worker))


def _fail(
    machine: Machine, job: SagaJob, reason: Any, now: float, out: list[Action]
) -> None:
    tx = job.transaction
    _drop(machine, job, reason, now)
    machine.observe(out, "job_failed", tx, job, reason)
    machine.call(out, tx, "handle_job_failed", job, reason)
    undoing.lost(machine, tx, job, now, out)


def _drop(machine: Machine, job: SagaJob, reason: Any, now: float) -> None:
    if job.state is SENT:
        job.transaction.open -= 1
    _close(machine, job)
    job.state = DROPPED
    job.reason = reason
    job.ended = now


def _close(machine: Machine, job: SagaJob) -> None:
    del machine.jobs[job.id]
    _stop_timer(job)


def _stop_timer(job: SagaJob) -> None:
    if job.timer is not None:
        job.timer.cancel()
        job.timer = None
