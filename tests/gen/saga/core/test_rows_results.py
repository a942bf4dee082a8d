"""The result of a transaction, on its way up, and at the initiator."""

from __future__ import annotations

import pytest

from ergopy import ResultAlreadySent, TransactionInProgress, UnknownTransaction
from ergopy.gen.saga import wire
from ergopy.gen.saga.core import events
from ergopy.gen.saga.core.actions import Finish, Later, Tell, Unwatch

from .kit import ME, PARENT, Case, forgets, messages, records


def test_a_saga_in_the_middle_is_done_with_its_result() -> None:
    # In ergo its monitor on the saga above stays for ever.
    case = Case()
    message = wire.result_message(ME, case.id, case.origin, "result")
    assert case.send_result() == [Tell(PARENT, message), Unwatch(PARENT)]
    assert not case.is_known
    assert case.state == "done"
    with pytest.raises(UnknownTransaction):
        case.machine.find(case.tx)


def test_with_two_phases_it_waits_for_the_end_of_all() -> None:
    case = Case(two_phases=True)
    message = wire.result_message(ME, case.id, case.origin, "result")
    assert case.send_result() == [Tell(PARENT, message)]
    assert case.state == "waiting"


def test_there_is_no_result_while_others_still_work() -> None:
    case = Case()
    step = case.step()
    job = case.job()
    with pytest.raises(TransactionInProgress) as caught:
        case.send_result()
    assert caught.value.open == 2
    case.result(step)
    case.take(events.JobResult(job.worker, job.id, 1))  # type: ignore[arg-type]
    assert case.send_result()


@pytest.mark.parametrize("state", ["waiting", "voting", "prepared", "committed"])
def test_there_is_one_result(state: str) -> None:
    case = Case(two_phases=True)
    case.to(state)
    with pytest.raises(ResultAlreadySent):
        case.send_result()


def test_what_is_told_before_the_result_goes_up() -> None:
    case = Case()
    message = wire.interim_message(ME, case.id, case.origin, 5)
    assert case.take(events.SendInterim(case.id, 5)) == [Tell(PARENT, message)]
    own = Case(own=True)
    assert own.take(events.SendInterim(own.id, 5)) == []


def test_a_result_of_one_that_would_undo_is_in_the_log_before_it_is_sent() -> None:
    case = Case()
    case.done_step(compensate="undo")
    out = case.send_result()
    assert records(out) == ["final"]
    assert messages(out) == []
    # Whoever gets it takes over: a cancel has crossed it now.
    assert case.take(events.Cancel(PARENT, case.id, case.origin, "late")) == []
    assert case.tick(61.0) == []
    out = case.logged(out)
    assert messages(out) == [
        (PARENT, wire.result_message(ME, case.id, case.origin, "result"))
    ]
    assert forgets(out)
    assert not case.is_known


def test_a_compensation_that_ends_first_does_not_lose_the_result() -> None:
    case = Case()
    lost = case.step(compensate="undo", trap_cancel=True)
    case.take(events.StepDown(lost.id, "gone"))
    pending = case.send_result()
    case.take(events.Undone(case.id, lost.id, None))
    assert case.is_known
    assert [dest for dest, _ in messages(case.logged(pending))] == [PARENT]
    assert not case.is_known


def test_a_result_may_go_before_a_compensation_has_run() -> None:
    case = Case()
    lost = case.step(compensate="undo", trap_cancel=True)
    case.take(events.StepDown(lost.id, "gone"))
    out = case.logged(case.send_result())
    assert [dest for dest, _ in messages(out)] == [PARENT]
    assert not forgets(out)
    assert forgets(case.take(events.Undone(case.id, lost.id, None)))
    assert not case.is_known


def test_the_initiators_own_result_comes_by_a_message_and_is_the_decision() -> None:
    case = Case(own=True)
    assert case.send_result() == [Later(events.OwnResult(case.id))]
    assert case.take(events.OwnResult(case.id)) == [Finish(case.tx)]
    assert case.state == "decided"
    assert case.take(events.Final(case.id, "last word")) == []
    assert (case.state, case.tx.result) == ("done", "last word")
    assert not case.is_known


def test_a_decision_of_one_that_would_undo_is_in_the_log_first() -> None:
    case = Case(own=True)
    case.done_step(compensate="undo")
    case.send_result()
    out = case.take(events.OwnResult(case.id))
    assert records(out) == ["decision"]
    assert case.logged(out) == [Finish(case.tx)]
    assert forgets(case.take(events.Final(case.id, 1)))


def test_an_own_result_comes_too_late_for_one_that_was_cancelled() -> None:
    case = Case(own=True)
    case.send_result()
    case.take(events.CancelLater(case.id, "why"))
    assert case.take(events.OwnResult(case.id)) == []
    case.take(events.OwnCancel(case.id, "why"))
    assert case.take(events.OwnResult(case.id)) == []
    assert case.state == "canceled"


def test_a_decision_is_not_a_matter_of_time_any_more() -> None:
    case = Case(own=True)
    case.to("decided")
    assert case.tick(100.0) == []
    assert case.state == "decided"
