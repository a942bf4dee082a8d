"""A transaction comes to a saga: started there, sent by another, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from ergopy import SagaTransaction, TooManyTransactions
from ergopy.gen.saga import wire
from ergopy.gen.saga.core import events
from ergopy.gen.saga.core.actions import Call, Later, Tell, Watch
from ergopy.gen.saga.core.table import STATES
from etf import Charlist

from .kit import (
    CHILD,
    CHILDS_NAME,
    ME,
    MY_NAME,
    OTHER,
    PARENT,
    Case,
    calls,
    in_state,
    messages,
    ref,
)


def _refusal(to: Any, case: Case, origin: Any, reason: str) -> tuple[Any, Any]:
    return to, wire.cancel_message(ME, case.id, origin, reason)


def test_an_own_transaction_begins_with_a_message_to_itself() -> None:
    case = Case(own=True)
    assert case.arrival == [Later(events.Begin(case.id))]
    assert case.tx.parents == [ME]
    assert case.tx.is_own
    assert case.take(events.Begin(case.id)) == [
        Call("handle_tx_new", (case.tx, "value"))
    ]


def test_an_own_transaction_with_a_result_from_elsewhere_begins_nevertheless() -> None:
    case = Case(own=True)
    case.send_result()
    assert calls(case.take(events.Begin(case.id))) == [("handle_tx_new", "value")]


def test_an_own_transaction_cancelled_at_once_does_not_begin() -> None:
    case = Case(own=True)
    case.take(events.CancelLater(case.id, "why"))
    assert case.take(events.Begin(case.id)) == []
    assert calls(case.take(events.OwnCancel(case.id, "why"))) == [
        ("handle_tx_cancel", "why")
    ]


def test_an_own_transaction_too_many_raises_where_it_is_started() -> None:
    # In ergo it vanishes, and nobody is told.
    case = Case(own=True, limit=1)
    tx = SagaTransaction(
        ref(), 1, hops_left=1, lifespan=1.0, two_phase_commit=False, now=0.0
    )
    with pytest.raises(TooManyTransactions) as caught:
        case.take(events.Start(tx))
    assert caught.value.limit == 1
    assert len(case.machine.transactions) == 1


def test_a_transaction_from_another_saga_is_taken() -> None:
    case = Case(hops=3, lifespan=9.0)
    tx = case.tx
    assert case.arrival == [Call("handle_tx_new", (tx, "value")), Watch(PARENT)]
    assert (tx.parent, tx.origin, tx.parents) == (PARENT, case.origin, [PARENT, OTHER])
    assert (tx.hops_left, tx.lifespan, tx.deadline) == (3, 9.0, 9.0)
    assert not tx.is_own


def test_one_that_knows_the_commit_says_so_to_one_that_does() -> None:
    case = Case(two_phases=True)
    joined = wire.joined(ME, case.id, case.origin, MY_NAME)
    assert messages(case.arrival) == [(PARENT, joined)]
    assert messages(Case(two_phases=True, capable=False).arrival) == []
    assert messages(Case(two_phases=False).arrival) == []


def test_a_saga_that_sends_two_transactions_is_watched_once() -> None:
    case = Case()
    assert calls(case.take(case.next_event(id=ref()))) == [("handle_tx_new", "value")]
    assert len(case.machine.watched[PARENT]) == 2
    case.send_result()
    assert list(case.machine.watched) == [PARENT]


def test_a_transaction_too_many_is_refused() -> None:
    case = Case(limit=1)
    event = case.next_event(id=ref())
    out = case.take(event)
    reason = Charlist("exceed_tx_limit")
    assert messages(out) == [
        (PARENT, wire.cancel_message(ME, event.id, event.origin, reason))
    ]
    assert len(case.machine.transactions) == 1


@pytest.mark.parametrize("state", STATES)
def test_a_transaction_that_is_there_already_is_refused_as_a_loop(state: str) -> None:
    case = in_state(state)
    event = case.next_event(OTHER)._replace(origin=ref())
    out = case.take(event)
    assert messages(out) == [_refusal(OTHER, case, event.origin, "loop_detected")]
    assert case.state == state


@pytest.mark.parametrize("known_as", [CHILD, CHILDS_NAME], ids=["pid", "name"])
def test_a_loop_of_two_ends_the_step_that_led_to_it(known_as: object) -> None:
    # A saga of ergo would not answer the refusal.
    case = Case()
    step = case.step(known_as, trap_cancel=True)
    event = case.next_event(CHILD)._replace(origin=ref(), parents=[ME, PARENT])
    out = case.take(event)
    assert messages(out) == [_refusal(CHILD, case, event.origin, "loop_detected")]
    assert (step.state, step.reason) == ("dropped", "loop_detected")
    assert calls(out) == [("handle_info",)]


def test_a_loop_that_came_another_way_leaves_the_steps_alone() -> None:
    case = Case()
    step = case.step(CHILDS_NAME)
    other = case.step((CHILDS_NAME[0] + "2", CHILDS_NAME[1]))
    by_others = case.next_event(CHILD)._replace(origin=ref(), parents=[OTHER, ME])
    case.take(by_others)
    of_two = case.next_event(CHILD)._replace(origin=ref(), parents=[ME])
    case.take(of_two)
    assert (step.state, other.state) == ("sent", "sent")


def test_a_loop_does_not_cancel_what_has_its_result() -> None:
    case = Case(two_phases=True)
    case.done_step()
    case.prepared()
    out = case.take(case.next_event(CHILD)._replace(origin=ref(), parents=[ME]))
    assert [action.__class__ for action in out] == [Tell]
    assert case.state == "prepared"


def test_what_comes_back_from_below_when_it_is_over_does_not_begin_again() -> None:
    # Those below have not heard of its end yet.
    case = Case()
    case.cancel()
    case.called()
    assert not case.is_known
    event = case.next_event(CHILD)._replace(origin=ref(), parents=[OTHER, ME, PARENT])
    out = case.take(event)
    assert out == [Tell(*_refusal(CHILD, case, event.origin, "loop_detected"))]
    assert not case.is_known


def test_what_is_over_may_come_again() -> None:
    # It is not remembered, as in ergo: one after the other is no loop.
    case = Case()
    case.send_result()
    assert not case.is_known
    assert calls(case.take(case.next_event(OTHER))) == [("handle_tx_new", "value")]
