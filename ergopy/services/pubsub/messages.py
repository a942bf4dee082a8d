"""A subscription of a program that is in no process, or does not want mail."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Self, final

from ...node.stream import Stream

if TYPE_CHECKING:
    from .topics import Topics


@final
class TopicMessages(Stream[Any]):
    """The messages of a topic, in order; ``async with``, then ``async for``.

    It never makes anybody wait: if more than the limit are not fetched, the oldest are
    dropped and counted in ``dropped``. The loop ends when the node does.
    """

    _entered = False

    def __init__(self, topics: Topics, topic: bytes, limit: int) -> None:
        super().__init__(topics.runtime.node_monitors, limit)
        self._topics = topics
        self._topic = topic

    async def __aenter__(self) -> Self:
        self._entered = True
        return await super().__aenter__()

    def __del__(self) -> None:
        if not self._entered:
            # As for a coroutine that is not awaited: nothing was subscribed.
            warnings.warn(
                "a subscription was never entered: async with topics.subscribe(..),"
                " or topics.subscribe(.., self) for the mailbox of a process",
                RuntimeWarning,
                stacklevel=2,
            )

    def _begin(self) -> None:
        self._topics.add(self._topic, self)

    def _end(self) -> None:
        self._topics.remove(self._topic, self)
