"""What ``gen_statem`` does between two callbacks, as data: no clock, nothing waits.

An event is handled in a :class:`Transition`: it collects what the callback returned,
and what the state enter calls after it returned. :meth:`Engine.commit` then carries it
out, in the order of OTP:

1. A postponed event joins the postponed ones; the event timeout ends.
2. If the state changes, the postponed events are put before all that wait inside, the
   oldest first, and the state timeout ends.
3. Events of ``NextEvent`` are put before those.
4. Timeouts are started, changed and cancelled.

Then :meth:`Engine.next_event` says what comes next: what waits inside, then the
timeouts that are due, then (None) what comes from outside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, final

from ...errors import TooManyPostponed
from ..same import is_same
from .actions import (
    STATE_TIMEOUT,
    TIMEOUT,
    Kind,
    NextEvent,
    Postpone,
    Reply,
    SetTimeout,
)
from .results import Next, Outcome, Repeat

if TYPE_CHECKING:
    from .timeouts import Timeouts

Event: TypeAlias = "tuple[Kind, Any]"


@final
class Transition:
    """One event on its way: what the callbacks want so far.

    ``state`` is where it leads; ``enters`` says that a state enter call is due, and
    ``in_enter_call`` that there was one.
    """

    __slots__ = (
        "enters",
        "event",
        "in_enter_call",
        "next_events",
        "postpone",
        "state",
        "timeouts",
    )

    def __init__(self, event: Event, state: Any) -> None:
        self.event = event
        self.state = state
        self.enters = False
        self.postpone = False
        self.next_events: list[Event] = []
        self.timeouts: list[SetTimeout] = []
        self.in_enter_call = False

    def add(self, outcome: Outcome) -> list[Reply]:
        """Take what a callback returned; return what is to be answered at once.

        Raises:
            ValueError: A state enter call wanted what it must not.
        """
        self.enters = isinstance(outcome, Repeat)
        if isinstance(outcome, Next) and not is_same(outcome.state, self.state):
            if self.in_enter_call:
                raise ValueError(f"a state enter call cannot leave it: {outcome!r}")
            self.state = outcome.state
            self.enters = True
        return self._collect(outcome) if outcome.actions else []

    def _collect(self, outcome: Outcome) -> list[Reply]:
        replies: list[Reply] = []
        for action in outcome.actions:
            if isinstance(action, SetTimeout):
                self.timeouts.append(action)
            elif isinstance(action, Reply):
                replies.append(action)
            elif isinstance(action, Postpone):
                self._refuse_in_enter_call(action, action.flag)
                self.postpone = action.flag
            elif isinstance(action, NextEvent):
                self._refuse_in_enter_call(action)
                self.next_events.append(action.event)
        return replies

    def _refuse_in_enter_call(self, action: Any, refused: bool = True) -> None:
        if refused and self.in_enter_call:
            raise ValueError(f"not in a state enter call: {action!r}")

    def enter(self) -> None:
        """Begin a state enter call."""
        self.in_enter_call = True


@final
class Engine:
    """State, events that wait inside, and postponed events, of one machine."""

    __slots__ = ("_waiting", "max_postponed", "postponed", "state", "timeouts")

    def __init__(self, state: Any, timeouts: Timeouts, max_postponed: int) -> None:
        self.state = state
        self.timeouts = timeouts
        self.max_postponed = max_postponed
        self.postponed: list[Event] = []
        """Oldest first."""
        # The next one last: all that happens to them happens at their front.
        self._waiting: list[Event] = []

    def next_event(self) -> Event | None:
        """Take the next event that is here already."""
        if self._waiting:
            return self._waiting.pop()
        return self.timeouts.next_due()

    def keep(self) -> None:
        """Commit a transition to the same state, without actions."""
        if self.timeouts:
            self.timeouts.cancel(TIMEOUT)

    def commit(self, transition: Transition) -> None:
        """Carry out what was collected.

        Raises:
            TooManyPostponed: The event cannot be postponed on top of the others.
        """
        waiting = self._waiting
        if transition.postpone:
            self.postponed.append(transition.event)
        self.keep()
        if not is_same(transition.state, self.state):
            self.state = transition.state
            waiting.extend(reversed(self.postponed))
            self.postponed.clear()
            self.timeouts.cancel(STATE_TIMEOUT)
        elif len(self.postponed) > self.max_postponed:
            raise TooManyPostponed(self.max_postponed)
        waiting.extend(reversed(transition.next_events))
        if transition.timeouts:
            self.timeouts.set(transition.timeouts)
