"""Compensations: which, in which order, and until they have worked."""

from __future__ import annotations

from typing import Any

import pytest

from ergopy.gen.saga.core import events
from ergopy.gen.saga.core.actions import Later, Undo
from ergopy.gen.saga.core.table import STATES
from ergopy.gen.saga.core.transaction import SagaStep
from etf import Atom

from .kit import CHILD, OTHER, PARENT, WORKER, Case, calls, forgets, records, ref


def undo(
    case: Case, out: list[Any], failed: str | None = None
) -> tuple[Any, list[Any]]:
    """Run the compensation that is due; return of what, and what follows."""
    assert Later(events.UndoDue(case.id)) in out
    (action,) = case.take(events.UndoDue(case.id))
    assert isinstance(action, Undo)
    return action.step, case.take(events.Undone(case.id, action.step.id, failed))


def undone(case: Case, out: list[Any]) -> list[Any]:
    """Run all compensations; return of what."""
    parts = []
    while case.is_known:
        part, out = undo(case, out)
        parts.append(part)
    assert forgets(out)
    return parts


def test_the_last_result_is_undone_first_and_before_it_what_has_none() -> None:
    case = Case()
    first, second, third, lost, last = (case.step(compensate="undo") for _ in range(5))
    plain = case.step()
    for step in (second, first, plain, third):
        case.result(step)
    assert calls(case.cancel()) == [("handle_tx_cancel", "why")]
    assert undone(case, case.called()) == [last, lost, third, first, second]
    assert (first.result, lost.result) == ("made", None)


def test_jobs_and_steps_are_undone_in_one_order() -> None:
    case = Case()
    job = case.job(compensate="undo")
    step = case.done_step(compensate="undo")
    case.take(events.JobResult(WORKER, job.id, 1))
    later = case.done_step(compensate="undo")
    case.cancel()
    assert undone(case, case.called()) == [later, job, step]


def test_what_one_does_not_know_comes_before_what_is_done() -> None:
    case = Case()
    done = case.done_step(compensate="undo")
    first, second = case.step(compensate="undo"), case.job(compensate="undo")
    case.cancel()
    assert undone(case, case.called()) == [second, first, done]


def test_nothing_is_undone_before_the_callback_has_run() -> None:
    case = Case()
    case.done_step(compensate="undo")
    out = case.cancel()
    assert not any(isinstance(action, Later | Undo) for action in out)
    assert case.is_known


def test_what_is_undone_is_in_the_log() -> None:
    case = Case()
    case.done_step(compensate="undo")
    case.cancel()
    _, out = undo(case, case.called())
    assert records(out) == ["undone"]
    assert forgets(out)


def test_one_that_fails_is_tried_again_less_and_less_often_and_the_others_wait() -> (
    None
):
    case = Case()
    other = case.done_step(compensate="undo")
    step = case.done_step(compensate="undo")
    case.cancel()
    part, out = undo(case, case.called(), "no luck")
    assert (part, out, case.tx.trouble) == (step, [], "no luck")
    for pause in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0):
        assert case.tick(pause - 0.1) == []
        case.now += 0.1
        assert case.take(events.Tick()) == [Undo(case.tx, step)]
        last = case.take(events.Undone(case.id, step.id, "no luck"))
        assert last == []
    case.tick(60.0)
    out = case.take(events.Undone(case.id, step.id, None))
    assert case.tx.trouble is None
    part, out = undo(case, out)
    assert part == other
    assert forgets(out)
    assert case.machine.deadlines.live == 0


def test_a_lost_step_is_undone_at_once_and_the_transaction_goes_on() -> None:
    case = Case()
    step = case.step(compensate="undo", trap_cancel=True)
    out = case.take(events.StepDown(step.id, Atom("killed")))
    assert records(out) == ["lost"]
    part, out = undo(case, out)
    assert part == step
    assert records(out) == ["undone"]
    assert case.state == "open"
    case.cancel()
    assert case.called()
    assert not case.is_known


def test_a_cancel_does_not_start_a_second_compensation_beside_one() -> None:
    case = Case()
    step = case.step(compensate="undo", trap_cancel=True)
    other = case.done_step(compensate="undo")
    undo(case, case.take(events.StepDown(step.id, Atom("killed"))), "no luck")
    case.cancel()
    assert case.called() == []
    (again,) = case.tick(1.0)
    assert again == Undo(case.tx, step)
    out = case.take(events.Undone(case.id, step.id, None))
    assert undone(case, out) == [other]


def test_a_cancel_after_its_own_vote_ends_with_the_callback_and_not_before() -> None:
    case = Case(two_phases=True)
    step = case.step(compensate="undo", trap_cancel=True)
    case.done_step(joined=True)
    case.take(events.StepDown(step.id, Atom("killed")))
    case.vote()
    case.take(events.Voted(case.id))
    case.take(events.Cancel(PARENT, case.id, case.origin, "no"))
    case.take(events.UndoDue(case.id))
    case.take(events.Undone(case.id, step.id, None))
    assert case.is_known
    assert forgets(case.called())


def test_a_step_that_its_saga_has_cancelled_is_not_undone() -> None:
    case = Case()
    step = case.step(OTHER, compensate="undo", trap_cancel=True)
    case.take(events.Cancel(OTHER, case.id, step.id, "no"))
    other = case.done_step(compensate="undo")
    case.cancel()
    assert undone(case, case.called()) == [other]


@pytest.mark.parametrize("state", [state for state in STATES if state != "canceled"])
def test_a_lost_step_is_undone_whatever_the_transaction_comes_to(state: str) -> None:
    case = Case(own=state == "decided", two_phases=state != "done")
    step = case.step(compensate="undo", trap_cancel=True)
    out = case.take(events.StepDown(step.id, Atom("killed")))
    case.to(state)
    assert undo(case, out, "no luck") == (step, [])
    assert case.tick(1.0) == [Undo(case.tx, step)]
    assert records(case.take(events.Undone(case.id, step.id, None))) == ["undone"]
    assert (case.state, case.tx.queue) == (state, [])


@pytest.mark.parametrize("state", STATES)
def test_a_step_that_was_lost_before_it_was_logged_is_sent_in_no_state(
    state: str,
) -> None:
    case = Case(own=state == "decided", two_phases=state != "done")
    step = SagaStep(
        ref(), case.tx, CHILD, 1, compensate="undo", timeout=5.0, trap_cancel=True
    )
    pending = case.take(events.NextStep(case.id, step))
    case.tick(5.0)
    case.to(state)
    assert case.logged(pending) == []


def test_a_commit_waits_for_what_is_undone_alone() -> None:
    case = Case(two_phases=True)
    step = case.step(compensate="undo", trap_cancel=True)
    pending = case.take(events.StepDown(step.id, Atom("killed")))
    case.committed()
    assert case.called() == []
    assert case.is_known
    assert undone(case, pending) == [step]


def test_tries_of_a_compensation_are_not_those_of_a_commit() -> None:
    case = Case(own=True, two_phases=True)
    lost = case.step(compensate="undo", trap_cancel=True)
    step = case.done_step(joined=True)
    undo(case, case.take(events.StepDown(lost.id, Atom("killed"))), "no luck")
    case.vote()
    case.take(events.Voted(case.id))
    case.logged(case.take(events.Vote(CHILD, case.id, step.id)))
    case.logged(case.take(events.Final(case.id, 1)))
    assert (case.tx.tries, case.tx.undo_tries) == (0, 1)
