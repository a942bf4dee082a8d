"""Two phases: the decision, and that all learn of it; and the commit of ergo."""

from __future__ import annotations

from typing import Any

import pytest

from ergopy.gen.saga import wire
from ergopy.gen.saga.core import events, reasons
from ergopy.gen.saga.core.actions import Finish, Log, Tell, Watch
from etf import Atom, Pid

from .kit import (
    CHILD,
    CHILDS_NAME,
    ME,
    OTHER,
    PARENT,
    PARENTS_NAME,
    Case,
    calls,
    forgets,
    messages,
    records,
    ref,
)

NOCONNECTION = Atom("noconnection")


def _decide(case: Case, step: Any, final: Any = "final") -> Any:
    return wire.decide(ME, case.id, step.id, final)


def _ack(case: Case, to: Any = PARENT) -> tuple[Any, Any]:
    return to, wire.ack(ME, case.id, case.origin)


def _prepare(case: Case, sender: Pid = PARENT) -> events.Prepare:
    return events.Prepare(sender, case.id, case.origin, PARENTS_NAME)


# The decision.


def test_the_decision_is_in_the_log_before_the_last_word() -> None:
    case = Case(own=True, two_phases=True)
    step = case.done_step(CHILDS_NAME, joined=True)
    case.vote()
    case.take(events.Voted(case.id))
    out = case.take(events.Vote(CHILD, case.id, step.id))
    assert case.state == "decided"
    record = [action.record for action in out if isinstance(action, Log)][-1]
    assert record[1:] == ("result", [(step.id, CHILDS_NAME, True)])
    assert case.logged(out) == [Finish(case.tx)]


def test_the_last_word_is_in_the_log_before_anybody_is_told() -> None:
    case = Case(own=True, two_phases=True)
    step, ergo = case.done_step(joined=True), case.done_step()
    job = case.job()
    case.take(events.JobResult(job.worker, job.id, 1))  # type: ignore[arg-type]
    case.vote()
    case.take(events.Voted(case.id))
    case.logged(case.take(events.Vote(CHILD, case.id, step.id)))
    out = case.take(events.Final(case.id, "final"))
    assert records(out) == ["final"]
    assert messages(out) == []
    assert messages(case.logged(out)) == [
        (job.worker, wire.job_commit(ME, job.id, "final")),
        (CHILD, _decide(case, step)),
        (CHILD, wire.commit_message(ME, case.id, ergo.id, "final")),
    ]
    assert case.state == "committed"
    assert case.tx.waits == {step.id}
    assert case.machine.steps == {}


def test_without_a_last_word_the_decision_is_told_at_once() -> None:
    case = Case(own=True, two_phases=True, overrides=())
    step = case.done_step(joined=True)
    case.vote()
    out = case.take(events.Vote(CHILD, case.id, step.id))
    assert records(out)[-1] == "decision"
    assert messages(case.logged(out)) == [(CHILD, _decide(case, step, "result"))]
    assert case.state == "committed"


def test_without_anybody_to_confirm_the_initiator_is_done() -> None:
    case = Case(own=True, two_phases=True)
    assert forgets(case.committed())
    assert not case.is_known


def test_a_commit_is_told_again_until_it_is_confirmed() -> None:
    case = Case(own=True, two_phases=True)
    step = case.done_step(CHILDS_NAME, joined=True)
    case.vote()
    case.take(events.Voted(case.id))
    case.logged(case.take(events.Vote(CHILD, case.id, step.id)))
    case.logged(case.take(events.Final(case.id, "final")))
    for pause in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, *[60.0] * 30):
        case.now += pause
        assert messages(case.take(events.Tick())) == [
            (CHILDS_NAME, _decide(case, step))
        ]
    assert case.take(events.Ack(CHILD, case.id, ref())) == []
    assert forgets(case.take(events.Ack(CHILD, case.id, step.id)))
    assert not case.is_known
    assert case.machine.deadlines.live == 0


