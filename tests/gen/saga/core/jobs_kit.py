"""A machine with one transaction, for the tests of its jobs."""

from __future__ import annotations

from typing import Any

from ergopy.gen.saga import wire
from ergopy.gen.saga.core import events
from ergopy.gen.saga.core.actions import Later, Tell
from ergopy.gen.saga.core.machine import Machine
from ergopy.gen.saga.core.transaction import SagaJob, SagaTransaction
from etf import Pid, Reference

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

    def go_on_to(self, state: str) -> None:
        """Send the result, or come to the vote as well."""
        if state != "open":
            self.take(events.SendResult(self.tx.id, "all done"))
        if state == "voting":
            self.take(events.OwnResult(self.tx.id))
        assert self.tx.state == state

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
