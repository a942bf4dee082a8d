"""The places of a pool: each has a worker, or waits for the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...process.process import Process
    from ..supervisor.children import Child
    from .jobs import Checkout, Job, Relay

ROUND_ROBIN = "round_robin"
LEAST_LOADED = "least_loaded"
WAYS = (ROUND_ROBIN, LEAST_LOADED)


@final
class Slot:
    """One place. A worker that fails is followed by another in the same place."""

    __slots__ = ("child", "jobs", "leaving", "lent")

    def __init__(self, child: Child, *, leaving: bool = False) -> None:
        self.child = child
        self.jobs: dict[Relay, None] = {}
        """The calls that its worker has, oldest first."""
        self.lent: Checkout | None = None
        """Who has borrowed its worker."""
        self.leaving = leaving
        """Whether it goes as soon as it has nothing to do."""

    @property
    def process(self) -> Process:
        """Its worker; there has to be one."""
        process = self.child.process
        assert process is not None
        return process

    @property
    def works(self) -> bool:
        """Whether there is a worker, and others than a borrower may use it."""
        return self.lent is None and self.child.is_alive

    @property
    def is_idle(self) -> bool:
        """Whether nobody uses its worker."""
        return not self.jobs and self.lent is None


@final
class Slots:
    """All places, and which of them is next."""

    def __init__(self, capacity: int, way: str) -> None:
        self._capacity = capacity
        self._least_loaded = way == LEAST_LOADED
        self._slots: list[Slot] = []
        self._next = 0

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots)

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, slot: Slot) -> None:
        """Add a place."""
        self._slots.append(slot)

    def remove(self, slot: Slot) -> None:
        """Take a place away."""
        self._slots.remove(slot)

    def free_for(self, job: Job) -> Slot | None:
        """Return a place whose worker may have *job* now."""
        return self._choose(_calls, 1 if job.alone else self._capacity)

    def for_cast(self, limit: int) -> Slot | None:
        """Return a place for a cast: one with fewer than *limit* messages waiting."""
        return self._choose(_messages, limit)

    def _choose(self, load: Callable[[Slot], int], most: int) -> Slot | None:
        """Return the next place whose load is below *most*, or that with the least."""
        slots, count = self._slots, len(self._slots)
        chosen, least = -1, most
        for place in range(self._next, self._next + count):
            slot = slots[place % count]
            if slot.works and (its := load(slot)) < least:
                chosen, least = place % count, its
                if not its or not self._least_loaded:
                    break
        if chosen < 0:
            return None
        self._next = (chosen + 1) % count
        return slots[chosen]


def _calls(slot: Slot) -> int:
    return len(slot.jobs)


def _messages(slot: Slot) -> int:
    return slot.process.message_count()
