"""The jobs of a transaction, as the machine of a saga has them."""

from __future__ import annotations

from typing import Any

import pytest

from ergopy import EndOfLifespan, SagaNotAllowed, TransactionInProgress, UnknownJob
from ergopy.gen.saga import wire
from ergopy.gen.saga.core import events, jobs
from ergopy.gen.saga.core.actions import (
    Call,
    Dismiss,
    Later,
    Launch,
    Log,
    Observe,
    Tell,
)
from ergopy.gen.saga.core.machine import Machine
from ergopy.gen.saga.core.transaction import (
    COMPLETED,
    DROPPED,
    SENT,
    SagaJob,
    SagaTransaction,
)
from etf import Atom, Pid, Reference

ME = Pid("py@test", 1, 0, 7)
WORKER = Pid("py@test", 2, 0, 7)
OTHER = Pid("py@test", 3, 0, 7)
WORK = object()


def ref(number: int) -> Reference:
    return Reference("py@test", 7, (number, 0, 0))


class Bench:
    """A machine with one transaction of its own, at time 0."""

    def __init__(self, *, two_phases: bool = False, observed: bool = False) -> None:
        self.machine = Machine(ME)
        self.machine.observed = observed
        self.tx = SagaTransaction(
            ref(1),
            "value",
            hops_left=5,
            lifespan=60.0,
            two_phase_commit=two_phases,
            now=0.0,
        )
        self.take(events.Start(self.tx))
        self._number = 1

    def take(self, event: Any, now: float = 1.0) -> list[Any]:
        return self.machine.take(event, now)

    def job(self, **options: Any) -> SagaJob:
        self._number += 1
        options.setdefault("work", WORK)
        return SagaJob(ref(self._number), self.tx, "work", **options)

    def started(self, **options: Any) -> SagaJob:
        job = self.job(**options)
        self.take(events.StartJob(self.tx.id, job))
        return job

    def working(self, worker: Pid = WORKER, **options: Any) -> SagaJob:
        job = self.started(**options)
        self.take(events.Launched(job.id, worker))
        return job

    def done(self, worker: Pid = WORKER, **options: Any) -> SagaJob:
        job = self.working(worker, **options)
        self.take(events.JobResult(worker, job.id, "done"))
        return job

    def undoing(self, out: list[Any]) -> Any:
        """Return what is undone next, after *out*."""
        [due] = [action.event for action in out if isinstance(action, Later)]
        [undo] = self.take(due)
        return undo.step

    @property
    def is_clean(self) -> bool:
        """Whether only the transaction itself is left, and its timer."""
        machine = self.machine
        return not machine.jobs and not machine.workers and machine.deadlines.live == 1


def cancel(job: SagaJob, reason: Any, worker: Pid = WORKER) -> Tell:
    return Tell(worker, wire.job_cancel(ME, job.id, reason))


def test_start_job_has_a_worker_started() -> None:
    bench = Bench()
    job = bench.job()
    assert bench.take(events.StartJob(bench.tx.id, job)) == [Launch(job)]
    assert bench.tx.jobs == {job.id: job}
    assert bench.tx.open == 1
    assert (job.state, job.sent) == (SENT, 1.0)


def test_a_worker_that_is_there_is_given_the_job() -> None:
    bench = Bench(two_phases=True)
    job = bench.started()
    message = wire.job_start(ME, job.id, bench.tx.id, job.key, "work", True)
    assert bench.take(events.Launched(job.id, WORKER)) == [Tell(WORKER, message)]
    assert job.worker == WORKER


def test_without_a_worker_there_are_no_jobs() -> None:
    bench = Bench()
    with pytest.raises(SagaNotAllowed, match="no worker"):
        bench.started(work=None)
    assert bench.is_clean
    assert bench.tx.open == 0


def test_a_job_may_not_take_longer_than_its_transaction() -> None:
    bench = Bench()
    with pytest.raises(EndOfLifespan):
        bench.started(timeout=59.5)
    assert bench.is_clean
    bench.started(timeout=59.0)


