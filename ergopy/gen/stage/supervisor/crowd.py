"""The children of a consumer supervisor: one for each event, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from ....errors import StartError
from ...supervisor.checks import Restart
from ...supervisor.simple import SimpleCrowd
from ...supervisor.stopping import breathe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etf import Pid

    from ....process.process import Process
    from ...supervisor.children import Child
    from ...supervisor.flags import Flags
    from ...supervisor.spec import ChildSpec
    from ..batches import Inflow


@final
class EventCrowd(SimpleCrowd):
    """Children of one specification; those that were started for events are counted.

    Such a child counts, for the subscription that its event came with, from its start
    to its last end: also while it is being restarted. So what was asked for and has
    not come, the children, and what is still to be asked for make ``max_demand``.
    """

    def __init__(self, process: Process, flags: Flags, spec: ChildSpec) -> None:
        super().__init__(process, flags, spec)
        self._origins: dict[Child, Inflow] = {}
        self._counts: dict[Inflow, int] = {}
        self._freed: dict[Inflow, None] = {}

    def count(self, flow: Inflow) -> int:
        """Return how many children there are for events of *flow*."""
        return self._counts.get(flow, 0)

    def missing(self, flow: Inflow) -> int:
        """Return how many events to ask for now: ``min_demand`` or more, or 0."""
        more = flow.max_demand - flow.asked - self.count(flow)
        return more if more >= max(flow.min_demand, 1) else 0

    def take_freed(self) -> Iterable[Inflow]:
        """Return whose children have ended since this was asked last."""
        freed, self._freed = self._freed, {}
        return freed

    async def start_for(self, event: Any, flow: Inflow) -> None:
        """Start the child of an event; one that does not come up is reported."""
        await breathe(self.process)
        child = self.new_child((event,))
        try:
            pid = await self.start(child)
        except StartError as error:
            self.report("start_error", error.reason, child)
            return
        if pid is not None:
            self._origins[child] = flow
            self._counts[flow] = self.count(flow) + 1
        self.forget_args(child)

    def forget_args(self, child: Child) -> None:
        """Drop what a child was started with if it is never restarted."""
        if child.spec.restart is Restart.TEMPORARY:
            child.args = ()

    async def start(self, child: Child, *, told: bool = False) -> Pid | None:
        pid = await super().start(child, told=told)
        if pid is None:
            self._is_over(child)
        return pid

    def drop(self, child: Child) -> None:
        super().drop(child)
        self._is_over(child)

    def _is_over(self, child: Child) -> None:
        flow = self._origins.pop(child, None)
        if flow is None:
            return
        left = self._counts.pop(flow) - 1
        if left:
            self._counts[flow] = left
        self._freed[flow] = None
