"""The messages of sagas, complete, as they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import options, tags
from .reasons import text_of, written

if TYPE_CHECKING:
    from etf import Pid, Reference


def next_message(
    me: Pid,
    id: Reference,
    ref: Reference,
    value: Any,
    parents: list[Pid],
    hop_limit: int,
    lifespan: float,
    two_phase_commit: bool,
    capable: bool,
) -> tuple[Any, ...]:
    """To the next saga: take part. *parents* are not copied; nobody changes them."""
    said = options.make(hop_limit, lifespan, two_phase_commit, capable)
    return (tags.NEXT, me, (id, ref, value, parents, said))


def result_message(
    me: Pid, id: Reference, origin: Reference, value: Any
) -> tuple[Any, ...]:
    """Up: the result."""
    return (tags.RESULT, me, (id, origin, value))


def interim_message(
    me: Pid, id: Reference, origin: Reference, value: Any
) -> tuple[Any, ...]:
    """Up: something before the result."""
    return (tags.INTERIM, me, (id, origin, value))


def cancel_message(
    me: Pid, id: Reference, origin: Reference, reason: Any, *, as_text: bool = False
) -> tuple[Any, ...]:
    """Up, with the origin, or down, with the reference of the step: it is cancelled.

    *as_text* is for one that may be of ergo, whose saga ends of any other reason.
    """
    said = text_of(reason) if as_text else reason
    return (tags.CANCEL, me, (id, origin, written(said)))


def commit_message(
    me: Pid, id: Reference, ref: Reference, final: Any
) -> tuple[Any, ...]:
    """Down, to a saga of ergo: it was a success."""
    return (tags.COMMIT, me, (id, ref, final))


def joined(me: Pid, id: Reference, ref: Reference, address: Any) -> tuple[Any, ...]:
    """Up: this saga knows ergopy's commit. *address* is a pid, or two atoms."""
    return (tags.ERGOPY, me, (id, ref, tags.JOINED, address))


def prepare(me: Pid, id: Reference, ref: Reference, address: Any) -> tuple[Any, ...]:
    """Down: vote. *address*, a pid or two atoms, is where to ask what came of it."""
    return (tags.ERGOPY, me, (id, ref, tags.PREPARE, address))


def vote(me: Pid, id: Reference, ref: Reference) -> tuple[Any, ...]:
    """Up: yes."""
    return (tags.ERGOPY, me, (id, ref, tags.VOTE, None))


def decide(me: Pid, id: Reference, ref: Reference, final: Any) -> tuple[Any, ...]:
    """Down: commit, and confirm it."""
    return (tags.ERGOPY, me, (id, ref, tags.DECIDE, final))


def ack(me: Pid, id: Reference, ref: Reference) -> tuple[Any, ...]:
    """Up: the commit will be done, whatever happens."""
    return (tags.ERGOPY, me, (id, ref, tags.ACK, None))


def ask(me: Pid, id: Reference, ref: Reference, address: Any) -> tuple[Any, ...]:
    """Up: what was decided? *address*, a pid or two atoms, wants to know."""
    return (tags.ERGOPY, me, (id, ref, tags.ASK, address))


def job_start(
    me: Pid, job: Reference, id: Reference, key: str, value: Any, two_phase_commit: bool
) -> tuple[Any, ...]:
    """To a worker: do this. *key* is the idempotency key of the job."""
    return (tags.JOB_START, me, (job, id, key, value, two_phase_commit))


def job_cancel(me: Pid, job: Reference, reason: Any) -> tuple[Any, ...]:
    """To a worker: its transaction, or job, was cancelled."""
    return (tags.JOB_CANCEL, me, (job, written(reason)))


def job_commit(me: Pid, job: Reference, final: Any) -> tuple[Any, ...]:
    """To a worker: its transaction was a success."""
    return (tags.JOB_COMMIT, me, (job, final))


def job_result(me: Pid, job: Reference, value: Any) -> tuple[Any, ...]:
    """From a worker: the result."""
    return (tags.JOB_RESULT, me, (job, value))


def job_interim(me: Pid, job: Reference, value: Any) -> tuple[Any, ...]:
    """From a worker: something before the result."""
    return (tags.JOB_INTERIM, me, (job, value))
