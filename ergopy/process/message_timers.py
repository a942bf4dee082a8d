"""Messages that are sent later: ``erlang:send_after`` and ``erlang:start_timer``.

The timers belong to the node, as on a BEAM: any process can read and cancel one by its
reference, and the end of the process that started it does not stop it. A timer for a
pid of this node ends with that process, and leaves nothing behind.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, final

import trio

from etf import Pid, Reference

from ..errors import MailboxFull, NotRegistered
from .atoms import TIMEOUT
from .sending import Sender, is_many

if TYPE_CHECKING:
    from .process import Process
    from .runtime import Runtime
    from .timers import Timer

logger = logging.getLogger("ergopy.process")


@final
class MessageTimer:
    """A message that has not been sent yet, unless it has or was cancelled."""

    __slots__ = ("_dest", "_message", "_sender", "_target", "_timer", "ref")

    def __init__(self, sender: Sender, ref: Reference, dest: Any, message: Any) -> None:
        self.ref = ref
        """What names the timer, also in the message of ``start_timer``."""
        self._sender = sender
        self._dest = dest
        self._message = message
        self._target: Process | None = None
        self._timer: Timer | None = None

    def __repr__(self) -> str:
        return f"<MessageTimer {self.ref}>"

    def cancel(self) -> float | None:
        """Stop it; return the seconds that were left, or None if it was too late."""
        return None if self._timer is None else self._leave(self._timer).cancel()

    def read(self) -> float | None:
        """Return the seconds that are left, or None if it fired or was cancelled."""
        return None if self._timer is None else self._timer.read()

    def start(self, seconds: float) -> None:
        """Enter the tables of the node. One for a dead process is over at once."""
        runtime, dest = self._runtime, self._dest
        if dest.__class__ is Pid and dest.node == runtime.name:
            self._target = runtime.find(dest)
            if self._target is None:
                return
            self._target.watchers[self] = self
        self._timer = runtime.timers.start(seconds, self._send)
        runtime.message_timers[self.ref.words] = self

    def fire(self, reason: Any) -> None:
        """Take the end of the process that the message is for."""
        self.cancel()

    @property
    def _runtime(self) -> Runtime:
        return self._sender.runtime

    def _leave(self, timer: Timer) -> Timer:
        self._timer = None
        self._runtime.message_timers.pop(self.ref.words, None)
        if self._target is not None:
            self._target.watchers.pop(self, None)
        return timer

    def _send(self) -> None:
        assert self._timer is not None
        self._leave(self._timer)
        try:
            self._sender.send_nowait(self._dest, self._message)
        except (MailboxFull, NotRegistered, trio.WouldBlock):
            return
        except Exception:
            # There is no caller any more that could be told.
            logger.exception("a delayed message to %r was lost", self._dest)


class DelayedSender(Sender):
    """What sends now or later."""

    __slots__ = ()

    def send_after(self, seconds: float, dest: Any, message: Any) -> MessageTimer:
        """Send *message* in *seconds*; ``erlang:send_after/3``, in seconds.

        The timer's ``cancel()`` and ``read()`` return the seconds left, or None; so do
        :meth:`cancel_timer` and :meth:`read_timer` in any process. If the destination
        is gone by then the message is dropped. A name is looked up only then; the end
        of a process of this node, given by its pid, ends the timer. The end of the
        sender does not. Unlike in OTP *dest* may be on another node.

        Raises:
            ValueError: The time is negative.
            LocalProtocolError: *dest* is nothing that can be a destination.
        """
        return self._start(seconds, dest, message, self.runtime.new_reference())

    def start_timer(self, seconds: float, dest: Any, message: Any) -> MessageTimer:
        """Send ``{timeout, TimerRef, Message}`` in *seconds*; ``erlang:start_timer/3``.

        Otherwise like :meth:`send_after`. The reference, in the timer's ``ref``, tells
        a timeout of this timer from one of a timer that was cancelled too late.
        """
        ref = self.new_ref()
        return self._start(seconds, dest, (TIMEOUT, ref, message), ref)

    def cancel_timer(self, timer: MessageTimer | Reference) -> float | None:
        """Stop a timer of this node; ``erlang:cancel_timer/1``, in seconds.

        Returns the seconds that were left, or None (``false`` there) if there is no
        such timer any more: then its message was sent.
        """
        found = self._find_timer(timer)
        return None if found is None else found.cancel()

    def read_timer(self, timer: MessageTimer | Reference) -> float | None:
        """Return the seconds left, or None if it is over; ``erlang:read_timer/1``."""
        found = self._find_timer(timer)
        return None if found is None else found.read()

    def _start(
        self, seconds: float, dest: Any, message: Any, ref: Reference
    ) -> MessageTimer:
        if not seconds >= 0:
            raise ValueError(f"a time is a number of seconds, not {seconds!r}")
        for one in dest if is_many(dest) else (dest,):
            self.way_to(one)
        timer = MessageTimer(self, ref, dest, message)
        timer.start(seconds)
        return timer

    def _find_timer(self, timer: MessageTimer | Reference) -> MessageTimer | None:
        if isinstance(timer, MessageTimer):
            return timer
        if not isinstance(timer, Reference):
            raise TypeError(f"no timer and no reference: {timer!r}")
        found = self.runtime.message_timers.get(timer.words)
        return found if found is not None and found.ref == timer else None
