"""A transaction on its way through further sagas, and what they send back."""

from __future__ import annotations

import pytest

from ergopy import EndOfLifespan, HopLimitExceeded, NextTimeout, SagaNotAllowed
from ergopy.gen.saga import wire
from ergopy.gen.saga.core import events, reasons
from ergopy.gen.saga.core.actions import Call, Demonitor, Log, Tell
from ergopy.gen.saga.core.transaction import SagaStep

from .kit import (
    CHILD,
    CHILDS_NAME,
    ME,
    PARENT,
    Case,
    calls,
    messages,
    records,
    ref,
)


def _said(case: Case, step: SagaStep, seconds: float, *, capable: bool) -> object:
    tx = case.tx
    hops = tx.hops_left - 1
    return wire.next_message(
        ME, tx.id, step.id, "order", tx.parents, hops, seconds, case.two_phases, capable
    )


@pytest.mark.parametrize(
    ("own", "two_phases", "offered", "offers"),
    [
        (True, False, True, False),
        (True, True, True, True),
        (False, True, True, True),
        # What comes from a saga of ergo goes on as with ergo.
        (False, True, False, False),
    ],
)
def test_a_step_is_sent_with_what_is_left(
    own: bool, two_phases: bool, offered: bool, offers: bool
) -> None:
    case = Case(own=own, two_phases=two_phases, capable=offered, lifespan=30.0, hops=7)
    case.now = 10.0
    step = case.step()
    said = _said(case, step, 20.0, capable=offers)
    assert case.sending == [Tell(CHILD, said)]
    assert case.tx.open == 1
    late = case.step(timeout=5.0)
    assert case.sending == [Tell(CHILD, _said(case, late, 5.0, capable=offers))]


def test_a_hop_takes_one_from_the_limit_and_the_last_one_goes_no_further() -> None:
    # In ergo the limit is on the steps of one saga, and never goes down.
    case = Case(hops=1)
    case.machine.check_next(case.tx, None, 0.0)
    case.step()
    assert (
        case.sending[0].message[2][4]
        == wire.next_message(ME, case.id, ref(), 1, [], 0, 60.0, False, False)[2][4]
    )
    last = Case(hops=0)
    with pytest.raises(HopLimitExceeded):
        last.machine.check_next(last.tx, None, 0.0)


def test_a_step_may_not_take_longer_than_the_transaction() -> None:
    case = Case(lifespan=30.0)
    with pytest.raises(EndOfLifespan):
        case.machine.check_next(case.tx, 31.0, 0.0)
    with pytest.raises(EndOfLifespan):
        case.machine.check_next(case.tx, None, 30.0)
    with pytest.raises(ValueError, match="timeout="):
        case.machine.check_next(case.tx, 0.0, 0.0)


def test_a_step_with_a_compensation_is_in_the_log_before_it_is_sent() -> None:
    case = Case()
    step = SagaStep(ref(), case.tx, CHILD, "order", compensate="undo")
    step.address = CHILDS_NAME
    out = case.take(events.NextStep(case.id, step))
    assert [action.__class__ for action in out] == [Log, Log]
    assert records(out) == ["transaction", "step"]
    assert messages(case.logged(out)) == [
        (CHILD, _said(case, step, 60.0, capable=False))
    ]


def test_a_step_that_is_late_before_it_was_logged_is_never_sent() -> None:
    case = Case()
    step = SagaStep(
        ref(), case.tx, CHILD, 1, compensate="undo", timeout=5.0, trap_cancel=True
    )
    out = case.take(events.NextStep(case.id, step))
    case.tick(6.0)
    assert step.state == "dropped"
    assert case.logged(out) == []


def test_a_step_that_was_cancelled_before_it_was_logged_is_not_sent() -> None:
    case = Case()
    step = SagaStep(ref(), case.tx, CHILD, 1, compensate="undo")
    out = case.take(events.NextStep(case.id, step))
    case.cancel()
    assert case.logged(out) == []


def test_one_that_joins_says_where_it_is_to_be_found() -> None:
    case = Case(own=True, two_phases=True)
    step = case.step(CHILDS_NAME)
    event = events.Joined(CHILD, case.id, step.id, CHILDS_NAME)
    assert case.take(event) == []
    assert (step.joined, step.peer, step.address) == (True, CHILD, CHILDS_NAME)
    assert case.take(event._replace(origin=ref())) == []


