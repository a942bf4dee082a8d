"""A saga of a simulation: a machine, and callbacks that do what a plan says."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from ergopy.errors import EndOfLifespan, HopLimitExceeded, SagaError
from ergopy.gen.saga import wire
from ergopy.gen.saga.core import actions, events
from ergopy.gen.saga.core.machine import Machine
from ergopy.gen.saga.core.reasons import LOOP_DETECTED
from ergopy.gen.saga.core.transaction import (
    SENT,
    SagaJob,
    SagaStep,
    SagaTransaction,
    key_of,
)
from etf import Atom, Pid, Reference

if TYPE_CHECKING:
    from .plans import Branch, Work
    from .simulation import World

_refs = count(1)


class Peer:
    """One life of a saga."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.number = number
        self.plan = world.plans[number]
        self.alive = True
        self.pid = world.pid(number)
        address = world.name(number) if self.plan.named else None
        overrides = []
        if self.plan.votes or self.plan.cancels == "prepare":
            overrides.append("handle_tx_prepare")
        if self.plan.has_last_word:
            overrides.append("handle_tx_done")
        self.machine = Machine(
            self.pid,
            address,
            max_transactions=self.plan.limit,
            history=1000,
            overrides=frozenset(overrides),
        )
        self.machine.observed = True
        self.took: list[SagaTransaction] = []
        """All transactions that it took part in, once for each time."""

    # What comes to it.

    def take(self, event: Any) -> None:
        if not self.alive:
            return
        machine, refused = self.machine, self.world.refused
        if event.__class__ is events.Cancel and event.origin in machine.steps:
            refused.add(event.origin)
        back = self._comes_back(event)
        out = machine.take(event, self.world.now)
        if back is not None and back.reason == LOOP_DETECTED:
            refused.add(back.id)
        self.do(out)

    def _comes_back(self, event: Any) -> SagaStep | None:
        """Return the step that a transaction comes back from: a loop of two."""
        if (
            event.__class__ is not events.Next
            or event.id not in self.machine.transactions
        ):
            return None
        number = self.world.numbers[event.sender]
        for step in self.machine.transactions[event.id].steps.values():
            if step.state is SENT and self.world.number(step.peer) == number:
                return step
        return None

    def later(self, event: Any) -> None:
        self.world.post(self.pid, self.number, partial(self.take, event))

    def lost(self, event: Any) -> None:
        # A saga looks for the step first: what it does not know is no loss.
        if event.__class__ is not events.StepDown or event.ref in self.machine.steps:
            self.take(event)

    def recover(self, disk: dict[Any, list[Any]]) -> None:
        for id, records in list(disk.items()):
            event = events.Recover(id, list(records))
            out = self.machine.take(event, self.world.now)
            self.took.append(
                self.machine.transactions.get(id) or self.machine.ended[-1]
            )
            self.world.post(self.pid, self.number, partial(self._do_postponed, out))

    def _do_postponed(self, out: list[Any]) -> None:
        if self.alive:
            self.do(out)

    def start(self, two_phases: bool, lifespan: float, hop_limit: int) -> None:
        tx = SagaTransaction(
            self.new_ref(),
            "value",
            hops_left=hop_limit,
            lifespan=lifespan,
            two_phase_commit=two_phases,
            now=self.world.now,
        )
        try:
            self.take(events.Start(tx))
        except SagaError:
            assert self.plan.limit is not None

    def prod(self) -> None:
        """Cancel all that may be cancelled, out of the blue."""
        for tx in list(self.machine.transactions.values()) if self.alive else ():
            try:
                self.cancel(tx, "prodded")
            except SagaError:
                assert tx.state != "open" or tx.canceling

    # What it does.

    def do(self, out: list[Any]) -> None:
        for action in out:
            self.world.acting(self)
            then = _DOERS[action.__class__](self, action)
            if then is not None:
                out += self.machine.take(then, self.world.now)

    def _tell(self, action: actions.Tell) -> None:
        if action.message[0] is wire.NEXT:
            id, ref = action.message[2][:2]
            self.world.sent.append(
                (self.number, self.machine.transactions[id].steps[ref])
            )
        self.world.tell(self, action.dest, action.message)

    def _later(self, action: actions.Later) -> None:
        self.later(action.event)

    def _watch(self, action: actions.Watch) -> None:
        pid = action.pid
        key = (self.pid, pid)
        if key in self.world.monitors or pid not in self.machine.watched:
            # It comes behind a callback, or a start, and is not needed any more.
            return
        self.world.watch(key, self, pid, lambda reason: events.SagaDown(pid, reason))

    def _unwatch(self, action: actions.Unwatch) -> None:
        self.world.monitors.pop((self.pid, action.pid), None)

    def _demonitor(self, action: actions.Demonitor) -> None:
        self.world.monitors.pop(action.ref, None)

    def _call(self, action: actions.Call) -> Any:
        tx = (
            action.args[0]
            if action.callback != "handle_info"
            else action.args[0].transaction
        )
        self.see(action.callback, tx)
        getattr(self, action.callback)(*action.args)
        return action.then

    def _finish(self, action: actions.Finish) -> Any:
        tx = action.transaction
        self.see("handle_tx_done", tx)
        return events.Final(tx.id, "final")

    def _undo(self, action: actions.Undo) -> Any:
        tx, part = action.transaction, action.step
        tries = self.world.undo_tries
        tries[part.id] += 1
        works = tries[part.id] > int(part.compensate or 0)
        self.see("undo", tx, part)
        self.world.undone[self.number, tx.key].append((part, works))
        return events.Undone(tx.id, part.id, None if works else "no luck")

    def _log(self, action: actions.Log) -> None:
        disk = self.world.disks[self.number]

        def write() -> None:
            disk.setdefault(action.id, []).append(action.record)
            self.world.seen[self.number].append(
                (str(action.record[0]), key_of(action.id), None)
            )
            if self.alive and action.then is not None:
                self.later(action.then)

        self.world.post(self.pid, "disk", write)

    def _forget(self, action: actions.Forget) -> None:
        disk = self.world.disks[self.number]

        def forget() -> None:
            disk.pop(action.id, None)

        self.world.post(self.pid, "disk", forget)

    def _launch(self, action: actions.Launch) -> Any:
        job = action.job
        if job.work.outcome == "unlaunched":
            self.later(events.NotLaunched(job.id, Atom("badarg")))
            return None
        pid = Pid("worker@sim", next(_refs), 0, 1)
        self.world.workers[pid] = self
        return events.Launched(job.id, pid)

    def _dismiss(self, action: actions.Dismiss) -> None:
        # It is not linked any more: its end is not heard of here.
        self.machine_has_no(action.worker)
        if action.reason is not None:
            self.world.workers.pop(action.worker, None)

    def machine_has_no(self, worker: Pid) -> None:
        assert worker not in self.machine.workers

    def _observe(self, action: actions.Observe) -> None:
        tx = action.transaction
        if action.kind == "started":
            self.took.append(tx)
        elif action.kind == "commit" and tx.is_own and not self.plan.has_last_word:
            self.see("handle_tx_done", tx)
        self.see(action.kind, tx, action.step)

    def see(self, what: str, tx: SagaTransaction, detail: Any = None) -> None:
        self.world.seen[self.number].append((what, tx.key, detail))

    # Its workers.

    def work(self, worker: Pid, message: Any) -> None:
        """Be a worker that gets a message."""
        if worker not in self.world.workers:
            return
        if message[0] != wire.JOB_START:
            # Told of the end: it does that, and ends.
            del self.world.workers[worker]
            return
        job = message[2][0]
        outcome = (
            self.machine.jobs[job].work.outcome if job in self.machine.jobs else ""
        )
        if outcome in ("result", "brief"):
            two_phases = message[2][4] and outcome == "result"
            made = wire.read(wire.job_result(worker, job, "done"))
            self.world.post(worker, self.number, partial(self.take, made))
            if two_phases:
                return
            self._end(worker, Atom("normal"))
        elif outcome == "fail":
            self._end(worker, Atom("boom"))

    def _end(self, worker: Pid, reason: Any) -> None:
        del self.world.workers[worker]
        down = partial(self._worker_down, worker, reason)
        self.world.post(worker, self.number, down)

    def _worker_down(self, worker: Pid, reason: Any) -> None:
        if self.alive and worker in self.machine.workers:
            self.take(events.WorkerDown(worker, reason))

    # The verbs.

    def new_ref(self) -> Reference:
        return Reference(f"n{self.number}@sim", 1, (next(_refs), 0, 0))

    def next(self, tx: SagaTransaction, branch: Branch) -> None:
        world, machine = self.world, self.machine
        assert machine.find(tx) is tx
        machine.check_next(tx, branch.timeout, world.now)
        dest = world.address(branch.to)
        step = SagaStep(
            self.new_ref(),
            tx,
            dest,
            branch.to,
            timeout=branch.timeout,
            trap_cancel=branch.trap,
            compensate=_method(branch),
        )
        step.address = dest
        ref = step.id
        self.world.watch(ref, self, dest, lambda reason: events.StepDown(ref, reason))
        self.take(events.NextStep(tx.id, step))

    def start_job(self, tx: SagaTransaction, work: Work) -> None:
        assert self.machine.find(tx) is tx
        job = SagaJob(
            self.new_ref(),
            tx,
            "work",
            timeout=work.timeout,
            work=work,
            compensate=_method(work),
        )
        self.take(events.StartJob(tx.id, job))

    def cancel(self, tx: SagaTransaction, reason: str) -> None:
        self.machine.find(tx)
        self.take(events.CancelLater(tx.id, reason))

    # The callbacks. That a verb raises in one is a crash of the saga, as in life.

    def handle_tx_new(self, tx: SagaTransaction, value: Any) -> None:
        plan = self.plan
        if plan.cancels == "new":
            self.cancel(tx, "not new")
            return
        try:
            if not plan.in_turn:
                for branch in plan.branches:
                    self.next(tx, branch)
            for work in plan.works:
                self.start_job(tx, work)
        except (HopLimitExceeded, EndOfLifespan) as error:
            self.cancel(tx, str(error))
            return
        self.go_on(tx)

    def go_on(self, tx: SagaTransaction) -> None:
        plan = self.plan
        if plan.in_turn and len(tx.steps) < len(plan.branches):
            if not tx.open:
                try:
                    self.next(tx, plan.branches[len(tx.steps)])
                except (HopLimitExceeded, EndOfLifespan) as error:
                    self.cancel(tx, str(error))
        elif not tx.open and not plan.silent and tx.state == "open":
            self.take(events.SendResult(tx.id, f"result of {self.number}"))

    def handle_tx_result(self, tx: SagaTransaction, step: SagaStep, _: Any) -> None:
        if self.plan.cancels == "result":
            self.cancel(tx, "no such result")
        else:
            self.go_on(tx)

    def handle_info(self, message: Any) -> None:
        tx = message.transaction
        if tx.state == "open" and not tx.canceling:
            self.go_on(tx)

    def handle_tx_prepare(self, tx: SagaTransaction, result: Any) -> None:
        if self.plan.cancels == "prepare":
            self.cancel(tx, "no")

    def handle_job_result(self, tx: SagaTransaction, job: SagaJob, _: Any) -> None:
        self.go_on(tx)

    def handle_job_failed(self, tx: SagaTransaction, job: SagaJob, _: Any) -> None:
        if self.plan.cancels == "job" or tx.state != "open":
            self.cancel(tx, "no job")
        else:
            self.go_on(tx)

    def handle_tx_commit(self, tx: SagaTransaction, final: Any) -> None:
        assert final == "final" or final.startswith("result of ")

    def handle_tx_cancel(self, tx: SagaTransaction, reason: Any) -> None:
        assert reason is not None


def _method(part: Branch | Work) -> str | None:
    return None if part.compensate is None else str(part.compensate)


_DOERS: dict[type, Any] = {
    actions.Tell: Peer._tell,
    actions.Later: Peer._later,
    actions.Watch: Peer._watch,
    actions.Unwatch: Peer._unwatch,
    actions.Demonitor: Peer._demonitor,
    actions.Call: Peer._call,
    actions.Finish: Peer._finish,
    actions.Undo: Peer._undo,
    actions.Log: Peer._log,
    actions.Forget: Peer._forget,
    actions.Launch: Peer._launch,
    actions.Dismiss: Peer._dismiss,
    actions.Observe: Peer._observe,
}
