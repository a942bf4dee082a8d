"""The stage that only gives events."""

from __future__ import annotations

from collections import deque
from typing import Any

from etf import Atom

from .producing import Producing
from .requests import ACCUMULATE, FORWARD

MOST_HELD = 10_000
"""Demands that are told one by one after a pause; more than these are added up."""


class Producer(Producing):
    """A source of events, which makes them on demand; a GenStage ``producer``.

    ::

        class Counter(ergopy.Producer):
            async def init(self, start):
                self.next = start

            async def handle_demand(self, demand):
                first, self.next = self.next, self.next + demand
                return list(range(first, self.next))

    ``handle_demand`` and other callbacks return events, a list. More than consumers
    have asked for is buffered; less is fine, if the rest is emitted later: demand is
    told once. So a producer that cannot serve it at once has to remember it.
    """

    demand: str = "forward"
    """``"accumulate"``: hold demand (and events) back until :meth:`resume_demand`."""

    _role = Atom("producer")
    _held: deque[Any] | None = None
    _holds_events = False

    async def handle_demand(self, demand: int) -> Any:
        """Return events, up to *demand* of them, or emit them later.

        *demand* is what consumers want on top of all that was told before. A consumer
        without a limit wants 2**59 - 1: make a part of it, and remember the rest.
        """
        raise NotImplementedError(f"no handle_demand for {demand} events")

    def pause_demand(self) -> None:
        """Hold back demand, and events, from now on; ``GenStage.demand/2``.

        An info that is to follow these events is held back with them. There may be any
        number: they are not in the buffer.

        Consumers may subscribe and ask meanwhile.
        """
        if self._held is None:
            self._held = deque()

    async def resume_demand(self) -> None:
        """Let demand, events and infos that were held back go on, in their order.

        Each demand comes as it came from a consumer, so that who asked first does not
        wait until there are events for all.
        """
        held, self._held = self._held or deque(), None
        try:
            while held and self._held is None:
                await self._release(held.popleft())
        finally:
            if held:
                # A callback has paused it again, or failed.
                held.extend(self._held or ())
                self._held = held
            held = self._held or deque()
            self._holds_events = any(isinstance(item, list) for item in held)

    async def _release(self, item: Any) -> None:
        if isinstance(item, int):
            await self._took(await self.handle_demand(item), "handle_demand")
        elif isinstance(item, list):
            await super()._emitted(item)
        else:
            super()._pass_info(*item)

    async def _open(self) -> None:
        if self.demand not in (FORWARD, ACCUMULATE):
            raise ValueError(f"demand= is forward or accumulate, not {self.demand!r}")
        if hasattr(self, "subscribe_to"):
            raise TypeError(
                "a Producer takes no events: subscribe_to is for a Consumer or a "
                "ProducerConsumer"
            )
        if self.demand == ACCUMULATE:
            self.pause_demand()
        await super()._open()

    @property
    def _demand_mode(self) -> Atom:
        return FORWARD if self._held is None else ACCUMULATE

    async def _set_demand_mode(self, mode: Atom) -> None:
        if mode == FORWARD:
            await self.resume_demand()
        else:
            self.pause_demand()

    async def _emitted(self, events: list[Any]) -> None:
        if self._held is None:
            await super()._emitted(events)
        else:
            self._held.append(events)
            self._holds_events = True

    def _pass_info(self, message: Any) -> None:
        # Only events hold it up, so that a producer that is drained while it is paused
        # still hears what is to be the last.
        if self._held is not None and self._holds_events:
            self._held.append((message,))
        else:
            super()._pass_info(message)

    async def _demanded(self, count: int) -> None:
        held = self._held
        if not count:
            return
        if held is None:
            await self._took(await self.handle_demand(count), "handle_demand")
        elif len(held) >= MOST_HELD and isinstance(held[-1], int):
            held[-1] += count
        else:
            held.append(count)
