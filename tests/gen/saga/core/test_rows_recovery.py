"""A saga is started again: what it does about each kind of record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import SagaLogError
from ergopy.gen.saga import wire
from ergopy.gen.saga.core import events, reasons
from ergopy.gen.saga.core.actions import Call, Finish, Later, Log, Tell, Undo, Watch
from ergopy.gen.saga.core.machine import Machine
from etf import Atom, Pid

from .kit import (
    CHILD,
    CHILDS_NAME,
    MY_NAME,
    PARENT,
    PARENTS_NAME,
    Case,
    calls,
    forgets,
    messages,
    ref,
)

if TYPE_CHECKING:
    from ergopy import SagaTransaction

NEW = Pid("me@test", 99, 0, 2)


class Kept(Case):
    """A case with a disk: all records of it are safe at once."""

    def __init__(self, **options: Any) -> None:
        self.disk: list[Any] = []
        super().__init__(**options)

    def take(self, event: Any) -> list[Any]:
        out = super().take(event)
        self.disk += [action.record for action in out if isinstance(action, Log)]
        return out

    def restart(self, records: list[Any] | None = None) -> list[Any]:
        """Start the saga again: what it does first."""
        self.machine = Machine(NEW, MY_NAME)
        disk = self.disk if records is None else records
        out = super().take(events.Recover(self.id, list(disk)))
        if self.is_known:
            self.tx: SagaTransaction = self.machine.transactions[self.id]
        return out


def _joined(case: Case) -> Any:
    return case.done_step(CHILDS_NAME, joined=True)


def test_one_that_has_voted_asks() -> None:
    case = Kept(two_phases=True)
    step = _joined(case)
    case.vote()
    case.take(events.Voted(case.id))
    case.take(events.Vote(CHILD, case.id, step.id))
    out = case.restart()
    assert out == [Tell(PARENTS_NAME, wire.ask(NEW, case.id, case.origin, MY_NAME))]
    assert (case.state, case.tx.result) == ("prepared", "result")
    out = case.logged(case.take(events.Decide(PARENT, case.id, case.origin, "final")))
    assert messages(out)[1] == (
        CHILDS_NAME,
        wire.decide(NEW, case.id, step.id, "final"),
    )


def test_one_that_has_voted_and_has_nobody_to_find_again_watches_it() -> None:
    case = Kept(two_phases=True)
    case.send_result()
    case.take(events.Prepare(PARENT, case.id, case.origin, PARENT))
    case.take(events.Voted(case.id))
    assert case.restart()[0] == Watch(PARENT)
    out = case.take(events.SagaDown(PARENT, Atom("noproc")))
    assert calls(out)[0][0] == "handle_tx_cancel"


def test_one_that_was_about_to_vote_cancels() -> None:
    case = Kept(two_phases=True)
    case.asked()
    assert calls(case.restart()) == [("handle_tx_cancel", reasons.RESTARTED)]
    assert forgets(case.called())


def test_a_decision_is_carried_out() -> None:
    case = Kept(own=True, two_phases=True)
    step = _joined(case)
    case.vote()
    case.take(events.Voted(case.id))
    case.take(events.Vote(CHILD, case.id, step.id))
    assert case.restart() == [Finish(case.tx)]
    assert (case.state, case.tx.result) == ("decided", "result")
    out = case.logged(case.take(events.Final(case.id, "final")))
    assert messages(out) == [(CHILDS_NAME, wire.decide(NEW, case.id, step.id, "final"))]
    assert forgets(case.take(events.Ack(CHILD, case.id, step.id)))


def test_a_last_word_is_told_again() -> None:
    case = Kept(own=True, two_phases=True)
    step, ergo = _joined(case), case.done_step()
    case.vote()
    case.take(events.Voted(case.id))
    case.logged(case.take(events.Vote(CHILD, case.id, step.id)))
    case.take(events.Final(case.id, "final"))
    out = case.restart()
    assert messages(out) == [
        (CHILDS_NAME, wire.decide(NEW, case.id, step.id, "final")),
        (CHILD, wire.commit_message(NEW, case.id, ergo.id, "final")),
    ]
    assert calls(out) == []
    assert case.take(events.Vote(CHILD, case.id, step.id)) == []
    assert forgets(case.take(events.Ack(CHILD, case.id, step.id)))


def test_a_commit_is_done_again() -> None:
    case = Kept(two_phases=True)
    step = _joined(case)
    case.vote()
    case.take(events.Voted(case.id))
    case.logged(case.take(events.Vote(CHILD, case.id, step.id)))
    case.take(events.Decide(PARENT, case.id, case.origin, "final"))
    out = case.restart()
    assert messages(out) == [(CHILDS_NAME, wire.decide(NEW, case.id, step.id, "final"))]
    assert out[-1] == Call(
        "handle_tx_commit", (case.tx, "final"), events.Called(case.id)
    )
    # The saga above has had no confirmation, maybe.
    again = events.Decide(PARENT, case.id, case.origin, "final")
    assert messages(case.take(again)) == [(PARENT, wire.ack(NEW, case.id, case.origin))]
    case.called()
    assert forgets(case.take(events.Ack(CHILD, case.id, step.id)))


def test_without_a_decision_it_cancels_and_undoes() -> None:
    case = Kept()
    done, open_ = case.done_step(compensate="undo"), case.step(compensate="other")
    job = case.job(compensate="undo")
    key = case.tx.key
    out = case.restart()
    assert out == [
        Call("handle_tx_cancel", (case.tx, "restarted"), events.Called(case.id))
    ]
    assert (case.tx.value, case.tx.key) == ("value", key)
    case.called()
    undone = []
    while case.is_known:
        (action,) = case.take(events.UndoDue(case.id))
        undone.append((action.step.id, action.step.compensate, action.step.result))
        case.take(events.Undone(case.id, action.step.id, None))
    assert undone == [
        (job.id, "undo", None),
        (open_.id, "other", None),
        (done.id, "undo", "made"),
    ]


def test_what_was_undone_is_not_undone_again() -> None:
    case = Kept()
    case.done_step(compensate="undo")
    step = case.done_step(compensate="undo")
    case.cancel()
    case.called()
    case.take(events.UndoDue(case.id))
    case.take(events.Undone(case.id, step.id, None))
    case.restart()
    case.called()
    (action,) = case.take(events.UndoDue(case.id))
    assert action.step != step
    assert forgets(case.take(events.Undone(case.id, action.step.id, None)))


def test_a_step_that_was_lost_is_undone_though_the_rest_is_committed() -> None:
    case = Kept(two_phases=True)
    step = case.step(compensate="undo", trap_cancel=True)
    case.take(events.StepDown(step.id, Atom("killed")))
    case.decide()
    out = case.restart()
    assert calls(out) == [("handle_tx_commit", "final")]
    assert Later(events.UndoDue(case.id)) in out
    assert not forgets(case.called())
    assert case.take(events.UndoDue(case.id)) == [Undo(case.tx, step)]
    assert forgets(case.take(events.Undone(case.id, step.id, None)))


def test_a_step_that_was_lost_and_undone_is_over() -> None:
    case = Kept(two_phases=True)
    step = case.step(compensate="undo", trap_cancel=True)
    case.take(events.StepDown(step.id, Atom("killed")))
    case.take(events.UndoDue(case.id))
    case.take(events.Undone(case.id, step.id, None))
    case.decide()
    assert calls(case.restart()) == [("handle_tx_commit", "final")]
    assert forgets(case.called())


def test_a_result_that_was_handed_over_is_over() -> None:
    case = Kept()
    case.done_step(compensate="undo")
    case.send_result()
    assert forgets(case.restart())
    assert not case.is_known


def test_a_decision_without_two_phases_is_carried_out() -> None:
    case = Kept(own=True)
    case.done_step(compensate="undo")
    case.send_result()
    case.take(events.OwnResult(case.id))
    assert case.restart() == [Finish(case.tx)]
    assert forgets(case.take(events.Final(case.id, "final")))


def test_a_commit_of_ergo_is_done_again_and_confirmed_to_nobody() -> None:
    case = Kept(two_phases=True, capable=False)
    case.done_step(compensate="undo")
    case.send_result()
    case.take(events.Commit(PARENT, case.id, case.origin, "final"))
    out = case.restart()
    assert calls(out) == [("handle_tx_commit", "final")]
    assert PARENT not in [dest for dest, _ in messages(out)]
    assert forgets(case.called())


def test_one_who_asks_is_not_told_of_a_cancel_meanwhile() -> None:
    # It is there before the saga takes any message.
    case = Kept(own=True, two_phases=True)
    step = _joined(case)
    case.vote()
    case.take(events.Voted(case.id))
    case.take(events.Vote(CHILD, case.id, step.id))
    case.restart()
    assert case.take(events.Ask(CHILD, case.id, step.id, CHILDS_NAME)) == []


@pytest.mark.parametrize(
    "records",
    [
        [],
        [(Atom("decision"), 1, [])],
        [(Atom("transaction"), 1)],
        [(Atom("transaction"), 1, 1, 1.0, True, Atom("undefined")), (Atom("what"),)],
        [
            (Atom("transaction"), 1, 1, 1.0, True, Atom("undefined")),
            (Atom("undone"), 1),
        ],
    ],
    ids=["none", "no_first", "short", "strange", "of_an_unknown_step"],
)
def test_records_that_make_no_sense_are_refused(records: list[Any]) -> None:
    case = Kept()
    with pytest.raises(SagaLogError):
        case.restart(records)
    assert case.machine.transactions == {}


def test_another_transaction_of_the_log_is_another() -> None:
    case = Kept()
    case.done_step(compensate="undo")
    case.restart()
    case.machine.take(events.Recover(ref(), case.disk), 0.0)
    assert len(case.machine.transactions) == 2
