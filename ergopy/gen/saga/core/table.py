"""Which function takes which event in which state: the saga as a table.

``TABLE`` has a row for each event that is about one transaction, with an entry for each
state that it can be in; ``UNKNOWN`` says what happens if the saga does not know the
transaction (nothing, if it is not there), ``OTHERS`` takes what is about none, or about
a step or job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....errors import ResultAlreadySent, SagaNotAllowed
from . import (
    arrival,
    cancelling,
    committing,
    doubt,
    events,
    jobs,
    onward,
    recovery,
    undoing,
    upward,
    voting,
)
from .transaction import (
    CANCELED,
    COMMITTED,
    DECIDED,
    FINISHED,
    OPEN,
    PREPARED,
    VOTING,
    WAITING,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from .actions import Action
    from .machine import Machine
    from .transaction import SagaTransaction

    Handler: TypeAlias = Callable[
        [Machine, SagaTransaction, Any, float, list[Action]], None
    ]
    Other: TypeAlias = Callable[[Machine, Any, float, list[Action]], None]

STATES = (OPEN, WAITING, VOTING, PREPARED, DECIDED, COMMITTED, CANCELED, FINISHED)


def ignore(
    machine: Machine, tx: SagaTransaction, event: Any, now: float, out: list[Action]
) -> None:
    """Do nothing: it comes too late, or too early, and harms nobody."""


def has_result(
    machine: Machine, tx: SagaTransaction, event: Any, now: float, out: list[Action]
) -> None:
    """Refuse a result: there is one."""
    machine.check_alive(tx)
    raise ResultAlreadySent(tx)


def is_too_late(
    machine: Machine, tx: SagaTransaction, event: Any, now: float, out: list[Action]
) -> None:
    """Refuse a verb: no more work may begin once the result is sent."""
    machine.check_alive(tx)
    raise SagaNotAllowed(tx, f"it is {tx.state}: its result is sent")


def is_in_doubt(
    machine: Machine, tx: SagaTransaction, event: Any, now: float, out: list[Action]
) -> None:
    """Refuse to cancel: it is not for this saga to say any more."""
    machine.check_alive(tx)
    raise SagaNotAllowed(tx, f"it is {tx.state}: nobody may cancel it any more")


def check_open(machine: Machine, tx: SagaTransaction) -> None:
    """Raise unless steps and jobs may begin."""
    if tx.state is not OPEN:
        is_too_late(machine, tx, None, 0.0, [])
    machine.check_alive(tx)


def _row(usual: Handler = ignore, /, **others: Handler) -> dict[str, Handler]:
    return {state: others.get(state, usual) for state in STATES}


_logged: dict[str, Handler] = {
    "step": onward.logged,
    "job": jobs.logged,
    "result": upward.logged,
    "voting": voting.logged,
    "prepared": voting.prepared,
    "decision": voting.decided,
    "final": committing.final,
    "committed": committing.committed,
    "committed_as_ergo": committing.committed_as_ergo,
}


def logged(
    machine: Machine,
    tx: SagaTransaction,
    event: events.Logged,
    now: float,
    out: list[Action],
) -> None:
    """Do what waited for a record."""
    _logged[event.what](machine, tx, event, now, out)


TABLE: dict[type, dict[str, Handler]] = {
    # What other sagas send.
    events.Next: _row(arrival.refuse_loop),
    events.Result: _row(open=onward.result),
    events.Interim: _row(open=onward.interim, canceled=onward.refuse_late_interim),
    events.Cancel: _row(
        open=cancelling.told,
        waiting=cancelling.told,
        voting=cancelling.told,
        prepared=cancelling.told_in_doubt,
    ),
    events.Commit: _row(waiting=committing.commit_as_ergo),
    events.Joined: _row(open=onward.joined),
    events.Prepare: _row(
        open=voting.prepare_early,
        waiting=voting.prepare,
        prepared=voting.prepare_again,
        canceled=doubt.answer_canceled,
    ),
    events.Vote: _row(voting=voting.yes),
    events.Decide: _row(prepared=committing.decide, committed=committing.decide_again),
    events.Ack: _row(committed=committing.acked),
    events.Ask: _row(
        doubt.note,
        committed=doubt.answer,
        canceled=doubt.answer_canceled,
    ),
    # What the saga itself does.
    events.Begin: _row(open=arrival.begin, waiting=arrival.begin),
    events.NextStep: _row(is_too_late, open=onward.send),
    events.SendResult: _row(has_result, open=upward.send_result),
    events.SendInterim: _row(is_too_late, open=upward.send_interim),
    events.CancelLater: _row(
        is_in_doubt,
        open=cancelling.cancel_later,
        waiting=cancelling.cancel_later,
        voting=cancelling.cancel_later,
    ),
    events.StartJob: _row(is_too_late, open=jobs.start_job),
    events.CancelJob: _row(is_too_late, open=jobs.cancel_job),
    events.OwnResult: _row(waiting=upward.own_result),
    events.OwnCancel: _row(
        open=cancelling.own, waiting=cancelling.own, voting=cancelling.own
    ),
    # What callbacks and the log have done.
    events.Voted: _row(voting=voting.voted),
    events.Final: _row(decided=upward.final),
    events.Called: _row(committed=committing.called, canceled=cancelling.called),
    events.Undone: _row(undoing.undone),
    events.UndoDue: _row(undoing.undo),
    events.Logged: _row(logged, canceled=ignore),
    # Losses, and times that are over.
    events.ParentDown: _row(
        open=cancelling.parent_down,
        waiting=cancelling.parent_down,
        voting=cancelling.parent_down,
        prepared=cancelling.parent_down_in_doubt,
        committed=committing.child_down,
    ),
    events.LifespanOver: _row(
        open=cancelling.lifespan_over,
        waiting=cancelling.lifespan_over,
        voting=cancelling.lifespan_over,
    ),
    events.TryAgain: _row(prepared=doubt.ask, committed=committing.tell_again),
}

UNKNOWN: dict[type, Other] = {
    events.Next: arrival.arrive,
    events.Interim: onward.refuse_interim,
    events.Prepare: voting.prepare_unknown,
    events.Decide: committing.decide_unknown,
    events.Ask: doubt.answer_unknown,
}


def parents_down(
    machine: Machine, event: events.SagaDown, now: float, out: list[Action]
) -> None:
    """Take the loss of a saga that is watched, for each transaction that waits."""
    for tx in list(machine.watched.pop(event.pid, {}).values()):
        loss = events.ParentDown(tx.id, event.pid, event.reason)
        TABLE[events.ParentDown][tx.state](machine, tx, loss, now, out)


def tick(machine: Machine, event: events.Tick, now: float, out: list[Action]) -> None:
    """Take the first of what is due.

    The others come with further ones: its callbacks may change what they find.
    """
    for due in machine.deadlines.due(now):
        out.extend(machine.take(due, now))
        if out:
            return


OTHERS: dict[type, Other] = {
    events.Start: arrival.start,
    events.Recover: recovery.recover,
    events.StepDown: cancelling.step_down,
    events.SagaDown: parents_down,
    events.Tick: tick,
    events.StepLate: onward.late,
    events.JobLate: jobs.job_late,
    events.Launched: jobs.launched,
    events.NotLaunched: jobs.not_launched,
    events.JobResult: jobs.job_result,
    events.JobInterim: jobs.job_interim,
    events.WorkerDown: jobs.worker_down,
}
