"""The workers of a pool in their places: who is started, and who may go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from etf import Atom

from ...errors import StartError
from ..supervisor.checks import Restart
from .slots import Slot

if TYPE_CHECKING:
    from etf import Pid

    from ..supervisor.group import Group
    from ..supervisor.spec import ChildSpec
    from .slots import Slots

OVERFLOW = Atom("overflow")


@final
class Staff:
    """Workers are children of the pool: numbered ones, and those of an overflow.

    Args:
        group: The children of the pool; the numbered ones run.
        slots: Where they work.
        worker: What each of them is.
        size: How many there are to be.
        max_overflow: How many more there may be for a while.
    """

    def __init__(
        self,
        group: Group,
        slots: Slots,
        worker: ChildSpec,
        size: int,
        max_overflow: int,
    ) -> None:
        self._group = group
        self._slots = slots
        self._worker = worker
        self.size = size
        self._max_overflow = max_overflow
        self._overflows = 0
        for child in group:
            slots.add(Slot(child))

    def find(self, pid: Pid) -> Slot | None:
        """Return the place in which a worker is, or was until now."""
        return next((slot for slot in self._slots if slot.child.pid == pid), None)

    async def add_overflow(self) -> bool:
        """Start one more worker for a while, if there may be one."""
        extra = sum(_is_extra(slot) for slot in self._slots)
        if extra >= self._max_overflow:
            return False
        self._overflows += 1
        place = (OVERFLOW, self._overflows)
        try:
            await self._hire(place, restart=Restart.TEMPORARY)
        except StartError:
            return False
        return True

    async def resize(self, size: int) -> None:
        """Start those that are missing; those that are too many may go.

        Raises:
            StartError: One did not come up; ``size`` is how many there are.
        """
        places = {s.child.spec.id: s for s in self._slots if not _is_extra(s)}
        for place in range(size):
            if place in places:
                places[place].leaving = False
            else:
                await self._hire(place)
            self.size = max(self.size, place + 1)
        self.size = size
        for place, slot in places.items():
            slot.leaving = place >= size

    async def _hire(self, place: Any, **changes: Any) -> None:
        child = self._group.add(self._worker.replace(id=place, **changes))
        try:
            await self._group.start(child)
        except StartError as error:
            self._group.report("start_error", error.reason, child)
            self._group.remove(child)
            raise
        self._slots.add(Slot(child, leaving=bool(changes)))

    async def let_go(self, slot: Slot) -> None:
        """Stop a worker, and take its place away."""
        child = slot.child
        self._slots.remove(slot)
        await self._group.stop_one(child)
        if self._group.find(child.spec.id) is child:
            self._group.remove(child)

    def clear_away(self) -> None:
        """Take away the places of those that have ended and are not replaced."""
        for slot in list(self._slots):
            if self._group.find(slot.child.spec.id) is not slot.child:
                self._slots.remove(slot)


def _is_extra(slot: Slot) -> bool:
    return slot.child.spec.restart is Restart.TEMPORARY
