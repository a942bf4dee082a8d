"""Reports of lost connections: which of them are new.

A node that loses another tells all others, and each of these tells it on. So each hears
of it several times, and acts once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from ...gen.registry.keys import mark_of
from .words import LOST_SECONDS, MAX_LOST

if TYPE_CHECKING:
    from etf import Atom


@final
class Losses:
    """What was reported in the last hour, by who has lost whom."""

    def __init__(self, limit: int = MAX_LOST) -> None:
        self._limit = limit
        self._told: dict[tuple[Atom, Atom], tuple[Any, int, float]] = {}

    def __len__(self) -> int:
        return len(self._told)

    def is_new(
        self, node: Atom, creation: Any, number: int, lost: Atom, now: float
    ) -> bool:
        """Note that *node* has lost another; return False if that was known."""
        pair = (node, lost)
        incarnation = mark_of(creation)
        known = self._told.get(pair)
        if known is not None and known[0] == incarnation and number <= known[1]:
            return False
        self._told.pop(pair, None)
        self._told[pair] = (incarnation, number, now + LOST_SECONDS)
        self._forget(now)
        return True

    def _forget(self, now: float) -> None:
        # The oldest are first.
        while self._told:
            pair = next(iter(self._told))
            if self._told[pair][2] > now and len(self._told) <= self._limit:
                return
            del self._told[pair]
