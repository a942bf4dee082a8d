"""What a saga that was started again does about what its log says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....errors import SagaLogError
from . import cancelling, committing, doubt, reasons, records, undoing, voting
from .transaction import (
    COMMITTED,
    COMPLETED,
    DECIDED,
    DROPPED,
    FINISHED,
    OPEN,
    PREPARED,
    SagaJob,
    SagaStep,
    SagaTransaction,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from .actions import Action
    from .events import Recover
    from .machine import Machine


def recover(machine: Machine, event: Recover, now: float, out: list[Action]) -> None:
    """Go on with a transaction where it was.

    Raises:
        SagaLogError: The records make no sense.
    """
    try:
        tx = _read(event, now)
    except (ValueError, TypeError, LookupError) as error:
        raise SagaLogError("the log", f"records of {event.id}: {error}") from error
    machine.transactions[tx.id] = tx
    tx.log_size = len(event.records)
    machine.observe(out, "recovered", tx)
    if tx.state == COMMITTED:
        tx.unsafe = False
        if tx.parent is None:
            committing.final(machine, tx, event, now, out)
        else:
            committing.commit(machine, tx, now, out)
    elif tx.state == DECIDED:
        voting.decided(machine, tx, event, now, out)
    elif tx.state == PREPARED:
        doubt.ask(machine, tx, event, now, out)
    elif tx.state == FINISHED:
        # It was handed over: maybe only its records were still there.
        tx.told = True
    else:
        cancelling.cancel(machine, tx, reasons.RESTARTED, now, out, tell_parent=False)
        return
    if not tx.is_over:
        undoing.go_on(machine, tx, now, out)


def _read(event: Recover, now: float) -> SagaTransaction:
    first, *rest = event.records
    if first[0] != records.TRANSACTION:
        raise ValueError("the first one is missing")
    _, value, hops_left, lifespan, two_phase_commit, above = first
    parent, origin = above if isinstance(above, tuple) else (None, None)
    tx = SagaTransaction(
        event.id,
        value,
        hops_left=hops_left,
        lifespan=lifespan,
        two_phase_commit=two_phase_commit,
        now=now,
        origin=origin,
        parent=parent,
        capable=two_phase_commit,
    )
    tx.steps, tx.jobs = {}, {}
    for kind, *parts in rest:
        _READERS[kind](tx, *parts)
    return tx


def _step(tx: SagaTransaction, id: Any, address: Any, value: Any, method: str) -> None:
    step = SagaStep(id, tx, address, value, compensate=str(method) or None)
    step.address = address
    step.sent = tx.arrived
    tx.steps[id] = step


def _job(tx: SagaTransaction, id: Any, value: Any, method: str) -> None:
    job = tx.jobs[id] = SagaJob(id, tx, value, compensate=str(method) or None)
    job.sent = tx.arrived


def _completed(tx: SagaTransaction, id: Any, result: Any) -> None:
    part = tx.steps.get(id) or tx.jobs[id]
    tx.completions += 1
    part.order = tx.completions
    part.state = COMPLETED
    part.ended = tx.arrived
    part.result = result


def _lost(tx: SagaTransaction, id: Any) -> None:
    part = tx.steps.get(id) or tx.jobs[id]
    part.state = DROPPED
    tx.queue.append(part)


def _undone(tx: SagaTransaction, id: Any) -> None:
    part = tx.steps.get(id) or tx.jobs[id]
    part.compensate = None
    if part in tx.queue:
        tx.queue.remove(part)


def _below(tx: SagaTransaction, below: list[Any]) -> None:
    for id, address, joined in below:
        step = tx.steps.get(id)
        if step is None:
            step = tx.steps[id] = SagaStep(id, tx, address, None)
            step.sent = step.ended = tx.arrived
        step.state = COMPLETED
        step.joined = joined
        step.address = step.peer = address


def _voting(tx: SagaTransaction) -> None:
    """Not to have voted is to have voted no."""


def _prepared(tx: SagaTransaction, address: Any, result: Any, below: Any) -> None:
    tx.state = PREPARED
    tx.address = address
    tx.result = result
    _below(tx, below)


def _decision(tx: SagaTransaction, result: Any, below: Any) -> None:
    tx.state = DECIDED
    tx.result = result
    _below(tx, below)


def _final(tx: SagaTransaction, final: Any) -> None:
    is_over = tx.state == OPEN
    tx.state = FINISHED if is_over else COMMITTED
    tx.result = final


def _committed(tx: SagaTransaction, final: Any) -> None:
    tx.state = COMMITTED
    tx.result = final


_READERS: dict[str, Callable[..., None]] = {
    records.STEP: _step,
    records.JOB: _job,
    records.STEP_COMPLETED: _completed,
    records.LOST: _lost,
    records.UNDONE: _undone,
    records.VOTING: _voting,
    records.PREPARED: _prepared,
    records.DECISION: _decision,
    records.FINAL: _final,
    records.COMMITTED: _committed,
}