def test_a_job_is_not_started_once_the_result_is_sent() -> None:
    bench = Bench()
    bench.take(events.SendResult(bench.tx.id, "result"))
    with pytest.raises(SagaNotAllowed, match="its result is sent"):
        bench.started()


def test_there_is_no_result_of_all_while_a_job_is_open() -> None:
    bench = Bench()
    bench.working()
    with pytest.raises(TransactionInProgress) as caught:
        bench.take(events.SendResult(bench.tx.id, "result"))
    assert caught.value.open == 1


def test_row_25_the_result_of_a_worker_without_a_job_tells_it_that_it_is_over() -> None:
    bench = Bench()
    job = bench.working()
    strange = events.JobResult(OTHER, job.id, "forged")
    assert bench.take(strange) == [cancel(job, "unknown or canceled tx", OTHER)]
    assert job.state == SENT


def test_a_worker_has_no_say_in_the_job_of_another() -> None:
    bench = Bench()
    mine, other = bench.working(), bench.working(OTHER)
    bench.take(events.JobResult(WORKER, other.id, "mixed up"))
    assert (mine.state, other.state) == (SENT, SENT)


def test_row_26_the_result_of_a_job_whose_transaction_is_gone_does_the_same() -> None:
    bench = Bench()
    job = bench.working()
    bench.take(events.CancelLater(bench.tx.id, "why"))
    bench.take(events.OwnCancel(bench.tx.id, "why"))
    late = events.JobResult(WORKER, job.id, "late")
    assert bench.take(late) == [cancel(job, "unknown or canceled tx")]


def test_row_27_a_result_comes_to_its_callback() -> None:
    bench = Bench()
    job = bench.working(timeout=5.0)
    out = bench.take(events.JobResult(WORKER, job.id, "done"), 2.0)
    assert out == [Call("handle_job_result", (bench.tx, job, "done"))]
    assert (job.state, job.ended, bench.tx.open) == (COMPLETED, 2.0, 0)
    assert bench.machine.deadlines.live == 1


def test_row_27_a_second_result_is_nothing() -> None:
    bench = Bench()
    job = bench.done()
    assert bench.take(events.JobResult(WORKER, job.id, "again")) == []
    assert bench.tx.open == 0


def test_row_28_an_interim_comes_to_its_callback_while_the_job_is_open() -> None:
    bench = Bench()
    job = bench.working()
    interim = events.JobInterim(WORKER, job.id, "half")
    expected = [Call("handle_job_interim", (bench.tx, job, "half"))]
    assert bench.take(interim) == expected
    bench.take(events.JobResult(WORKER, job.id, "done"))
    assert bench.take(interim) == []


def test_row_28_an_interim_of_a_worker_without_a_job_tells_it_that_it_is_over() -> None:
    bench = Bench()
    stranger = events.JobInterim(OTHER, ref(99), "half")
    message = wire.job_cancel(ME, ref(99), "unknown or canceled tx")
    assert bench.take(stranger) == [Tell(OTHER, message)]


@pytest.mark.parametrize("two_phases", [False, True])
def test_row_29_a_worker_that_ends_after_its_result_is_forgotten(
    two_phases: bool,
) -> None:
    bench = Bench(two_phases=two_phases)
    job = bench.done()
    assert bench.take(events.WorkerDown(WORKER, Atom("normal"))) == []
    assert bench.is_clean
    assert job.state == COMPLETED


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        pytest.param(Atom("normal"), "no result", id="row 30, normal"),
        pytest.param(Atom("boom"), "boom", id="row 31, another word"),
        pytest.param(b"boom", b"boom", id="row 31, no word"),
    ],
)
def test_rows_30_and_31_a_worker_that_ends_before_its_result_has_failed(
    reason: Any, told: Any
) -> None:
    bench = Bench()
    job = bench.working(timeout=5.0)
    out = bench.take(events.WorkerDown(WORKER, reason), 3.0)
    assert out == [Call("handle_job_failed", (bench.tx, job, told))]
    assert (job.state, job.ended, bench.tx.open) == (DROPPED, 3.0, 0)
    assert bench.is_clean
    assert bench.tx.id in bench.machine.transactions


