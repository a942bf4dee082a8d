"""Messages that a start on another node waits for.

What OTP starts over there says by a message whether it has come up. Several starts are
under way at a time, each in a helper task, and a helper must not read the mailbox of
its process. So the process hands on what it reads: :meth:`Answers.take`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, final

from etf import Reference

from ...errors import ReceiveTimeout
from ...process.init_ack import ACK, NACK
from ...process.messages import Down
from ...process.slot import Slot
from .waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...process.process import Process

_LATE = object()


@final
class Answers:
    """Those that came, and those that are waited for, of one process."""

    def __init__(self) -> None:
        self._starts = 0
        self._early: list[Any] = []
        self._waiting: dict[Slot, Callable[[Any], object]] = {}

    def __enter__(self) -> None:
        """A start begins that may get answers."""
        self._starts += 1

    def __exit__(self, *_: object) -> None:
        self._starts -= 1
        if not self._starts:
            self._early.clear()

    def take(self, message: Any) -> bool:
        """Return whether *message* is such an answer; a start has it then, or will."""
        if not self._starts or not _is_answer(message):
            return False
        for slot, match in self._waiting.items():
            if match(message):
                del self._waiting[slot]
                slot.resolve(message)
                return True
        self._early.append(message)
        return True

    async def receive(self, process: Process, match: Any, seconds: float) -> Any:
        """Return the first answer that matches; as ``Process.receive``."""
        if isinstance(match, Reference):
            match = _down_of(match)
        for place, message in enumerate(self._early):
            if match(message):
                return self._early.pop(place)
        slot = Slot()
        self._waiting[slot] = match
        try:
            message = await wait_for(
                slot, process.timers, seconds, on_timeout=lambda: slot.resolve(_LATE)
            )
        finally:
            self._waiting.pop(slot, None)
        if message is _LATE:
            raise ReceiveTimeout(seconds)
        return message


@final
class Answered:
    """A process as a helper task of it may use it that waits for such answers."""

    def __init__(self, process: Process, answers: Answers) -> None:
        self._process = process
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._process, name)

    async def receive(self, match: Any, timeout: float = math.inf) -> Any:
        """Wait for an answer that matches."""
        return await self._answers.receive(self._process, match, timeout)


def _is_answer(message: Any) -> bool:
    if isinstance(message, Down):
        return True
    if not (isinstance(message, tuple) and len(message) == 3):
        return False
    return message[0] is ACK or message[0] is NACK


def _down_of(ref: Reference) -> Callable[[Any], object]:
    return lambda message: isinstance(message, Down) and message.ref == ref