def test_a_result_ends_the_step() -> None:
    case = Case()
    step = case.step()
    assert case.result(step) == [
        Demonitor(step.id),
        Call("handle_tx_result", (case.tx, step, "made")),
    ]
    assert (step.state, case.tx.open) == ("completed", 0)
    assert case.machine.steps == {}


def test_with_two_phases_a_step_stays_until_the_commit_but_its_time_does_not() -> None:
    # In ergo the timer runs on, and cancels what has its result.
    case = Case(two_phases=True)
    step = case.step(timeout=5.0)
    assert case.result(step) == [Call("handle_tx_result", (case.tx, step, "made"))]
    assert list(case.machine.steps) == [step.id]
    assert case.tick(6.0) == []
    assert case.state == "open"


def test_a_second_result_and_one_of_an_unknown_step_are_ignored() -> None:
    case = Case()
    step = case.done_step()
    assert case.result(step) == []
    assert case.take(events.Result(CHILD, case.id, ref(), 1)) == []
    assert case.take(events.Result(CHILD, ref(), step.id, 1)) == []


def test_a_result_of_a_step_with_a_compensation_is_kept_in_the_log() -> None:
    case = Case()
    step = case.step(compensate="undo")
    assert records(case.result(step)) == ["completed"]
    assert (step.result, step.order) == ("made", 1)


def test_what_comes_after_the_saga_has_cancelled_calls_nothing() -> None:
    # Callbacks would use verbs, which raise now.
    case = Case()
    step, other = case.step(), case.step(trap_cancel=True)
    case.take(events.CancelLater(case.id, "why"))
    assert case.take(events.Interim(CHILD, case.id, step.id, 1)) == []
    assert calls(case.result(step)) == []
    assert step.state == "completed"
    assert calls(case.take(events.Cancel(CHILD, case.id, other.id, "no"))) == []


def test_something_before_the_result_is_given_to_the_callback() -> None:
    case = Case()
    step = case.step()
    out = case.take(events.Interim(CHILD, case.id, step.id, 5))
    assert calls(out) == [("handle_tx_interim", step, 5)]


def test_something_that_nobody_waits_for_is_answered_with_a_cancel() -> None:
    case = Case()
    step = case.step(trap_cancel=True)
    case.take(events.StepDown(step.id, "gone"))
    id, origin = ref(), ref()
    for event in (
        events.Interim(CHILD, case.id, step.id, 5),
        events.Interim(CHILD, case.id, origin, 5),
        events.Interim(CHILD, id, origin, 5),
    ):
        answer = wire.cancel_message(
            ME, event.id, event.origin, "unknown or canceled tx"
        )
        assert case.take(event) == [Tell(CHILD, answer)]


def test_something_of_a_transaction_that_was_cancelled_is_answered_likewise() -> None:
    case = Case()
    step = case.step()
    case.cancel()
    out = case.take(events.Interim(CHILD, case.id, step.id, 5))
    assert [dest for dest, _ in messages(out)] == [CHILD]


def test_a_late_step_is_told_and_cancels_the_transaction() -> None:
    # In ergo neither the saga above nor the others below are told.
    case = Case()
    step, other = case.step(timeout=5.0), case.step()
    out = case.tick(5.0)
    told = [(dest, message[2][1]) for dest, message in messages(out)]
    assert told == [(CHILD, step.id), (PARENT, case.origin), (CHILD, other.id)]
    assert calls(out) == [("handle_tx_cancel", reasons.next_timeout(CHILD))]
    with pytest.raises(NextTimeout):
        case.machine.find(case.tx)


def test_a_late_step_that_is_trapped_ends_alone() -> None:
    case = Case()
    step = case.step(timeout=5.0, trap_cancel=True)
    out = case.tick(5.0)
    assert messages(out) == [
        (CHILD, wire.cancel_message(ME, case.id, step.id, step.reason))
    ]
    assert calls(out) == [("handle_info",)]
    assert (step.state, case.state, case.tx.open) == ("dropped", "open", 0)


@pytest.mark.parametrize("state", ["waiting", "voting", "prepared", "committed"])
def test_no_step_begins_once_the_result_is_sent(state: str) -> None:
    case = Case(two_phases=True)
    case.to(state)
    with pytest.raises(SagaNotAllowed):
        case.step()
