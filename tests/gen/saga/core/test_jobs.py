"""Jobs of a transaction: how they begin, and what their workers tell."""

from __future__ import annotations

import pytest

from ergopy import EndOfLifespan, SagaNotAllowed, TransactionInProgress
from ergopy.gen.saga import wire
from ergopy.gen.saga.core import events
from ergopy.gen.saga.core.actions import Call, Launch, Tell
from ergopy.gen.saga.core.transaction import COMPLETED, SENT

from .jobs_kit import ME, OTHER, WORKER, Bench, cancel, ref


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


def test_the_result_of_a_worker_without_a_job_tells_it_that_it_is_over() -> None:
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


def test_the_result_of_a_job_whose_transaction_is_gone_does_the_same() -> None:
    bench = Bench()
    job = bench.working()
    bench.take(events.CancelLater(bench.tx.id, "why"))
    bench.take(events.OwnCancel(bench.tx.id, "why"))
    late = events.JobResult(WORKER, job.id, "late")
    assert bench.take(late) == [cancel(job, "unknown or canceled tx")]


def test_a_result_comes_to_its_callback() -> None:
    bench = Bench()
    job = bench.working(timeout=5.0)
    out = bench.take(events.JobResult(WORKER, job.id, "done"), 2.0)
    assert out == [Call("handle_job_result", (bench.tx, job, "done"))]
    assert (job.state, job.ended, bench.tx.open) == (COMPLETED, 2.0, 0)
    assert bench.machine.deadlines.live == 1


def test_a_second_result_is_nothing() -> None:
    bench = Bench()
    job = bench.done()
    assert bench.take(events.JobResult(WORKER, job.id, "again")) == []
    assert bench.tx.open == 0


def test_an_interim_comes_to_its_callback_while_the_job_is_open() -> None:
    bench = Bench()
    job = bench.working()
    interim = events.JobInterim(WORKER, job.id, "half")
    expected = [Call("handle_job_interim", (bench.tx, job, "half"))]
    assert bench.take(interim) == expected
    bench.take(events.JobResult(WORKER, job.id, "done"))
    assert bench.take(interim) == []


def test_an_interim_of_a_worker_without_a_job_tells_it_that_it_is_over() -> None:
    bench = Bench()
    stranger = events.JobInterim(OTHER, ref(99), "half")
    message = wire.job_cancel(ME, ref(99), "unknown or canceled tx")
    assert bench.take(stranger) == [Tell(OTHER, message)]
