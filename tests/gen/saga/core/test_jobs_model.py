"""Jobs in any order of events: each ends once, and nothing is left of any."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy import SagaError
from ergopy.gen.saga import wire
from ergopy.gen.saga.core import actions, events
from ergopy.gen.saga.core.machine import Machine
from ergopy.gen.saga.core.transaction import SENT, SagaJob, SagaTransaction
from etf import Atom, Pid, Reference

ME = Pid("py@test", 1, 0, 7)


class World:
    """A machine with one transaction, and workers that do as they are told."""

    def __init__(self, two_phases: bool) -> None:
        self.now = 0.0
        self.machine = Machine(ME)
        self.tx = SagaTransaction(
            self.ref(1),
            "value",
            hops_left=1,
            lifespan=1000.0,
            two_phase_commit=two_phases,
            now=0.0,
        )
        self.jobs: list[SagaJob] = []
        self.starting: list[SagaJob] = []
        self.workers: dict[Pid, SagaJob] = {}
        self.linked: set[Pid] = set()
        self.last_words: Counter[Pid] = Counter()
        self.outcomes: Counter[SagaJob] = Counter()
        self.take(events.Start(self.tx))

    def ref(self, number: int) -> Reference:
        return Reference("py@test", 7, (number, 0, 0))

    def take(self, event: Any) -> None:
        """Take an event, and do what comes of it."""
        out = deque(self.machine.take(event, self.now))
        while out:
            then = self._do(out.popleft())
            if then is not None:
                out.extend(self.machine.take(then, self.now))

    def _do(self, action: Any) -> Any:
        match action:
            case actions.Launch(job):
                self.starting.append(job)
            case actions.Tell(worker, (tag, _, _)):
                self.last_words[worker] += tag in (wire.JOB_CANCEL, wire.JOB_COMMIT)
            case actions.Dismiss(worker, reason):
                self.linked.discard(worker)
                self.last_words[worker] += reason is not None
            case actions.Call(callback, args, then):
                if callback == "handle_job_result":
                    self.outcomes[args[1]] += 1
                elif callback == "handle_job_failed":
                    # A result is worth nothing when nobody is left to commit it.
                    was_done = self.tx.two_phase_commit and self.outcomes[args[1]]
                    self.outcomes[args[1]] += 0 if was_done else 1
                return then
            case actions.Log(_, _, then) | actions.Later(then):
                return then
            case actions.Finish(tx):
                return events.Final(tx.id, tx.result)
        return None

    def start(self, number: int) -> None:
        timeout = float(number) if number else None
        ref = self.ref(len(self.jobs) + 2)
        job = SagaJob(ref, self.tx, "work", timeout=timeout, work="work")
        self.jobs.append(job)
        self.take(events.StartJob(self.tx.id, job))

    def launch(self, number: int) -> None:
        if self.starting:
            job = self.starting.pop(number % len(self.starting))
            worker = Pid("py@test", 2 + len(self.workers), 0, 7)
            self.workers[worker] = job
            self.linked.add(worker)
            self.take(events.Launched(job.id, worker))

    def fail_to_launch(self, number: int) -> None:
        if self.starting:
            job = self.starting.pop(number % len(self.starting))
            self.take(events.NotLaunched(job.id, Atom("noconnection")))

    def result(self, number: int) -> None:
        self._say(events.JobResult, number)

    def interim(self, number: int) -> None:
        self._say(events.JobInterim, number)

    def _say(self, what: Any, number: int) -> None:
        if self.workers:
            worker, job = list(self.workers.items())[number % len(self.workers)]
            self.take(what(worker, job.id, "value"))

    def down(self, number: int) -> None:
        if self.linked:
            linked = sorted(self.linked, key=lambda pid: pid.id)
            worker = linked[number % len(linked)]
            self.linked.remove(worker)
            self.last_words[worker] += 1
            self.take(events.WorkerDown(worker, Atom("boom")))

    def cancel(self, number: int) -> None:
        if self.jobs:
            job = self.jobs[number % len(self.jobs)]
            self.take(events.CancelJob(self.tx.id, job, "why"))

    def wait(self, number: int) -> None:
        self.now += number
        while self.machine.deadlines.next <= self.now:
            self.take(events.Tick())

    def check(self) -> None:
        open = [job for job in self.jobs if job.state == SENT]
        assert self.tx.open == len(open)
        assert set(self.machine.workers) == self.linked
        assert set(self.machine.jobs) >= {job.id for job in open}
        assert max(self.outcomes.values(), default=0) <= 1

    def end(self, well: bool) -> None:
        """End the transaction, and let all who may still come or go do so."""
        well = well and not self.tx.open
        if well:
            self.take(events.SendResult(self.tx.id, "result"))
        else:
            self.take(events.CancelLater(self.tx.id, "why"))
        while self.starting:
            self.launch(0)
        while self.linked:
            self.down(0)


STEPS = (
    World.start,
    World.launch,
    World.fail_to_launch,
    World.result,
    World.interim,
    World.down,
    World.cancel,
    World.wait,
)


@settings(max_examples=200)
@given(
    st.booleans(),
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 4)), max_size=30),
    st.booleans(),
)
def test_each_job_ends_once_and_nothing_is_left(
    two_phases: bool, steps: list[Any], well: bool
) -> None:
    world = World(two_phases)
    for step, number in steps:
        try:
            step(world, number)
        except SagaError:
            # A job that is over cannot be cancelled.
            assert step is World.cancel
        world.check()
    world.end(well)
    machine = world.machine
    assert not machine.jobs
    assert not machine.workers
    assert not machine.transactions
    assert machine.deadlines.live == 0
    # Nobody who was started waits for ever.
    assert all(world.last_words[worker] for worker in world.workers)
