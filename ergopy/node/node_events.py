"""Nodes that come and go, for a program outside of any process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, final

import trio

if TYPE_CHECKING:
    from types import TracebackType

    from ..process.messages import NodeDownMessage, NodeUpMessage
    from ..process.node_monitors import NodeFilter, NodeMonitors

EVENTS = 1000
"""Events that wait for a slow program, unless it says otherwise."""


@final
class NodeEvents:
    """The nodes that come and go, in order; ``async with``, then ``async for``.

    It never makes the node wait: if more events than the limit are not fetched, the
    oldest are dropped and counted. The loop ends when the node does.
    """

    def __init__(self, monitors: NodeMonitors, nodes: NodeFilter, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"limit= is a number of events, not {limit!r}")
        self._monitors = monitors
        self._nodes = nodes
        self._put, self._get = trio.open_memory_channel[
            "NodeUpMessage | NodeDownMessage"
        ](limit)
        self.dropped = 0
        """How many events were dropped because nobody fetched them."""

    async def __aenter__(self) -> Self:
        self._monitors.subscribe(self, self._nodes)
        self._monitors.streams.append(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._monitors.unsubscribe(self, self._nodes)
        self._monitors.streams.remove(self)
        self._put.close()
        self._get.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> NodeUpMessage | NodeDownMessage:
        return await self._get.__anext__()

    def deliver(self, message: NodeUpMessage | NodeDownMessage) -> None:
        """Take an event; never waits."""
        try:
            self._put.send_nowait(message)
        except trio.WouldBlock:
            self._get.receive_nowait()
            self.dropped += 1
            self._put.send_nowait(message)

    def stop(self) -> None:
        """Let the loop end after what has come already."""
        self._put.close()
