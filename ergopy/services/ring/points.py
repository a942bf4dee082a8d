"""The circle of a ring: many points for each node; a key belongs to the next one.

A point of *node* is ``erlang:phash2({Node, I}, 1 bsl 32)``, a key is at
``erlang:phash2({Key}, 1 bsl 32)``. That hash is the same in every release of Python,
ergopy and OTP, so that a BEAM can compute the same circle. The key is in a tuple
because the hash of an atom by itself is a poor one.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING, Any, final

from etf import Atom, phash2

if TYPE_CHECKING:
    from collections.abc import Mapping

SIZE = 2**32
"""How many places there are on the circle."""


def place_of(key: Any) -> int:
    """Return where on the circle a key is.

    Raises:
        etf.EncodeError: It is no term.
    """
    return phash2((key,), SIZE)


@final
class Points:
    """The points of some nodes; never changed, but made anew from those before."""

    def __init__(
        self, counts: Mapping[Atom, int], before: Points | None = None
    ) -> None:
        old = {} if before is None else before._of
        self._of: dict[Atom, list[int]] = {}
        for node, count in counts.items():
            have = old.get(node, [])
            more = range(len(have), count)
            self._of[node] = have[:count] + [phash2((node, i), SIZE) for i in more]
        # Two nodes at one place: the name decides, and so the same one everywhere.
        every = sorted((at, node) for node, all_ in self._of.items() for at in all_)
        self._starts = [at for at, _ in every]
        self._nodes = [node for _, node in every]

    @property
    def nodes(self) -> frozenset[Atom]:
        """Whose points there are."""
        return frozenset(self._of)

    def at(self, place: int) -> Atom | None:
        """Return the node of the first point from *place* on; None without nodes."""
        if not self._nodes:
            return None
        return self._nodes[bisect_left(self._starts, place) % len(self._nodes)]

    def several(self, place: int, count: int) -> list[Atom]:
        """Return the first *count* different nodes from *place* on."""
        first = bisect_left(self._starts, place)
        found: dict[Atom, None] = {}
        for node in self._nodes[first:] + self._nodes[:first]:
            if len(found) >= min(count, len(self._of)):
                break
            found[node] = None
        return list(found)

    def moved(self, later: Points) -> dict[tuple[Atom | None, Atom | None], float]:
        """Return which part of the circle goes from whom to whom; of 1 in all."""
        parts: dict[tuple[Atom | None, Atom | None], float] = {}
        edges = sorted({*self._starts, *later._starts, SIZE - 1})
        for last, at in pairwise([-1, *edges]):
            way = self.at(at), later.at(at)
            if way[0] is not way[1]:
                parts[way] = parts.get(way, 0.0) + (at - last) / SIZE
        return parts
