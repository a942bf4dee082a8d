"""The process in whose name the node itself acts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .process import Process

if TYPE_CHECKING:
    from collections.abc import Callable

    from .runtime import Runtime


class RootProcess(Process):
    """A pid without a body: it can be watched, reads no mail and never ends."""

    __slots__ = ("receiver",)

    def __init__(self, runtime: Runtime, label: str) -> None:
        super().__init__(runtime, label)
        self.receiver: Callable[[Any], object] | None = None
        """What takes the messages; it must not wait. None drops them."""

    def deliver(self, message: Any) -> None:
        """Give it to the receiver, or drop it."""
        if self.receiver is not None:
            self.receiver(message)

    offer = deliver_priority = deliver

    def end(self, reason: Any) -> None:
        """Live on: the node is not a process that could be killed."""
