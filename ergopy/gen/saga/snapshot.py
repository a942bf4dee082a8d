"""What the sagas of this node know, taken as it is at this moment: nobody is asked.

So it works while a saga is busy in a callback, too.
"""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import trio

from etf import Atom, Pid, Reference

from ...errors.text import shown
from .core.transaction import (
    CANCELED,
    COMMITTED,
    DECIDED,
    PREPARED,
    UNDECIDED,
    printed,
)
from .graph import JobInfo, SagaInfo, SagaStatistics, StepInfo, TransactionInfo
from .present import name_in_use, sagas
from .texts import cut, name_of, node_of, reason_text, work_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ...process.runtime import Runtime
    from .core.machine import Machine
    from .core.transaction import SagaJob, SagaStep, SagaTransaction
    from .saga import Saga

LIMIT: Final = 100
"""How many open transactions of a saga are listed, unless more are asked for."""
MAX_LIMIT: Final = 10_000
"""How many that may be."""
MAX_PARTS: Final = 100
"""How many steps of a transaction are listed, and how many jobs, among others."""
MAX_PARTS_OF_ONE: Final = 1000
"""How many if it is about that transaction."""

_FOR_EVER = 1e12


def which(tx: Any) -> Reference | str:
    """Read which transaction is meant: a reference, or ``TX#3.2.1`` as text or binary.

    Raises:
        ValueError: It is no transaction.
    """
    match tx:
        case Reference():
            return tx
        case bytes():
            text = tx.decode()
        case str():
            text = str(tx)
        case _:
            raise ValueError(f"no transaction: {shown(tx)}")
    _words(text)
    return text


def find(machine: Machine, tx: Reference | str) -> list[SagaTransaction]:
    """Return what a saga knows of a transaction: it may have been there repeatedly.

    A printed form may be that of two transactions, which two nodes have started.
    """
    found: Iterable[SagaTransaction]
    if isinstance(tx, Reference):
        opened = machine.transactions.get(tx)
        found = [] if opened is None else [opened]
        return [*found, *(ended for ended in machine.ended if ended.id == tx)]
    words = _words(tx)
    found = [tx for id, tx in machine.transactions.items() if id.words == words]
    return [*found, *(ended for ended in machine.ended if ended.id.words == words)]


def _words(text: str) -> tuple[int, ...]:
    words = text.removeprefix("TX#").split(".")
    if not all(word.isascii() and word.isdigit() and len(word) < 20 for word in words):
        raise ValueError(f"no transaction, such as TX#3.2.1: {shown(text)}")
    return tuple(int(word) for word in reversed(words))


def of_saga(saga: Saga, limit: int = LIMIT) -> SagaInfo:
    """Show a saga, with so many of its open transactions and as many ended ones."""
    machine, limit = saga._machine, max(0, min(limit, MAX_LIMIT))
    take = _taker(saga)
    return SagaInfo(
        saga.pid,
        name_in_use(saga),
        behaviour=type(saga).__qualname__,
        max_transactions=machine.max_transactions,
        statistics=statistics(machine),
        transactions=list(map(take, islice(machine.transactions.values(), limit))),
        ended=list(map(take, islice(reversed(machine.ended), limit))),
    )


def of_transaction(saga: Saga, tx: Reference | str) -> list[TransactionInfo]:
    """Show what a saga knows of one transaction; see :func:`find`."""
    take = _taker(saga, MAX_PARTS_OF_ONE)
    return list(map(take, find(saga._machine, tx)))


def all_sagas(runtime: Runtime, limit: int = LIMIT) -> list[SagaInfo]:
    """Show all sagas of a node; see :func:`of_saga`."""
    return [of_saga(saga, limit) for saga in sagas(runtime)]


def everywhere(runtime: Runtime, tx: Reference | str) -> list[TransactionInfo]:
    """Show what all sagas of a node know of one transaction."""
    shows = (of_transaction(saga, tx) for saga in sagas(runtime))
    return [info for known in shows for info in known]