def test_row_31_a_worker_that_is_late_is_ended() -> None:
    bench = Bench()
    job = bench.working(timeout=5.0)
    assert bench.take(events.Tick(), 5.9) == []
    assert bench.take(events.Tick(), 6.0) == [
        Dismiss(WORKER, Atom("lifespan")),
        Call("handle_job_failed", (bench.tx, job, "lifespan")),
    ]
    assert bench.is_clean


def test_a_worker_that_is_there_too_late_is_ended() -> None:
    bench = Bench()
    job = bench.started(timeout=5.0)
    failed = Call("handle_job_failed", (bench.tx, job, "lifespan"))
    assert bench.take(events.Tick(), 6.0) == [failed]
    late = bench.take(events.Launched(job.id, WORKER), 7.0)
    assert late == [Dismiss(WORKER, Atom("shutdown"))]
    assert bench.is_clean


def test_a_job_that_nobody_can_do_has_failed() -> None:
    bench = Bench()
    job = bench.started()
    out = bench.take(events.NotLaunched(job.id, Atom("noconnection")))
    assert out == [Call("handle_job_failed", (bench.tx, job, "noconnection"))]
    assert bench.is_clean
    assert bench.take(events.NotLaunched(job.id, Atom("noconnection"))) == []


def test_a_job_that_is_cancelled_tells_its_worker_and_nobody_else() -> None:
    bench = Bench()
    job = bench.working(timeout=5.0)
    out = bench.take(events.CancelJob(bench.tx.id, job, "why"))
    assert out == [cancel(job, "why"), Dismiss(WORKER)]
    assert (job.state, job.reason, bench.tx.open) == (DROPPED, "why", 0)
    assert bench.is_clean
    with pytest.raises(UnknownJob):
        bench.take(events.CancelJob(bench.tx.id, job, "why"))


def test_a_job_that_has_no_worker_yet_can_be_cancelled() -> None:
    bench = Bench()
    job = bench.started()
    assert bench.take(events.CancelJob(bench.tx.id, job, "why")) == []
    late = bench.take(events.Launched(job.id, WORKER))
    assert late == [Dismiss(WORKER, Atom("shutdown"))]


def test_a_job_that_is_done_can_be_cancelled_only_with_two_phases() -> None:
    bench = Bench(two_phases=True)
    job = bench.done()
    out = bench.take(events.CancelJob(bench.tx.id, job, "why"))
    assert out == [cancel(job, "why"), Dismiss(WORKER)]
    assert bench.tx.open == 0
    bench = Bench()
    job = bench.done()
    with pytest.raises(UnknownJob):
        bench.take(events.CancelJob(bench.tx.id, job, "why"))


def test_a_job_is_found_by_itself_or_its_id() -> None:
    bench = Bench()
    job = bench.working()
    assert jobs.find(bench.machine, job) is job
    assert jobs.find(bench.machine, job.id) is job
    with pytest.raises(UnknownJob):
        jobs.find(bench.machine, ref(99))


def test_row_14_workers_that_wait_learn_of_the_commit() -> None:
    bench = Bench(two_phases=True)
    first, second = bench.done(), bench.done(OTHER)
    out: list[Any] = []
    jobs.commit_all(bench.machine, bench.tx, "final", 2.0, out)
    assert out == [
        Tell(WORKER, wire.job_commit(ME, first.id, "final")),
        Dismiss(WORKER),
        Tell(OTHER, wire.job_commit(ME, second.id, "final")),
        Dismiss(OTHER),
    ]
    assert bench.is_clean
    assert first.state == COMPLETED


