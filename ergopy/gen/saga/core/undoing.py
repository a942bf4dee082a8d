"""Compensations: what undoes the steps and jobs of a transaction that was cancelled.

One after the other, in reverse order of completion; before these come the ones that
were sent and have no result: what they undo may never have happened. One that fails is
tried again, after a pause that grows, and those behind it wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import records
from .actions import Later, Undo
from .deadlines import backoff
from .events import UndoDue
from .transaction import CANCELED, COMMITTED, COMPLETED, FINISHED, SENT

if TYPE_CHECKING:
    from .actions import Action
    from .events import Undone
    from .machine import Machine
    from .transaction import SagaJob, SagaStep, SagaTransaction


def needed(tx: SagaTransaction) -> list[SagaStep | SagaJob]:
    """Return what has to be undone, the last one first."""
    parts: list[SagaStep | SagaJob] = [*tx.steps.values(), *tx.jobs.values()]
    parts = [part for part in parts if part.compensate is not None]
    unknown = [part for part in parts if part.state is SENT]
    done = [part for part in parts if part.state is COMPLETED]
    done.sort(key=lambda part: part.order, reverse=True)
    return [*reversed(unknown), *done]


def lost(
    machine: Machine,
    tx: SagaTransaction,
    part: SagaStep | SagaJob,
    now: float,
    out: list[Action],
) -> None:
    """Undo a step or job that was lost alone; the transaction goes on."""
    if part.compensate is not None:
        records.write(tx, (records.LOST, part.id), out)
        tx.queue.append(part)
        go_on(machine, tx, now, out)


def go_on(machine: Machine, tx: SagaTransaction, now: float, out: list[Action]) -> None:
    """Run the next compensation, unless one runs; after the last one be done."""
    if tx.undoing is not None:
        return
    if tx.queue:
        tx.undoing = tx.queue[0].compensate
        # Not here: it may be that a verb was called, in a callback.
        out.append(Later(UndoDue(tx.id)))
    elif tx.state in (CANCELED, COMMITTED, FINISHED) and tx.told and not tx.waits:
        machine.end(tx, now, out)


def undone(
    machine: Machine, tx: SagaTransaction, event: Undone, now: float, out: list[Action]
) -> None:
    """Have run a compensation, or failed to."""
    tx.trouble = event.failed
    kind = "undone" if event.failed is None else "undo_failed"
    machine.observe(out, kind, tx, tx.queue[0], event.failed)
    if event.failed is not None:
        machine.deadlines.start(now + backoff(tx.undo_tries), UndoDue(tx.id))
        tx.undo_tries += 1
        return
    tx.undo_tries = 0
    tx.undoing = None
    tx.queue.pop(0)
    if tx.log_size:
        records.write(tx, (records.UNDONE, event.of), out)
    go_on(machine, tx, now, out)


def undo(
    machine: Machine, tx: SagaTransaction, event: UndoDue, now: float, out: list[Action]
) -> None:
    """Run the compensation that is the first in the queue."""
    out.append(Undo(tx, tx.queue[0]))
