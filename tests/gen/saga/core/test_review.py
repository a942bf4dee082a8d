"""What strangers may not do to a transaction, and what has to be in order."""

from __future__ import annotations

import pytest

from ergopy import SagaNotAllowed
from ergopy.gen.saga import wire
from ergopy.gen.saga.core import events, reasons
from ergopy.gen.saga.core.actions import Tell

from .kit import (
    CHILD,
    CHILDS_NAME,
    ME,
    MY_NAME,
    PARENT,
    Case,
    calls,
    forgets,
    messages,
    ref,
)


def test_an_interim_for_a_step_of_another_transaction_is_refused() -> None:
    case = Case()
    step = case.step()
    other = case.next_event(id=ref())
    case.take(other)
    out = case.take(events.Interim(CHILD, other.id, step.id, "half"))
    said = wire.cancel_message(ME, other.id, step.id, reasons.UNKNOWN)
    assert out == [Tell(CHILD, said)]


def test_one_that_knows_the_commit_says_itself_what_comes_of_a_loop() -> None:
    # It may go on without the step that was refused.
    case = Case(two_phases=True)
    step = case.step(joined=True)
    event = case.next_event(CHILD)._replace(origin=ref(), parents=[ME, PARENT])
    out = case.take(event)
    said = wire.cancel_message(ME, case.id, event.origin, reasons.LOOP_DETECTED)
    assert out == [Tell(CHILD, said)]
    assert step.state == "sent"


def test_a_cancel_that_has_crossed_a_commit_of_ergo_comes_too_late() -> None:
    case = Case(two_phases=True, capable=False)
    case.send_result()
    case.take(events.CancelLater(case.id, "why"))
    out = case.take(events.Commit(PARENT, case.id, case.origin, "final"))
    assert calls(out) == [("handle_tx_commit", "final")]
    assert case.take(events.OwnCancel(case.id, "why")) == []
    with pytest.raises(SagaNotAllowed):
        case.take(events.CancelLater(case.id, "why"))
    assert messages(case.called()) == []


def test_a_step_that_was_dropped_neither_votes_nor_commits() -> None:
    case = Case(own=True, two_phases=True, overrides=())
    kept = case.done_step(joined=True)
    dropped = case.step(joined=True, trap_cancel=True)
    case.take(events.StepDown(dropped.id, "noconnection"))
    assert messages(case.asked()) == [
        (CHILD, wire.prepare(ME, case.id, kept.id, MY_NAME))
    ]
    out = case.logged(case.take(events.Vote(CHILD, case.id, kept.id)))
    assert messages(out) == [(CHILD, wire.decide(ME, case.id, kept.id, "result"))]
    assert forgets(case.take(events.Ack(CHILD, case.id, kept.id)))


def test_after_long_doubt_a_commit_is_soon_told_again() -> None:
    case = Case(two_phases=True)
    step = case.done_step(CHILDS_NAME, joined=True)
    case.vote()
    case.take(events.Voted(case.id))
    case.logged(case.take(events.Vote(CHILD, case.id, step.id)))
    for _ in range(10):
        case.tick(60.0)
    case.logged(case.take(events.Decide(PARENT, case.id, case.origin, "final")))
    told = (CHILDS_NAME, wire.decide(ME, case.id, step.id, "final"))
    assert messages(case.tick(1.0)) == [told]
    assert messages(case.tick(2.0)) == [told]
