"""The end of a job without a result, and what follows one: commits and undoing."""

from __future__ import annotations

from typing import Any

import pytest

from ergopy import UnknownJob
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
from ergopy.gen.saga.core.transaction import COMPLETED, DROPPED
from etf import Atom

from .jobs_kit import ME, OTHER, WORKER, Bench, cancel, ref


def test_a_worker_that_ends_after_its_result_is_forgotten() -> None:
    bench = Bench()
    job = bench.done()
    assert bench.take(events.WorkerDown(WORKER, Atom("normal"))) == []
    assert bench.is_clean
    assert job.state == COMPLETED


@pytest.mark.parametrize(
    ("reason", "told"), [(Atom("normal"), "no commit"), (Atom("boom"), "boom")]
)
def test_a_worker_that_ends_before_the_commit_has_failed(
    reason: Atom, told: str
) -> None:
    bench = Bench(two_phases=True)
    job = bench.done()
    out = bench.take(events.WorkerDown(WORKER, reason))
    assert out == [Call("handle_job_failed", (bench.tx, job, told))]
    assert (job.state, bench.tx.open) == (DROPPED, 0)
    assert bench.is_clean


@pytest.mark.parametrize("state", ["waiting", "voting"])
def test_a_worker_that_ends_when_the_result_is_sent_cancels_the_transaction(
    state: str,
) -> None:
    bench = Bench(two_phases=True)
    job = bench.done(compensate="undo")
    bench.go_on_to(state)
    out = bench.take(events.WorkerDown(WORKER, Atom("boom")))
    assert out == [Later(events.OwnCancel(bench.tx.id, Atom("boom")))]
    assert bench.is_clean
    bench.take(events.OwnCancel(bench.tx.id, Atom("boom")))
    assert bench.undoing(bench.take(events.Called(bench.tx.id))) is job
    assert job.result == "done"


def test_a_worker_that_ends_after_the_vote_changes_nothing() -> None:
    bench = Bench(two_phases=True)
    job = bench.done()
    bench.go_on_to("voting")
    bench.take(events.Voted(bench.tx.id))
    assert bench.tx.state == "decided"
    assert bench.take(events.WorkerDown(WORKER, Atom("boom"))) == []
    assert job.state == COMPLETED
    assert not bench.machine.jobs
    assert not bench.machine.workers


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        pytest.param(Atom("normal"), "no result", id="normal"),
        pytest.param(Atom("boom"), "boom", id="another word"),
        pytest.param(b"boom", b"boom", id="no word"),
    ],
)
def test_a_worker_that_ends_before_its_result_has_failed(
    reason: Any, told: Any
) -> None:
    bench = Bench()
    job = bench.working(timeout=5.0)
    out = bench.take(events.WorkerDown(WORKER, reason), 3.0)
    assert out == [Call("handle_job_failed", (bench.tx, job, told))]
    assert (job.state, job.ended, bench.tx.open) == (DROPPED, 3.0, 0)
    assert bench.is_clean
    assert bench.tx.id in bench.machine.transactions


def test_a_worker_that_is_late_is_ended() -> None:
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


def test_workers_that_wait_learn_of_the_commit() -> None:
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


def test_without_two_phases_nobody_waits_for_it() -> None:
    bench = Bench()
    bench.done()
    out: list[Any] = []
    jobs.commit_all(bench.machine, bench.tx, "final", 2.0, out)
    assert out == []


@pytest.mark.parametrize("two_phases", [False, True])
def test_a_cancel_tells_those_who_work_and_those_who_wait(
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
    assert (done.state, open.state) == (COMPLETED, DROPPED)
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