def test_one_without_a_name_that_does_not_confirm_is_watched_and_given_up() -> None:
    case = Case(own=True, two_phases=True)
    step = case.step()
    case.take(events.Joined(CHILD, case.id, step.id, CHILD))
    case.result(step)
    case.vote()
    case.take(events.Voted(case.id))
    case.logged(case.take(events.Vote(CHILD, case.id, step.id)))
    case.logged(case.take(events.Final(case.id, "final")))
    told = Tell(CHILD, _decide(case, step))
    assert case.tick(1.0) == [Watch(CHILD), told]
    # It may be in doubt behind a lost connection.
    assert case.take(events.SagaDown(CHILD, Atom("noconnection"))) == []
    assert case.tick(2.0) == [Watch(CHILD), told]
    assert forgets(case.take(events.SagaDown(CHILD, Atom("noproc"))))
    assert not case.is_known
    assert case.machine.deadlines.live == 0
    assert case.machine.watched == {}


def test_one_without_a_name_that_has_confirmed_may_go() -> None:
    case = Case(own=True, two_phases=True)
    here, other = case.step(), case.step(CHILDS_NAME, joined=True)
    case.take(events.Joined(CHILD, case.id, here.id, CHILD))
    for step in (here, other):
        case.result(step)
    case.vote()
    case.take(events.Voted(case.id))
    case.take(events.Vote(CHILD, case.id, here.id))
    case.logged(case.take(events.Vote(CHILD, case.id, other.id)))
    case.logged(case.take(events.Final(case.id, "final")))
    case.tick(1.0)
    case.take(events.Ack(CHILD, case.id, here.id))
    assert case.take(events.SagaDown(CHILD, Atom("killed"))) == []
    assert case.tx.waits == {other.id}


def test_a_participant_confirms_what_is_in_the_log_and_passes_it_on() -> None:
    case = Case(two_phases=True)
    step = case.done_step(joined=True)
    case.vote()
    case.take(events.Voted(case.id))
    case.logged(case.take(events.Vote(CHILD, case.id, step.id)))
    pending = case.take(events.Decide(OTHER, case.id, case.origin, "final"))
    assert records(pending) == ["committed"]
    assert messages(pending) == []
    again = events.Decide(OTHER, case.id, case.origin, "final")
    assert case.take(again) == []
    out = case.logged(pending)
    # The saga above may have been started again meanwhile.
    assert messages(out) == [_ack(case, OTHER), (CHILD, _decide(case, step))]
    assert calls(out) == [("handle_tx_commit", "final")]
    assert messages(case.take(again)) == [_ack(case, OTHER)]
    assert case.called() == []
    assert forgets(case.take(events.Ack(CHILD, case.id, step.id)))


def test_a_participant_stays_until_the_callback_has_run() -> None:
    case = Case(two_phases=True)
    case.committed()
    assert case.is_known
    assert forgets(case.called())
    assert not case.is_known


def test_one_that_has_asked_for_long_tells_those_below_soon() -> None:
    case = Case(two_phases=True)
    step = case.done_step(CHILDS_NAME, joined=True)
    case.vote()
    case.take(events.Voted(case.id))
    case.logged(case.take(events.Vote(CHILD, case.id, step.id)))
    for _ in range(9):
        case.tick(60.0)
    case.logged(case.take(events.Decide(PARENT, case.id, case.origin, "final")))
    told = [(CHILDS_NAME, _decide(case, step))]
    assert [messages(case.tick(pause)) for pause in (1.0, 2.0)] == [told, told]


def test_a_confirmation_from_below_does_not_end_it_before_the_callback() -> None:
    case = Case(two_phases=True)
    step = case.done_step(joined=True)
    case.vote()
    case.take(events.Voted(case.id))
    case.logged(case.take(events.Vote(CHILD, case.id, step.id)))
    case.logged(case.take(events.Decide(PARENT, case.id, case.origin, "final")))
    assert case.take(events.Ack(CHILD, case.id, step.id)) == []
    assert case.is_known
    assert forgets(case.called())


def test_a_commit_of_another_step_or_time_is_ignored() -> None:
    case = Case(two_phases=True)
    case.send_result()
    decide = events.Decide(PARENT, case.id, case.origin, 1)
    assert case.take(decide) == []
    case.take(_prepare(case))
    case.logged(case.take(events.Voted(case.id)))
    assert case.take(decide._replace(origin=ref())) == []
    assert case.state == "prepared"


