"""The owner's side of an event: what it accepts, and publishing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, final

from etf import Atom

from ...errors import EventMismatch, EventOwnerError, EventUnknown
from ...process.runner import current_process

if TYPE_CHECKING:
    from collections.abc import Callable

    from etf import Pid

    from ...process.process import Process
    from .channel import Channel

UNREGISTERED = Atom("unregistered")

Accepts: TypeAlias = "type | tuple[type, ...] | Callable[[Any], object] | None"
"""What may be published: classes, a predicate, or None for anything."""


@final
class Event:
    """An event, in the hands of its owner; what ``events.register`` returns."""

    handed_over = True  # see process/configured/copying.py

    __slots__ = ("_accepts", "_channel", "_forget", "_owner", "_runtime", "name")

    def __init__(
        self,
        owner: Pid,
        channel: Channel,
        accepts: Accepts,
        server: Process,
        forget: Callable[[Event, Any], object],
    ) -> None:
        self.name: Any = channel.event[0]
        """Its name."""
        self._owner = owner
        self._channel: Channel | None = channel
        self._accepts = accepts
        self._forget = forget
        self._runtime = server.runtime

    def __repr__(self) -> str:
        return f"<Event {self.name!r} of {self._owner}>"

    @property
    def node(self) -> Atom:
        """The node that has it."""
        return self._runtime.name

    @property
    def owner(self) -> Pid:
        """Who alone may publish."""
        return self._owner

    @property
    def is_registered(self) -> bool:
        """Whether it still is an event."""
        return self._channel is not None

    @property
    def channel(self) -> Channel:
        """Its subscribers.

        Raises:
            EventUnknown: It is no more.
        """
        if self._channel is None:
            raise EventUnknown(self.name)
        return self._channel

    async def publish(self, value: Any) -> None:
        """Give *value* to every subscriber.

        They get it in the order in which it is published. Nobody is waited for: who is
        too slow misses it, and is told so. It is a checkpoint once in some thousand
        times.

        Raises:
            EventOwnerError: This is not the owner.
            EventMismatch: The event accepts no such value, or its function raised.
            EventUnknown: It was unregistered, or the event server has ended.
            etf.EncodeError: It is no term, and a subscriber is on another node.

        If it raises nobody has got the value.
        """
        process = self._acting()
        self.publish_as(process.pid, value)
        process.budget = budget = process.budget - 1
        if budget <= 0:
            await process.let_others_run()

    def publish_as(self, pid: Pid, value: Any) -> None:
        """Publish in the name of *pid*; see :meth:`publish`."""
        channel = self._check_owner(pid)
        try:
            fits = accepts(self._accepts, value)
        except Exception as error:
            raise EventMismatch(self.name, value) from error
        if not fits:
            raise EventMismatch(self.name, value)
        channel.publish(value)

    def unregister(self) -> None:
        """End the event: subscribers get ``EventDown`` with ``unregistered``.

        Raises:
            EventOwnerError, EventUnknown: As for :meth:`publish`.
        """
        self.unregister_as(self._acting().pid)

    def unregister_as(self, pid: Pid) -> None:
        """End the event in the name of *pid*; see :meth:`unregister`."""
        self._check_owner(pid)
        self._forget(self, UNREGISTERED)

    def _check_owner(self, pid: Pid) -> Channel:
        channel = self.channel
        if pid != self._owner:
            raise EventOwnerError(self.name, self._owner, pid)
        return channel

    def _acting(self) -> Process:
        return current_process.get(self._runtime.root)

    def fire(self, reason: Any) -> None:
        """Take the end of an owner of this node."""
        self._forget(self, reason)

    def end(self, reason: Any) -> None:
        """Be no event any more."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.end(reason)


def accepts(what: Accepts, value: Any) -> bool:
    """Tell whether a value may be published."""
    if what is None:
        return True
    if isinstance(what, type | tuple):
        return isinstance(value, what)
    return bool(what(value))


def check(what: Any) -> None:
    """Raise TypeError for what cannot say what an event accepts."""
    classes = what if isinstance(what, tuple) else (what,)
    if what is None or callable(what) or all(isinstance(c, type) for c in classes):
        return
    raise TypeError(f"accepts= is a class, classes or a function, not {what!r}")
