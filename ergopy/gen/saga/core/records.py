"""What a saga writes into its log, and reads when it is started again.

A record is a tuple with an atom first. All that is needed after a restart is there:
the saga is found by its name, and those above and below by their addresses.

| record | when |
| --- | --- |
| ``transaction`` | before the first other one of a transaction |
| ``step``, ``job`` | before one with a compensation is sent, or started |
| ``completed`` | it has a result |
| ``lost`` | the transaction goes on without it; it is to be undone |
| ``undone`` | its compensation has run |
| ``voting`` | before ``handle_tx_prepare`` is called |
| ``prepared`` | before the vote |
| ``decision`` | before the initiator does anything about it |
| ``final`` | ``handle_tx_done`` has returned; before anybody is told |
| ``committed`` | before who told of the commit is let go |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from etf import Atom

from .actions import Log
from .events import Logged
from .transaction import COMPLETED

if TYPE_CHECKING:
    from etf import Reference

    from .actions import Action
    from .transaction import SagaJob, SagaStep, SagaTransaction

TRANSACTION: Final = Atom("transaction")
STEP: Final = Atom("step")
JOB: Final = Atom("job")
STEP_COMPLETED: Final = Atom("completed")
LOST: Final = Atom("lost")
UNDONE: Final = Atom("undone")
VOTING: Final = Atom("voting")
PREPARED: Final = Atom("prepared")
DECISION: Final = Atom("decision")
FINAL: Final = Atom("final")
COMMITTED: Final = Atom("committed")

_UNDEFINED: Final = Atom("undefined")


def write(
    tx: SagaTransaction,
    record: Any,
    out: list[Action],
    what: str | None = None,
    of: Reference | None = None,
) -> None:
    """Have *record* written; with *what* it comes as ``Logged`` when it is safe."""
    if not tx.log_size:
        out.append(Log(tx.id, _transaction(tx)))
    tx.log_size += 1
    out.append(Log(tx.id, record, None if what is None else Logged(tx.id, what, of)))


def _transaction(tx: SagaTransaction) -> Any:
    above = _UNDEFINED if tx.parent is None else (tx.parent, tx.origin)
    return (
        TRANSACTION,
        tx.value,
        tx.hops_left,
        float(tx.lifespan),
        tx.two_phase_commit,
        above,
    )


def step(step: SagaStep) -> Any:
    """Say where a step goes, and what undoes it."""
    method = Atom(step.compensate or "")
    return (STEP, step.id, step.address, step.value, method)


def job(job: SagaJob) -> Any:
    """Say what a job is about, and what undoes it."""
    return (JOB, job.id, job.value, Atom(job.compensate or ""))


def complete(
    tx: SagaTransaction, part: SagaStep | SagaJob, value: Any, out: list[Action]
) -> None:
    """Keep what a compensation will need: that it is done, in which order, and what
    came of it."""
    tx.completions += 1
    part.order = tx.completions
    part.result = value
    if part.compensate is not None:
        write(tx, (STEP_COMPLETED, part.id, value), out)


def without_result(record: Any) -> Any:
    """Return the record of a completion, without its result; None for any other."""
    return (STEP_COMPLETED, record[1], None) if record[0] is STEP_COMPLETED else None


def below(tx: SagaTransaction) -> list[Any]:
    """Say who has to learn of a commit, and who of them will confirm it."""
    return [
        (step.id, step.address, step.joined)
        for step in tx.steps.values()
        if step.state is COMPLETED
    ]
