"""Nodes that come and go, for a program outside of any process."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from ..process.messages import NodeDownMessage, NodeUpMessage
from .stream import Stream

if TYPE_CHECKING:
    from ..process.node_monitors import NodeFilter, NodeMonitors


@final
class NodeEvents(Stream[NodeUpMessage | NodeDownMessage]):
    """The nodes that come and go, in order; ``async with``, then ``async for``.

    It never makes the node wait: if more events than the limit are not fetched, the
    oldest are dropped and counted. The loop ends when the node does.
    """

    def __init__(self, monitors: NodeMonitors, nodes: NodeFilter, limit: int) -> None:
        super().__init__(monitors, limit)
        self._nodes = nodes

    def _begin(self) -> None:
        self._monitors.subscribe(self, self._nodes)

    def _end(self) -> None:
        self._monitors.unsubscribe(self, self._nodes)
