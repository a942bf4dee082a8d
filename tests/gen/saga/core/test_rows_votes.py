"""Two phases: the votes, and the doubt after them."""

from __future__ import annotations

from typing import Any

import pytest

from ergopy.gen.saga import wire
from ergopy.gen.saga.core import events, reasons
from ergopy.gen.saga.core.actions import Call, Demonitor, Tell, Watch
from etf import Atom, Pid

from .kit import (
    CHILD,
    ME,
    MY_NAME,
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


def _vote(case: Case) -> tuple[Any, Any]:
    return PARENT, wire.vote(ME, case.id, case.origin)


def _prepare(case: Case, sender: Pid = PARENT) -> events.Prepare:
    return events.Prepare(sender, case.id, case.origin, PARENTS_NAME)


# Votes.


def test_the_initiator_asks_all_below_for_their_votes_and_itself() -> None:
    case = Case(own=True, two_phases=True)
    step, _ergo = case.done_step(joined=True), case.done_step()
    out = case.asked()
    assert messages(out) == [(CHILD, wire.prepare(ME, case.id, step.id, MY_NAME))]
    # What the callback does is followed by a commit or cancel, also after a restart.
    assert records(out) == ["transaction", "voting"]
    assert case.logged(out) == [
        Call("handle_tx_prepare", (case.tx, "result"), events.Voted(case.id)),
    ]
    assert case.state == "voting"


def test_a_saga_that_has_no_such_callback_says_yes() -> None:
    case = Case(two_phases=True, overrides=())
    step = case.done_step(joined=True)
    assert records(case.asked()) == []
    out = case.take(events.Vote(CHILD, case.id, step.id))
    assert records(out) == ["transaction", "prepared"]


def test_a_saga_that_has_nobody_to_ask_says_yes_at_once() -> None:
    case = Case(two_phases=True, overrides=())
    assert records(case.asked()) == ["transaction", "prepared"]


def test_a_saga_that_was_cancelled_before_it_could_vote_is_not_asked() -> None:
    case = Case(two_phases=True)
    out = case.asked()
    case.take(events.CancelLater(case.id, "why"))
    assert case.logged(out) == []


def test_a_participant_asks_all_below_first() -> None:
    case = Case(two_phases=True)
    step = case.done_step(joined=True)
    out = case.vote()
    assert messages(out) == [(CHILD, wire.prepare(ME, case.id, step.id, MY_NAME))]
    assert calls(out) == [("handle_tx_prepare", "result")]
    assert case.tx.address == PARENTS_NAME


def test_the_vote_is_in_the_log_before_it_is_given() -> None:
    case = Case(two_phases=True)
    step = case.done_step(joined=True)
    case.vote()
    assert case.take(events.Voted(case.id)) == []
    out = case.take(events.Vote(CHILD, case.id, step.id))
    assert case.state == "prepared"
    assert records(out) == ["prepared"]
    assert messages(case.logged(out)) == [_vote(case)]


def test_the_votes_below_may_be_there_before_the_callback_has_run() -> None:
    case = Case(two_phases=True)
    step = case.done_step(joined=True)
    case.vote()
    vote = events.Vote(CHILD, case.id, step.id)
    assert case.take(vote) == []
    assert case.take(vote) == []
    assert records(case.take(events.Voted(case.id)))[-1] == "prepared"


def test_a_vote_without_a_result_is_no() -> None:
    case = Case(two_phases=True)
    out = case.take(_prepare(case))
    said = wire.cancel_message(ME, case.id, case.origin, reasons.NOT_DONE)
    assert messages(out) == [(PARENT, said)]
    assert calls(out) == [("handle_tx_cancel", reasons.NOT_DONE)]


def test_a_vote_for_an_unknown_transaction_is_no() -> None:
    case = Case(two_phases=True)
    event = _prepare(case)._replace(id=ref())
    said = wire.cancel_message(ME, event.id, case.origin, reasons.UNKNOWN)
    assert case.take(event) == [Tell(PARENT, said)]


def test_a_saga_that_has_just_cancelled_is_not_asked_for_its_vote() -> None:
    case = Case(two_phases=True)
    case.send_result()
    case.take(events.CancelLater(case.id, "why"))
    assert case.take(_prepare(case)) == []
    assert case.state == "waiting"


def test_a_saga_that_cancels_in_its_callback_has_voted_no() -> None:
    case = Case(two_phases=True)
    case.vote()
    case.take(events.CancelLater(case.id, "no"))
    assert case.take(events.Voted(case.id)) == []
    out = case.take(events.OwnCancel(case.id, "no"))
    said = wire.cancel_message(ME, case.id, case.origin, "no")
    assert messages(out) == [(PARENT, said)]


def test_a_vote_is_given_again_when_it_is_asked_for_again() -> None:
    case = Case(two_phases=True)
    out = case.prepare()
    assert case.take(_prepare(case)) == []
    case.logged(out)
    assert messages(case.take(_prepare(case, OTHER))) == [
        (OTHER, wire.vote(ME, case.id, case.origin))
    ]


@pytest.mark.parametrize("state", ["voting", "committed"])
def test_asked_for_a_vote_at_another_time_it_says_nothing(state: str) -> None:
    case = Case(two_phases=True)
    case.to(state)
    assert case.take(_prepare(case)) == []
    assert case.state == state


def test_asked_for_a_vote_after_a_cancel_it_says_so_again() -> None:
    # The saga above may have had no room for the first one.
    case = Case(two_phases=True)
    case.to("canceled")
    said = wire.cancel_message(ME, case.id, case.origin, "why")
    assert case.take(_prepare(case)) == [Tell(PARENT, said)]


@pytest.mark.parametrize("state", ["open", "waiting", "prepared"])
def test_whoever_does_not_know_the_step_cannot_ask_for_a_vote(state: str) -> None:
    case = Case(two_phases=True)
    if state == "prepared":
        case.prepared()
    elif state == "waiting":
        case.send_result()
    before = case.tx.address
    strange = events.Prepare(OTHER, case.id, ref(), OTHER)
    assert case.take(strange) == []
    assert (case.state, case.tx.address) == (state, before)


def test_asked_for_a_vote_after_a_cancel_it_says_so() -> None:
    case = Case(two_phases=True)
    case.cancel("why")
    said = wire.cancel_message(ME, case.id, case.origin, "why")
    assert case.take(_prepare(case)) == [Tell(PARENT, said)]


# In doubt.


def test_a_vote_holds_whatever_time_goes_by() -> None:
    case = Case(two_phases=True, lifespan=9.0)
    case.prepared()
    asked = [dest for dest, _ in messages(case.tick(3600.0))]
    assert case.state == "prepared"
    assert set(asked) == {PARENTS_NAME}


def test_one_in_doubt_asks_after_a_while_and_then_less_and_less_often() -> None:
    case = Case(two_phases=True)
    case.prepared()
    said = PARENTS_NAME, wire.ask(ME, case.id, case.origin, MY_NAME)
    assert case.tick(4.9) == []
    pauses = [0.1, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    for pause in pauses:
        case.now += pause
        out = case.take(events.Tick())
        assert messages(out) == [said]
        assert case.machine.deadlines.next > case.now


def test_only_the_saga_above_ends_the_doubt() -> None:
    case = Case(two_phases=True)
    step = case.done_step(joined=True)
    case.vote()
    case.take(events.Voted(case.id))
    case.logged(case.take(events.Vote(CHILD, case.id, step.id)))
    assert case.take(events.Cancel(CHILD, case.id, step.id, "no")) == []
    assert (case.state, step.state) == ("prepared", "completed")
    out = case.take(events.Cancel(OTHER, case.id, case.origin, "no"))
    assert calls(out) == [("handle_tx_cancel", "no")]
    case.called()
    assert not case.is_known
    assert case.machine.deadlines.live == 0


def test_one_of_ergo_that_cancels_meanwhile_is_not_undone_nor_told() -> None:
    case = Case(two_phases=True)
    step = case.done_step(compensate="undo")
    case.prepared()
    out = case.take(events.Cancel(CHILD, case.id, step.id, "lifespan"))
    assert out[0] == Demonitor(step.id)
    assert records(out) == ["undone"]
    assert (case.state, step.state) == ("prepared", "dropped")
    case.take(events.Cancel(PARENT, case.id, case.origin, "no"))
    assert forgets(case.called())


def test_a_cancel_crosses_the_vote() -> None:
    case = Case(two_phases=True)
    pending = case.prepare()
    out = case.take(events.Cancel(PARENT, case.id, case.origin, "no"))
    assert calls(out) == [("handle_tx_cancel", "no")]
    assert case.logged(pending) == []
    assert forgets(case.called())


@pytest.mark.parametrize(
    ("address", "reason", "state"),
    [
        (PARENTS_NAME, Atom("killed"), "prepared"),
        (PARENTS_NAME, NOCONNECTION, "prepared"),
        (PARENT, NOCONNECTION, "prepared"),
        # It never comes back, and nobody else knows.
        (PARENT, Atom("killed"), "canceled"),
    ],
)
def test_the_loss_of_the_saga_above_leaves_it_in_doubt_if_that_comes_back(
    address: Any, reason: Any, state: str
) -> None:
    case = Case(two_phases=True)
    case.send_result()
    case.take(events.Prepare(PARENT, case.id, case.origin, address))
    case.logged(case.take(events.Voted(case.id)))
    case.take(events.SagaDown(PARENT, reason))
    assert case.state == state


def test_one_without_a_name_above_is_watched_when_it_is_asked() -> None:
    case = Case(two_phases=True)
    case.send_result()
    case.take(events.Prepare(PARENT, case.id, case.origin, PARENT))
    case.logged(case.take(events.Voted(case.id)))
    case.take(events.SagaDown(PARENT, NOCONNECTION))
    assert case.tick(5.0)[0] == Watch(PARENT)
    case.take(events.SagaDown(PARENT, Atom("noproc")))
    assert case.state == "canceled"