def test_a_commit_of_what_is_over_is_confirmed() -> None:
    case = Case(two_phases=True)
    case.committed()
    case.called()
    again = events.Decide(PARENT, case.id, case.origin, "final")
    assert case.take(again) == [Tell(*_ack(case))]


# Questions.


@pytest.mark.parametrize(
    "state", ["open", "waiting", "voting", "prepared", "decided", "done"]
)
def test_one_in_doubt_is_told_when_there_is_something_to_tell(state: str) -> None:
    case = Case(own=state == "decided", two_phases=state != "done")
    step = case.done_step()
    case.to(state)
    new = Pid("below@test", 9, 0, 2)
    assert case.take(events.Ask(new, case.id, step.id, CHILDS_NAME)) == []
    assert (step.peer, step.address) == (new, CHILDS_NAME)


def test_one_in_doubt_is_told_of_a_commit_that_is_safe() -> None:
    case = Case(two_phases=True)
    step = case.done_step(joined=True)
    case.vote()
    case.take(events.Voted(case.id))
    case.logged(case.take(events.Vote(CHILD, case.id, step.id)))
    pending = case.take(events.Decide(PARENT, case.id, case.origin, "final"))
    ask = events.Ask(OTHER, case.id, step.id, CHILDS_NAME)
    assert case.take(ask) == []
    case.logged(pending)
    assert case.take(ask) == [Tell(OTHER, _decide(case, step))]


def test_one_in_doubt_is_told_that_it_was_cancelled() -> None:
    case = Case(two_phases=True)
    step = case.done_step()
    case.cancel("why")
    out = case.take(events.Ask(CHILD, case.id, step.id, CHILD))
    assert out == [Tell(CHILD, wire.cancel_message(ME, case.id, step.id, "why"))]


@pytest.mark.parametrize("state", ["open", "committed"])
def test_one_that_takes_no_part_is_told_that_nothing_was_decided(state: str) -> None:
    case = Case(two_phases=True)
    dropped = case.step(trap_cancel=True)
    case.take(events.Cancel(CHILD, case.id, dropped.id, "no"))
    case.to(state)
    for id, origin in ((case.id, dropped.id), (case.id, ref()), (ref(), ref())):
        said = wire.cancel_message(ME, id, origin, reasons.PRESUMED)
        assert case.take(events.Ask(CHILD, id, origin, CHILD)) == [Tell(CHILD, said)]


# As ergo does it.


def test_the_commit_of_ergo_goes_on_down_and_to_the_workers_first() -> None:
    case = Case(two_phases=True, capable=False)
    step, job = case.done_step(), case.job()
    case.take(events.JobResult(job.worker, job.id, 1))  # type: ignore[arg-type]
    case.send_result()
    out = case.take(events.Commit(PARENT, case.id, case.origin, "final"))
    assert messages(out) == [
        (job.worker, wire.job_commit(ME, job.id, "final")),
        (CHILD, wire.commit_message(ME, case.id, step.id, "final")),
    ]
    assert calls(out) == [("handle_tx_commit", "final")]
    case.called()
    assert not case.is_known


def test_the_commit_of_ergo_is_in_the_log_of_one_that_would_undo() -> None:
    case = Case(two_phases=True, capable=False)
    case.done_step(compensate="undo")
    case.send_result()
    out = case.take(events.Commit(PARENT, case.id, case.origin, "final"))
    assert records(out) == ["committed"]
    assert calls(out) == []
    assert calls(case.logged(out)) == [("handle_tx_commit", "final")]


def test_the_commit_of_ergo_comes_before_a_cancel_that_was_not_sent_yet() -> None:
    case = Case(two_phases=True, capable=False)
    case.send_result()
    case.take(events.CancelLater(case.id, "why"))
    case.take(events.Commit(PARENT, case.id, case.origin, "final"))
    assert case.take(events.OwnCancel(case.id, "why")) == []
    assert case.state == "committed"
    assert case.machine.find(case.id) is case.tx


def test_a_commit_of_ergo_that_is_not_for_it_is_ignored() -> None:
    case = Case(two_phases=True, capable=False)
    commit = events.Commit(PARENT, case.id, case.origin, "final")
    assert case.take(commit) == []
    case.send_result()
    assert case.take(commit._replace(origin=ref())) == []
    assert case.take(commit._replace(id=ref())) == []
    assert case.state == "waiting"