def test_row_14_without_two_phases_nobody_waits_for_it() -> None:
    bench = Bench()
    bench.done()
    out: list[Any] = []
    jobs.commit_all(bench.machine, bench.tx, "final", 2.0, out)
    assert out == []


@pytest.mark.parametrize("two_phases", [False, True])
def test_row_21_a_cancel_tells_those_who_work_and_those_who_wait(
    two_phases: bool,
) -> None:
    bench = Bench(two_phases=two_phases)
    done, open = bench.done(), bench.working(OTHER, timeout=5.0)
    bench.started()
    bench.take(events.CancelLater(bench.tx.id, "why"))
    out = bench.take(events.OwnCancel(bench.tx.id, "why"))
    told = [action for action in out if isinstance(action, Tell | Dismiss)]
    waits = [cancel(done, "why"), Dismiss(WORKER)] if two_phases else []
    assert told == [*waits, cancel(open, "why", OTHER), Dismiss(OTHER)]
    assert not bench.machine.jobs
    assert bench.machine.deadlines.live == 0
    assert bench.machine.workers.keys() == (set() if two_phases else {WORKER})
    bench.take(events.WorkerDown(WORKER, Atom("normal")))
    assert not bench.machine.workers


def test_a_job_with_a_compensation_is_logged_before_it_is_started() -> None:
    bench = Bench()
    job = bench.job(compensate="undo")
    out = bench.take(events.StartJob(bench.tx.id, job))
    logs = [action for action in out if isinstance(action, Log)]
    assert out == logs
    assert bench.take(logs[-1].then) == [Launch(job)]


def test_a_job_that_is_cancelled_before_it_is_logged_is_not_started() -> None:
    bench = Bench()
    job = bench.job(compensate="undo")
    logged = bench.take(events.StartJob(bench.tx.id, job))[-1].then
    bench.take(events.CancelJob(bench.tx.id, job, "why"))
    assert bench.take(logged) == []


def test_jobs_are_undone_in_reverse_order_of_their_results() -> None:
    bench = Bench()
    first = bench.working(compensate="undo")
    second = bench.working(OTHER, compensate="undo")
    bench.take(events.JobResult(OTHER, second.id, 2))
    bench.take(events.JobResult(WORKER, first.id, 1))
    assert (second.order, first.order) == (1, 2)
    bench.take(events.CancelLater(bench.tx.id, "why"))
    bench.take(events.OwnCancel(bench.tx.id, "why"))
    out = bench.take(events.Called(bench.tx.id))
    assert bench.undoing(out) is first
    out = bench.take(events.Undone(bench.tx.id, first.id, None))
    assert bench.undoing(out) is second
    assert (first.result, second.result) == (1, 2)


def test_a_job_that_fails_is_undone_at_once_and_the_transaction_goes_on() -> None:
    bench = Bench()
    job = bench.working(compensate="undo")
    out = bench.take(events.WorkerDown(WORKER, Atom("boom")))
    assert Call("handle_job_failed", (bench.tx, job, "boom")) in out
    assert bench.undoing(out) is job
    assert job.result is None
    bench.take(events.Undone(bench.tx.id, job.id, None))
    assert bench.tx.state == "open"
    bench.take(events.CancelLater(bench.tx.id, "why"))
    bench.take(events.OwnCancel(bench.tx.id, "why"))
    out = bench.take(events.Called(bench.tx.id))
    assert not any(isinstance(action, Later) for action in out)


def test_an_observer_sees_what_becomes_of_a_job() -> None:
    bench = Bench(observed=True)
    job = bench.started()
    seen: list[Any] = []
    for event in (
        events.Launched(job.id, WORKER),
        events.JobInterim(WORKER, job.id, "half"),
        events.JobResult(WORKER, job.id, "done"),
    ):
        seen += [a for a in bench.take(event) if isinstance(a, Observe)]
    assert [observed.kind for observed in seen] == ["job", "job_interim", "job_result"]
    assert {observed.step for observed in seen} == {job}
