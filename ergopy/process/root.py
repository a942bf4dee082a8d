"""The process in whose name the node itself acts."""

from __future__ import annotations

from typing import Any

from .process import Process


class RootProcess(Process):
    """A pid without a body: it can be watched, reads no mail and never ends."""

    __slots__ = ()

    def deliver(self, message: Any) -> None:
        """Drop it."""

    offer = deliver_priority = deliver

    def end(self, reason: Any) -> None:
        """Live on: the node is not a process that could be killed."""
