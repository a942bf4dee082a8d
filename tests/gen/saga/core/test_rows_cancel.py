"""A transaction ends without success: for what reasons, and who is told."""

from __future__ import annotations

from typing import Any

import pytest

from ergopy import EndOfLifespan, SagaCanceled, SagaNotAllowed, TransactionCanceled
from ergopy.gen.saga import wire
from ergopy.gen.saga.core import events, reasons
from ergopy.gen.saga.core.actions import Call, Demonitor, Later, Tell, Unwatch
from etf import Atom, Charlist

from .kit import (
    CHILD,
    CHILDS_NAME,
    ME,
    MY_NAME,
    OTHER,
    PARENT,
    Case,
    calls,
    messages,
    records,
    ref,
)

BEFORE_THE_VOTE = ["open", "waiting", "voting"]


def _to_above(case: Case, reason: Any) -> tuple[Any, Any]:
    return PARENT, wire.cancel_message(ME, case.id, case.origin, reason)


def _to_below(case: Case, step: Any, reason: Any) -> tuple[Any, Any]:
    return CHILD, wire.cancel_message(ME, case.id, step.id, reason)


def test_a_saga_cancels_by_a_message_to_itself_and_tells_all() -> None:
    case = Case()
    step = case.step()
    later = Later(events.OwnCancel(case.id, "why"))
    assert case.take(events.CancelLater(case.id, "why")) == [later]
    with pytest.raises(TransactionCanceled) as caught:
        case.machine.find(case.tx)
    assert caught.value.reason == "why"
    assert case.take(later.event) == [
        Tell(*_to_above(case, "why")),
        Demonitor(step.id),
        Tell(*_to_below(case, step, "why")),
        Unwatch(PARENT),
        Call("handle_tx_cancel", (case.tx, "why"), events.Called(case.id)),
    ]
    assert (step.state, case.state, case.tx.open) == ("dropped", "canceled", 0)
    assert case.called() == []
    assert not case.is_known
    assert case.take(later.event) == []


@pytest.mark.parametrize("state", BEFORE_THE_VOTE)
def test_it_may_cancel_until_it_has_voted(state: str) -> None:
    case = Case(two_phases=True)
    case.to(state)
    assert calls(case.cancel()) == [("handle_tx_cancel", "why")]
    case.called()
    assert not case.is_known


@pytest.mark.parametrize("state", ["prepared", "committed", "done"])
def test_then_it_is_not_for_it_to_say(state: str) -> None:
    case = Case(two_phases=state != "done")
    case.to(state)
    with pytest.raises(SagaNotAllowed):
        case.take(events.CancelLater(case.id, "why"))


@pytest.mark.parametrize("state", BEFORE_THE_VOTE)
def test_the_saga_above_cancels_and_is_not_told(state: str) -> None:
    case = Case(two_phases=True)
    step = case.done_step()
    case.to(state)
    out = case.take(events.Cancel(PARENT, case.id, case.origin, "no"))
    assert messages(out) == [_to_below(case, step, "no")]
    assert calls(out) == [("handle_tx_cancel", "no")]
    assert case.tx.reason == "no"


@pytest.mark.parametrize("state", BEFORE_THE_VOTE)
def test_a_saga_below_cancels_and_all_others_are_told(state: str) -> None:
    case = Case(two_phases=True)
    step, other = case.done_step(trap_cancel=state != "open"), case.done_step()
    case.to(state)
    out = case.take(events.Cancel(CHILD, case.id, step.id, "no"))
    assert messages(out) == [_to_above(case, "no"), _to_below(case, other, "no")]
    assert calls(out) == [("handle_tx_cancel", "no")]


def test_a_saga_below_that_cancels_and_is_trapped_ends_its_step_only() -> None:
    case = Case()
    step = case.step(trap_cancel=True)
    out = case.take(events.Cancel(CHILD, case.id, step.id, "no"))
    assert out == [
        Demonitor(step.id),
        Call("handle_info", (SagaCanceled(case.tx, step, "no"),)),
    ]
    assert (step.state, step.reason, case.tx.open) == ("dropped", "no", 0)
    assert case.state == "open"


def test_a_cancel_of_an_unknown_transaction_or_step_is_ignored() -> None:
    case = Case()
    step = case.done_step()
    other = Case()
    for origin in (ref(), step.id, other.origin):
        assert case.take(events.Cancel(CHILD, case.id, origin, "no")) == []
    assert case.take(events.Cancel(CHILD, ref(), case.origin, "no")) == []


def test_a_step_of_another_transaction_is_not_ended_by_a_cancel() -> None:
    case = Case()
    event = case.next_event(id=ref())
    case.take(event)
    step = case.step()
    assert case.take(events.Cancel(CHILD, event.id, step.id, "no")) == []
    assert step.state == "sent"


