"""Mailboxes with a limit, and what becomes of the message that is one too many.

A mailbox has no limit unless its process was started with one. A limited mailbox
counts all that waits, but drops and refuses only ordinary messages: exit signals,
``DOWN`` and what else the system itself sends always arrive.

An *episode* begins with the first message too many, and ends when half of the limit
is free again. It is logged once; ``process.dropped`` counts.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, final, get_args

from ..errors import MailboxFull
from .mailbox import Mailbox
from .messages import SystemMessage
from .process import Process

if TYPE_CHECKING:
    from etf import Pid

    from .runtime import Runtime

logger = logging.getLogger("ergopy.process")

Policy = Literal["drop_new", "drop_old", "raise", "kill"]


@final
@dataclass(frozen=True, slots=True)
class MailboxLimit:
    """How many messages may wait for a process, and what happens to more.

    ``"drop_new"`` drops what arrives, ``"drop_old"`` the oldest that waits instead.
    ``"raise"`` raises :exc:`ergopy.MailboxFull` where a process of this node sends,
    before anything is delivered; for senders on other nodes, and for an alias, it is
    ``"drop_new"``. ``"kill"`` ends the process with ``killed``, as a BEAM ends one
    that has grown beyond its ``max_heap_size``.

    Who *calls* a process whose mailbox drops the request hears nothing before its
    timeout: prefer ``"raise"`` or ``"kill"`` for what is called.
    """

    messages: int
    policy: Policy = "drop_new"

    def __post_init__(self) -> None:
        if type(self.messages) is not int or self.messages < 1:
            raise ValueError(f"a limit is a number above 0, not {self.messages!r}")
        if self.policy not in get_args(Policy):
            known = ", ".join(get_args(Policy))
            raise ValueError(f"policy is one of {known}, not {self.policy!r}")


class LimitedProcess(Process):
    """A process whose mailbox has a limit. Only it pays for looking at it."""

    __slots__ = ("_full", "dropped", "limit")

    def __init__(
        self, runtime: Runtime, label: str, parent: Pid | None, limit: MailboxLimit
    ) -> None:
        super().__init__(runtime, label, parent)
        self.limit = limit
        self.dropped = 0
        self._full = False

    def deliver(self, message: Any) -> None:
        if self._admits(message):
            Mailbox.deliver(self, message)

    def deliver_priority(self, message: Any) -> None:
        if self._admits(message):
            Mailbox.deliver_priority(self, message)

    def offer(self, message: Any) -> None:
        """Deliver, or refuse by an exception if that is the policy.

        Raises:
            MailboxFull: There is no room; nothing was delivered.
        """
        if self.limit.policy == "raise" and not self._has_room(message):
            self._begin_episode("senders are refused")
            raise MailboxFull(self.pid, self.limit.messages)
        self.deliver(message)

    def _has_room(self, message: Any) -> bool:
        waiting = self.message_count()
        if self._full and waiting * 2 <= self.limit.messages:
            self._full = False
        return waiting < self.limit.messages or isinstance(message, SystemMessage)

    def _admits(self, message: Any) -> bool:
        """Tell whether *message* may come in, and make room if that is the policy."""
        if self._has_room(message):
            return True
        policy = self.limit.policy
        if policy == "kill":
            self._begin_episode("it is killed")
            self.kill()
            return False
        self.dropped += 1
        if policy != "drop_old":
            self._begin_episode("new messages are dropped")
            return False
        self._begin_episode("the oldest messages are dropped")
        return self.remove(_is_ordinary)

    def _begin_episode(self, outcome: str) -> None:
        if self._full:
            return
        self._full = True
        logger.warning(
            "the mailbox of %s is full (%d messages): %s",
            self.label,
            self.limit.messages,
            outcome,
            extra={"pid": str(self.pid), "node": self.runtime.name},
        )


def _is_ordinary(message: Any) -> bool:
    return not isinstance(message, SystemMessage)
