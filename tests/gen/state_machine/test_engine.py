"""The engine alone: what waits, what is postponed, what is due. No Trio in here."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ergopy import Atom, TooManyPostponed
from ergopy.gen.state_machine import (
    POSTPONE,
    Cancel,
    EventTimeout,
    Keep,
    Next,
    NextEvent,
    Postpone,
    Repeat,
    StateTimeout,
    Timeout,
    Update,
)
from ergopy.gen.state_machine.engine import Engine, Transition
from ergopy.gen.state_machine.timeouts import Timeouts


class Timers:
    """Timers that run out when a test says so."""

    def __init__(self) -> None:
        self.running: dict[int, Any] = {}

    def start(self, action: Any, token: int) -> Any:
        self.running[token] = action
        return Stops(self.running, token)


class Stops:
    def __init__(self, running: dict[int, Any], token: int) -> None:
        self.cancel = lambda: running.pop(token, None)


class Machine:
    """An engine whose callback is the argument of :meth:`handle`."""

    def __init__(self, state: Any = "a", limit: int = 1000) -> None:
        self.timers = Timers()
        self.timeouts = Timeouts(self.timers.start)
        self.engine = Engine(state, self.timeouts, limit)

    def handle(self, event: Any, outcome: Any) -> None:
        transition = Transition(event, self.engine.state)
        transition.add(outcome)
        self.engine.commit(transition)

    def drain(self) -> list[Any]:
        events = []
        while (event := self.engine.next_event()) is not None:
            events.append(event)
            self.engine.keep()
        return events


def event(content: Any, kind: str = "cast") -> Any:
    return (Atom(kind), content)


def test_postponed_events_come_back_oldest_first_when_the_state_changes() -> None:
    machine = Machine()
    for number in range(3):
        machine.handle(event(number), Keep(POSTPONE))
    machine.handle(event(3), Next("a"))
    assert machine.drain() == []
    machine.handle(event(4), Next("b"))
    assert machine.drain() == [event(number) for number in range(3)]
    assert machine.engine.postponed == []


def test_an_event_postponed_at_a_change_of_state_comes_back_last() -> None:
    machine = Machine()
    machine.handle(event(0), Keep(POSTPONE))
    machine.handle(event(1), Next("b", POSTPONE))
    assert machine.drain() == [event(0), event(1)]


def test_the_last_word_on_postponing_counts() -> None:
    machine = Machine()
    machine.handle(event(0), Keep(POSTPONE, Postpone(False)))
    assert machine.engine.postponed == []
    machine.handle(event(0), Keep(Postpone(False), POSTPONE))
    assert machine.engine.postponed == [event(0)]


def test_events_of_ones_own_come_before_postponed_ones_in_their_order() -> None:
    machine = Machine()
    machine.handle(event(0), Keep(POSTPONE))
    own = [NextEvent("internal", 1), NextEvent("cast", 2)]
    machine.handle(event(3), Next("b", *own))
    assert machine.drain() == [event(1, "internal"), event(2), event(0)]


def test_what_is_due_comes_after_all_that_waits() -> None:
    machine = Machine()
    actions = (StateTimeout(0, 1), NextEvent("internal", 2), Timeout("n", 0, 3))
    machine.handle(event(0), Keep(*actions))
    timeout = (Atom("timeout"), "n")
    expected = [event(2, "internal"), event(1, "state_timeout"), (timeout, 3)]
    assert machine.drain() == expected


def test_any_event_ends_the_event_timeout() -> None:
    machine = Machine()
    machine.handle(event(0), Keep(EventTimeout(5, "late")))
    assert len(machine.timers.running) == 1
    machine.handle(event(1), Keep())
    assert not machine.timers.running
    machine.handle(event(2), Keep(EventTimeout(0, "x"), StateTimeout(0, "y")))
    assert machine.drain() == [event("x", "timeout"), event("y", "state_timeout")]
    machine.handle(event(3), Keep(StateTimeout(0, "y"), EventTimeout(0, "x")))
    assert machine.drain() == [event("y", "state_timeout")]


def test_a_state_timeout_ends_with_its_state_alone() -> None:
    machine = Machine()
    machine.handle(event(0), Next("b", StateTimeout(5), Timeout(1, 6)))
    machine.handle(event(1), Next("b"))
    machine.handle(event(2), Repeat())
    assert len(machine.timers.running) == 2
    machine.handle(event(3), Next("c"))
    assert [one.seconds for one in machine.timers.running.values()] == [6]
    machine.handle(event(4), Next("d", StateTimeout(7)))
    assert [one.seconds for one in machine.timers.running.values()] == [6, 7]


def test_there_is_one_timeout_of_a_kind() -> None:
    machine = Machine()
    machine.handle(event(0), Keep(StateTimeout(1, "x"), StateTimeout(2, "y")))
    machine.handle(event(0), Keep(StateTimeout(3, "z")))
    assert [one.seconds for one in machine.timers.running.values()] == [3]
    assert machine.timeouts.pending() == [event("z", "state_timeout")]


def test_a_running_timeout_takes_the_place_of_one_that_is_due() -> None:
    machine = Machine()
    machine.handle(event(0), Keep(StateTimeout(0, "x"), NextEvent("internal")))
    machine.handle(machine.engine.next_event(), Keep(StateTimeout(3, "y")))
    assert machine.drain() == []
    assert machine.timeouts.pending() == [event("y", "state_timeout")]


def test_an_update_changes_the_content_alone() -> None:
    machine = Machine()
    machine.handle(event(0), Keep(StateTimeout(5, "x"), Timeout("n", 0, "p")))
    update = (Update("state_timeout", "y"), Update(("timeout", "n"), "q"))
    machine.handle(event(0), Keep(*update))
    (token,) = machine.timers.running
    assert machine.timeouts.expire(Atom("state_timeout"), token) == event(
        "y", "state_timeout"
    )
    assert machine.drain() == [((Atom("timeout"), "n"), "q")]


def test_an_update_of_nothing_is_due_at_once() -> None:
    machine = Machine()
    machine.handle(event(0), Keep(Update("state_timeout", "y")))
    assert machine.drain() == [event("y", "state_timeout")]


@pytest.mark.parametrize("stop", [Cancel("state_timeout"), StateTimeout(math.inf)])
@pytest.mark.parametrize("seconds", [0, 5])
def test_a_timeout_is_cancelled(stop: Any, seconds: float) -> None:
    machine = Machine()
    machine.handle(event(0), Keep(StateTimeout(seconds), NextEvent("internal")))
    machine.handle(machine.engine.next_event(), Keep(stop))
    assert machine.drain() == []
    assert not machine.timers.running
    assert len(machine.timeouts) == 0
    machine.handle(event(0), Keep(stop))


def test_a_timer_that_was_stopped_too_late_is_nothing() -> None:
    machine = Machine()
    machine.handle(event(0), Keep(StateTimeout(5, "old")))
    (old,) = machine.timers.running
    machine.handle(event(0), Keep(StateTimeout(6, "new")))
    (new,) = machine.timers.running
    key = Atom("state_timeout")
    assert machine.timeouts.expire(key, old) is None
    assert machine.timeouts.expire(key, new) == event("new", "state_timeout")
    assert machine.timeouts.expire(key, new) is None


def test_names_of_timeouts_are_told_apart_as_erlang_does() -> None:
    machine = Machine()
    names = [1, 1.0, True, b"1", "1", (1,), (1.0,), [1], {1: [2]}]
    machine.handle(event(0), Keep(*(Timeout(name, 5) for name in names)))
    assert len(machine.timers.running) == len(names)
    machine.handle(event(0), Keep(Cancel(("timeout", 1.0)), Cancel(("timeout", [1]))))
    assert len(machine.timers.running) == len(names) - 2


def test_clearing_stops_all() -> None:
    machine = Machine()
    machine.handle(event(0), Keep(StateTimeout(5), Timeout(1, 5), Timeout(2, 0)))
    machine.timeouts.clear()
    assert not machine.timers.running
    assert machine.drain() == []


def test_no_more_than_so_many_events_are_postponed() -> None:
    machine = Machine(limit=2)
    machine.handle(event(0), Keep(POSTPONE))
    machine.handle(event(1), Keep(POSTPONE))
    with pytest.raises(TooManyPostponed) as caught:
        machine.handle(event(2), Keep(POSTPONE))
    assert caught.value.limit == 2


def test_a_postponed_event_that_is_retried_at_once_needs_no_room() -> None:
    machine = Machine(limit=0)
    machine.handle(event(0), Next("b", POSTPONE))
    assert machine.drain() == [event(0)]


@pytest.mark.parametrize(("state", "changes"), [("a", False), (b"a", True), (1, True)])
def test_a_state_enter_call_is_due_when_the_state_changes(
    state: Any, changes: bool
) -> None:
    transition = Transition(event(0), Atom("a"))
    transition.add(Next(state))
    assert transition.enters == changes
    transition.add(Repeat())
    assert transition.enters


@pytest.mark.parametrize(
    "outcome", [Next("b"), Keep(POSTPONE), Keep(NextEvent("cast"))]
)
def test_a_state_enter_call_may_not_do_everything(outcome: Any) -> None:
    transition = Transition(event(0), "a")
    transition.enter()
    with pytest.raises(ValueError, match="state enter call"):
        transition.add(outcome)


@pytest.mark.parametrize(
    "outcome", [Next("a"), Keep(Postpone(False), StateTimeout(1)), Keep()]
)
def test_a_state_enter_call_may_do_the_rest(outcome: Any) -> None:
    transition = Transition(event(0), "a")
    transition.enter()
    transition.add(outcome)
    assert not transition.enters


STEPS = st.lists(
    st.tuples(st.sampled_from("ab"), st.booleans(), st.integers(0, 2), st.booleans()),
    max_size=60,
)


@given(STEPS)
def test_any_sequence_of_transitions_keeps_the_order_of_plain_lists(steps: Any) -> None:
    machine = Machine()
    state, fresh = "a", 0
    postponed: list[Any] = []
    waiting: list[Any] = []
    for target, postpone, own, outside in steps:
        took = machine.engine.next_event()
        assert took == (waiting.pop(0) if waiting else None)
        if took is None or outside:
            took, fresh = event(fresh), fresh + 1
        made = [event(fresh + number, "internal") for number in range(own)]
        fresh += own
        actions = [NextEvent(kind, content) for kind, content in made]
        machine.handle(took, Next(target, Postpone(postpone), *actions))
        postponed += [took] if postpone else []
        if target != state:
            postponed, waiting = [], postponed + waiting
        state, waiting = target, made + waiting
        assert machine.engine.postponed == postponed
    assert machine.drain() == waiting