def test_one_cancelled_by_its_saga_is_not_undone_nor_after_a_restart() -> None:
    case = Case()
    step = case.step(compensate="undo")
    out = case.take(events.Cancel(CHILD, case.id, step.id, "no"))
    assert records(out) == ["undone"]
    assert case.tx.queue == []


@pytest.mark.parametrize("state", BEFORE_THE_VOTE)
def test_a_transaction_may_take_its_lifespan_and_all_are_told(state: str) -> None:
    # In ergo nobody else is told.
    case = Case(two_phases=True, lifespan=9.0)
    step = case.done_step()
    case.to(state)
    assert case.tick(8.0) == []
    out = case.tick(1.0)
    reason = "end of lifespan"
    assert messages(out) == [_to_above(case, reason), _to_below(case, step, reason)]
    assert calls(out) == [("handle_tx_cancel", reason)]
    with pytest.raises(EndOfLifespan):
        case.machine.find(case.tx)


@pytest.mark.parametrize("state", BEFORE_THE_VOTE)
def test_the_loss_of_the_saga_above_cancels_all_that_came_from_it(state: str) -> None:
    case = Case(two_phases=True)
    step = case.done_step()
    case.to(state)
    other = case.next_event(id=ref())
    case.take(other)
    out = case.take(events.SagaDown(PARENT, Atom("killed")))
    reason = reasons.parent_down(PARENT)
    assert messages(out) == [_to_below(case, step, reason)]
    assert calls(out) == [("handle_tx_cancel", reason)] * 2
    assert case.machine.watched == {}
    assert case.take(events.SagaDown(PARENT, Atom("killed"))) == []


@pytest.mark.parametrize("state", BEFORE_THE_VOTE)
def test_the_loss_of_a_saga_below_cancels(state: str) -> None:
    case = Case(two_phases=True)
    step = case.done_step(trap_cancel=state != "open")
    case.to(state)
    out = case.take(events.StepDown(step.id, Atom("killed")))
    reason = reasons.next_down(CHILD)
    assert messages(out) == [_to_above(case, reason)]
    assert calls(out) == [("handle_tx_cancel", reason)]


def test_the_loss_of_a_saga_below_that_is_trapped_ends_its_step_only() -> None:
    case = Case(two_phases=True)
    step = case.step(trap_cancel=True, timeout=5.0)
    assert case.machine.deadlines.live == 2
    out = case.take(events.StepDown(step.id, Atom("killed")))
    assert case.machine.deadlines.live == 1
    assert calls(out) == [("handle_info",)]
    assert (step.state, case.state) == ("dropped", "open")


@pytest.mark.parametrize("state", ["prepared", "committed"])
def test_after_the_vote_the_loss_of_a_saga_below_changes_nothing(state: str) -> None:
    case = Case(two_phases=True)
    step = case.done_step()
    case.to(state)
    assert case.take(events.StepDown(step.id, Atom("killed"))) == []
    assert case.state == state
    assert case.machine.steps == {}


def test_the_loss_of_an_unknown_saga_is_ignored() -> None:
    case = Case()
    assert case.take(events.StepDown(ref(), Atom("killed"))) == []
    assert case.take(events.SagaDown(OTHER, Atom("killed"))) == []


def test_those_of_ergo_get_a_reason_as_a_text() -> None:
    # Theirs is a string, and another term would end them.
    reason = (Atom("error"), 5)
    case = Case(own=True, two_phases=True)
    case.step(CHILD)
    case.step(CHILDS_NAME, joined=True)
    case.step(MY_NAME)
    case.step(ME)
    told = [message[2][2] for _, message in messages(case.cancel(reason))]
    assert told == [Charlist("{error,5}"), reason, reason, reason]
    for capable, said in ((False, Charlist("{error,5}")), (True, reason)):
        case = Case(two_phases=True, capable=capable)
        assert messages(case.cancel(reason))[0][1][2][2] == said


def test_the_workers_are_told() -> None:
    case = Case(two_phases=True)
    job = case.job()
    out = case.cancel()
    assert (job.worker, wire.job_cancel(ME, job.id, "why")) in messages(out)
    assert case.machine.workers == {}


def test_a_cancel_in_the_middle_of_the_voting_leaves_nothing() -> None:
    case = Case(own=True, two_phases=True)
    step = case.done_step(joined=True)
    case.vote()
    assert case.tx.waits == {step.id}
    case.cancel()
    case.called()
    assert not case.is_known
    assert case.machine.deadlines.live == 0
    assert case.take(events.Vote(CHILD, case.id, step.id)) == []
