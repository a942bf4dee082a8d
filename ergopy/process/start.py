"""The starter's side of a behaviour's start: it waits for ``init``, not for a task."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, final

from ..errors import Ignored, StartError
from . import reasons
from .slot import UNSET, Slot

if TYPE_CHECKING:
    from collections.abc import Callable


@final
class StartAck(Slot):
    """Resolves to None, or to a function that makes the exception to raise."""

    __slots__ = ()

    @property
    def pending(self) -> bool:
        """Whether the starter still waits for ``init``."""
        return self.value is UNSET

    def up(self) -> None:
        """``init`` is done."""
        self.resolve(None)

    def ignore(self) -> None:
        """``init`` wants no process, and that is no failure."""
        self.resolve(Ignored)

    def fire(self, reason: Any) -> None:
        """The process ended before ``init`` was done."""
        self.resolve(_failed(reason))

    def time_out(self) -> None:
        """``init`` took too long."""
        self.resolve(_failed("timeout"))


def _failed(reason: Any) -> Callable[[object], StartError]:
    return partial(StartError, reason=reasons.as_reason(reason))
