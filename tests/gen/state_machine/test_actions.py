"""Actions and results are checked when they are made."""

from __future__ import annotations

import math
from typing import Any

import pytest

import etf
from ergopy import Atom
from ergopy import Reply as ServerReply
from ergopy.gen.state_machine import (
    HIBERNATE,
    KEEP,
    POSTPONE,
    Cancel,
    EventTimeout,
    Keep,
    Next,
    NextEvent,
    Repeat,
    Reply,
    StateTimeout,
    Timeout,
    Update,
)

FROM = (Atom("pid"), 1)


@pytest.mark.parametrize(
    ("kind", "same"),
    [
        ("internal", Atom("internal")),
        ("cast", Atom("cast")),
        ("info", Atom("info")),
        ("timeout", Atom("timeout")),
        ("state_timeout", Atom("state_timeout")),
        (("timeout", 1), (Atom("timeout"), 1)),
        (("call", FROM), (Atom("call"), FROM)),
    ],
)
def test_the_kind_of_an_event_becomes_a_term(kind: Any, same: Any) -> None:
    assert etf.same(NextEvent(kind, 5).event, (same, 5))


@pytest.mark.parametrize("kind", ["enter", "call", "", 5, None, b"cast", (), ("call",)])
def test_what_is_no_kind_of_event_is_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match="no kind of event"):
        NextEvent(kind)


@pytest.mark.parametrize("kind", ["cast", "internal", ("call", 1), "n", None, 5])
@pytest.mark.parametrize("make", [Cancel, lambda kind: Update(kind, 1)])
def test_what_is_no_kind_of_timeout_is_refused(make: Any, kind: Any) -> None:
    with pytest.raises(ValueError, match="no kind of timeout"):
        make(kind)


@pytest.mark.parametrize("seconds", [-1, -0.1, math.nan, -math.inf])
def test_a_time_before_now_is_refused(seconds: float) -> None:
    for make in (EventTimeout, StateTimeout, lambda time: Timeout("n", time)):
        with pytest.raises(ValueError, match="number of seconds"):
            make(seconds)


def test_an_absolute_time_may_be_any_number() -> None:
    StateTimeout(-5, absolute=True)
    with pytest.raises(ValueError, match="number of seconds"):
        StateTimeout(math.nan, absolute=True)


def test_the_name_of_a_timeout_is_a_term() -> None:
    with pytest.raises(etf.EncodeError):
        Timeout(object(), 1)


@pytest.mark.parametrize("action", ["postpone", None, ServerReply(1), KEEP, Keep])
def test_what_is_no_action_is_refused(action: Any) -> None:
    for make in (Keep, Repeat, lambda one: Next("s", one)):
        with pytest.raises(TypeError, match="no action"):
            make(action)


def test_they_show_what_they_are() -> None:
    outcome = Next("s", POSTPONE, HIBERNATE, Reply(1, 2), NextEvent("cast", 3))
    text = "Next('s', Postpone(True), Hibernate(), Reply(1, 2), "
    assert repr(outcome) == text + "NextEvent(Atom('cast'), 3))"
    assert repr(KEEP) == "Keep()"
    timeout = StateTimeout(5, "x", absolute=True)
    assert "5, 'x', absolute=True" in repr(timeout)
