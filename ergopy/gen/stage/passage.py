"""Between the halves of a stage that does both: events wait here for demand.

A producer-consumer handles what came only while somebody wants what becomes of it.
Until then events wait, and with them in their order what else must not overtake them:
the end of the subscription that they came by, and messages that are to follow them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from ...process import reasons

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from etf import Atom

    from .batches import Inflow
    from .inlet import Inlet
    from .outlet import Outlet

    Step = Callable[[], Awaitable[None]]


class Passage:
    """The events of a producer-consumer that wait for demand.

    Both halves are set by the stage, before anything comes.
    """

    inlet: Inlet
    outlet: Outlet

    def __init__(self) -> None:
        self._steps: deque[tuple[Any, ...]] = deque()
        self._pumping = False

    def __len__(self) -> int:
        return len(self._steps)

    async def put(self, events: list[Any], flow: Inflow) -> None:
        """Take events that came."""
        self._steps.append((self._deliver, events, flow))
        await self.pump()

    async def put_end(self, flow: Inflow, kind: Atom, reason: Any) -> None:
        """Take the end of a subscription.

        If that is to end the stage, and nothing has failed, what the stage has made of
        its events goes out first. GenStage loses that, if no events wait here.
        """
        finished = reasons.is_clean(reason) and flow.is_fatal(reason)
        if self._steps or (finished and self.outlet.flow.buffered):
            self._steps.append((self.inlet.ended, flow, kind, reason))
        else:
            await self.inlet.ended(flow, kind, reason)

    def put_info(self, message: Any) -> bool:
        """Take a message that is to follow the events; False if none wait."""
        if self._steps:
            self._steps.append((self._info, message))
        return bool(self._steps)

    async def pump(self) -> None:
        """Have events handled while there is demand."""
        if self._pumping:
            # A callback of the stage made demand; the pump above goes on.
            return
        self._pumping = True
        try:
            while self._steps and self._may(self._steps[0]):
                step, *args = self._steps.popleft()
                await step(*args)
        finally:
            self._pumping = False

    def _may(self, step: tuple[Any, ...]) -> bool:
        """Tell whether a step is due: events want demand, others an empty buffer."""
        flow = self.outlet.flow
        return flow.owed > 0 or not (step[0] == self._deliver or flow.buffered)

    async def _deliver(self, events: list[Any], flow: Inflow) -> None:
        await self.inlet.deliver(events, flow)

    async def _info(self, message: Any) -> None:
        self.outlet.flow.info(message)
