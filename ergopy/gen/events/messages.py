"""What subscribers get: plain tuples, with their parts as attributes.

::

    {event, {Name, Node}, Value}            a value was published
    {event_lag, {Name, Node}, Missed}       so many were not delivered before the next
    {event_down, {Name, Node}, Reason}      there will be no more
"""

from __future__ import annotations

from typing import Any, Self, TypeAlias, final

from etf import Atom

from ...process.messages import SystemMessage

EVENT = Atom("event")
EVENT_DOWN = Atom("event_down")
EVENT_LAG = Atom("event_lag")

Key: TypeAlias = "tuple[Any, Atom]"
"""Which event: its name, and the node that has it."""


class _OfEvent(tuple[Any, ...]):
    __slots__ = ()

    @property
    def name(self) -> Any:
        """The name of the event."""
        return self[1][0]

    @property
    def node(self) -> Atom:
        """The node that has it."""
        return self[1][1]  # type: ignore[no-any-return]


@final
class EventMessage(_OfEvent):
    """``{event, {Name, Node}, Value}``: the owner of an event has published a value."""

    __slots__ = ()
    __match_args__ = ("name", "value")

    def __new__(cls, event: Key, value: object) -> Self:
        return tuple.__new__(cls, (EVENT, event, value))

    @property
    def value(self) -> Any:
        """What was published."""
        return self[2]


# Of system messages, no limit of a mailbox keeps them out.
@final
class EventLag(_OfEvent, SystemMessage):
    """``{event_lag, {Name, Node}, Missed}``: the subscriber was too slow for some."""

    __slots__ = ()
    __match_args__ = ("name", "missed")

    def __new__(cls, event: Key, missed: int) -> Self:
        return tuple.__new__(cls, (EVENT_LAG, event, missed))

    @property
    def missed(self) -> int:
        """How many values it did not get."""
        return self[2]  # type: ignore[no-any-return]


@final
class EventDown(_OfEvent, SystemMessage):
    """``{event_down, {Name, Node}, Reason}``: the event is no more.

    The reason is ``unregistered``, the exit reason of its owner or of the server that
    had it, or ``noconnection``.
    """

    __slots__ = ()
    __match_args__ = ("name", "reason")

    def __new__(cls, event: Key, reason: object) -> Self:
        return tuple.__new__(cls, (EVENT_DOWN, event, reason))

    @property
    def reason(self) -> Any:
        """Why."""
        return self[2]