def statistics(machine: Machine) -> SagaStatistics:
    """Count; it looks at every open transaction."""
    opened = list(machine.transactions.values())
    return SagaStatistics(
        open=len(opened),
        in_doubt=sum(tx.state == PREPARED for tx in opened),
        committing=sum(tx.state in (DECIDED, COMMITTED) for tx in opened),
        compensating=sum(tx.state == CANCELED and bool(tx.queue) for tx in opened),
        steps=len(machine.steps),
        jobs=len(machine.jobs),
        done=machine.done,
        canceled=machine.canceled,
    )


def _taker(
    saga: Saga, most: int = MAX_PARTS
) -> Callable[[SagaTransaction], TransactionInfo]:
    """Return what shows the transactions of a saga, as of now."""
    pid, name, now = saga.pid, name_in_use(saga), trio.current_time()
    day = time.time() - now

    def take(tx: SagaTransaction) -> TransactionInfo:
        until = now if tx.ended is None else tx.ended
        is_timed = tx.ended is None and tx.state in UNDECIDED
        steps, jobs = tx.steps.values(), tx.jobs.values()
        parents = [parent for parent in tx.parents[-1:] if isinstance(parent, Pid)]
        return TransactionInfo(
            tx.id,
            Atom(tx.state),
            pid,
            name,
            over=tx.ended is not None,
            reason=reason_text(tx.reason),
            started=_rounded(day + tx.arrived),
            seconds=_rounded(until - tx.arrived),
            since=_rounded(until - tx.since),
            left=_rounded(tx.deadline - now) if is_timed else None,
            hops_left=tx.hops_left,
            two_phase_commit=tx.two_phase_commit,
            parent=tx.parent,
            origin=tx.origin,
            initiator=pid if tx.is_own else next(iter(parents), None),
            waits_for=list(islice(_waits_for(tx), most)),
            tries=tx.tries,
            undoing=str(tx.queue[0]) if tx.queue else None,
            undo_left=len(tx.queue),
            undo_tries=tx.undo_tries,
            trouble=cut(tx.trouble),
            steps=[_step(step, pid, until) for step in islice(steps, most)],
            more_steps=max(0, len(steps) - most),
            jobs=[_job(job, until) for job in islice(jobs, most)],
            more_jobs=max(0, len(jobs) - most),
        )

    return take


def _waits_for(tx: SagaTransaction) -> Iterator[str]:
    if tx.ended is not None:
        return
    if tx.state == PREPARED:
        yield name_of(tx.address)
    for id in tx.waits:
        step = tx.steps.get(id)
        yield printed("Next", id) if step is None else f"{step} {name_of(step.address)}"


def _step(step: SagaStep, saga: Pid, until: float) -> StepInfo:
    begun, ended = step.sent, until if step.ended is None else step.ended
    return StepInfo(
        step.id,
        Atom(step.state),
        name_of(step.saga),
        node_of(step.peer, str(saga.node)),
        reason=reason_text(step.reason),
        after=_rounded(begun - step.transaction.arrived),
        seconds=_rounded(ended - begun),
        timeout=step.timeout,
        trap_cancel=step.trap_cancel,
        compensate=step.compensate,
        joined=step.joined,
    )


def _job(job: SagaJob, until: float) -> JobInfo:
    begun, ended = job.sent, until if job.ended is None else job.ended
    return JobInfo(
        job.id,
        Atom(job.state),
        work_of(job.work),
        job.worker,
        reason=reason_text(job.reason),
        after=_rounded(begun - job.transaction.arrived),
        seconds=_rounded(ended - begun),
        timeout=job.timeout,
        compensate=job.compensate,
    )


def _rounded(seconds: float) -> float:
    # What is without end has no form in Erlang, nor in JSON.
    return round(min(seconds, _FOR_EVER), 6)
