"""What a saga's machine is told of: messages, verbs, ends, and times that are over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from etf import Pid, Reference

    from .transaction import SagaJob, SagaStep, SagaTransaction


class Next(NamedTuple):
    """``$saga_next``: a saga wants this one to take part."""

    sender: Pid
    id: Reference
    origin: Reference
    value: Any
    parents: list[Any]
    """Pids, nearest first, without the sender."""
    hop_limit: int
    """How many hops are left from here."""
    lifespan: float
    two_phase_commit: bool
    capable: bool
    """Whether the sender knows the commit of ergopy."""


class Result(NamedTuple):
    """``$saga_result``."""

    sender: Pid
    id: Reference
    origin: Reference
    value: Any


class Interim(NamedTuple):
    """``$saga_interim``."""

    sender: Pid
    id: Reference
    origin: Reference
    value: Any


class Cancel(NamedTuple):
    """``$saga_cancel``, from above or below."""

    sender: Pid
    id: Reference
    origin: Any
    reason: Any


class Commit(NamedTuple):
    """``$saga_commit``: the commit of ergo, that nobody waits for."""

    sender: Pid
    id: Reference
    origin: Reference
    final: Any


class Joined(NamedTuple):
    """The saga below knows the commit of ergopy, and is to be found at *address*."""

    sender: Pid
    id: Reference
    origin: Reference
    address: Any


class Prepare(NamedTuple):
    """The saga above, to be found at *address*, wants a vote."""

    sender: Pid
    id: Reference
    origin: Reference
    address: Any


class Vote(NamedTuple):
    """The saga below is prepared; one that is not cancels."""

    sender: Pid
    id: Reference
    origin: Reference
    nothing: Any = None


class Decide(NamedTuple):
    """The decision: commit. The saga above wants an :class:`Ack`."""

    sender: Pid
    id: Reference
    origin: Reference
    final: Any


class Ack(NamedTuple):
    """The saga below will commit, whatever happens."""

    sender: Pid
    id: Reference
    origin: Reference
    nothing: Any = None


class Ask(NamedTuple):
    """The saga below, to be found at *address*, wants to know the decision."""

    sender: Pid
    id: Reference
    origin: Reference
    address: Any


class Begin(NamedTuple):
    """A transaction of this saga's own comes to its first callback."""

    id: Reference


class OwnResult(NamedTuple):
    """The initiator has the result of its own transaction."""

    id: Reference


class OwnCancel(NamedTuple):
    """This saga cancels a transaction."""

    id: Reference
    reason: Any


class Voted(NamedTuple):
    """``handle_tx_prepare`` has run."""

    id: Reference


class Final(NamedTuple):
    """``handle_tx_done`` has returned."""

    id: Reference
    value: Any


class Called(NamedTuple):
    """``handle_tx_commit`` or ``handle_tx_cancel`` has run."""

    id: Reference


class Logged(NamedTuple):
    """A record is safe; what it stands for may happen now."""

    id: Reference
    what: str
    of: Reference | None = None
    """The step, if it is about one."""


class Undone(NamedTuple):
    """A compensation has run; ``failed`` is what it raised."""

    id: Reference
    of: Reference
    failed: str | None


class StepDown(NamedTuple):
    """The saga of a step is gone, or the connection to it."""

    ref: Reference
    reason: Any


class SagaDown(NamedTuple):
    """A saga that is watched is gone, or the connection to it."""

    pid: Pid
    reason: Any


class ParentDown(NamedTuple):
    """That, for one of the transactions that wait for it: most came from there."""

    id: Reference
    pid: Pid
    reason: Any


class Tick(NamedTuple):
    """Time has gone by: something may be due."""


class LifespanOver(NamedTuple):
    """The lifespan of a transaction is over."""

    id: Reference


class StepLate(NamedTuple):
    """A step has no result in its time; *id* is that of the step."""

    id: Reference


class JobLate(NamedTuple):
    """A job has no result in its time; *id* is that of the job."""

    id: Reference


class TryAgain(NamedTuple):
    """A decision is not confirmed, or not known: say so, or ask, once more."""

    id: Reference


class UndoDue(NamedTuple):
    """A compensation is to run: the next one, or once more one that has failed."""

    id: Reference


class Launched(NamedTuple):
    """A job has its worker."""

    id: Reference
    worker: Pid


class NotLaunched(NamedTuple):
    """A job has no worker: it could not be started."""

    id: Reference
    reason: Any


class JobResult(NamedTuple):
    """A worker has the result of its job."""

    worker: Pid
    id: Reference
    value: Any


class JobInterim(NamedTuple):
    """A worker has something to tell before the result."""

    worker: Pid
    id: Reference
    value: Any


class WorkerDown(NamedTuple):
    """A worker has ended."""

    worker: Pid
    reason: Any


class Start(NamedTuple):
    """The verb ``start_transaction``."""

    transaction: SagaTransaction


class NextStep(NamedTuple):
    """The verb ``next``, checked; the step's reference is a monitor."""

    id: Reference
    step: SagaStep


class SendResult(NamedTuple):
    """The verb ``send_result``."""

    id: Reference
    value: Any


class SendInterim(NamedTuple):
    """The verb ``send_interim``."""

    id: Reference
    value: Any


class CancelLater(NamedTuple):
    """The verb ``cancel_transaction``."""

    id: Reference
    reason: Any


class StartJob(NamedTuple):
    """The verb ``start_job``."""

    id: Reference
    job: SagaJob


class CancelJob(NamedTuple):
    """The verb ``cancel_job``."""

    id: Reference
    job: SagaJob
    reason: Any


class Recover(NamedTuple):
    """The saga was started again: what its log has of one transaction."""

    id: Reference
    records: list[Any]


Message: TypeAlias = (
    Next | Result | Interim | Cancel | Commit
    | Joined | Prepare | Vote | Decide | Ack | Ask
)  # fmt: skip
"""What another saga may send."""

WorkerMessage: TypeAlias = JobResult | JobInterim
"""What a worker may send."""
