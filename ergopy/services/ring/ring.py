"""Keys are placed on nodes, and stay where they are while nodes come and go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, final

from etf import Atom, identity_key

from .points import Points, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable

POINTS = 128
"""Points of a node of weight 1: its share is true to about a tenth."""


class Ring:
    """Consistent hashing: which node a key belongs to.

    ::

        ring = Ring(["a@host", "b@host", "c@host"])
        await node.call(("cache", ring.place(b"user:17")), request)

    Every node that makes a ring of the same nodes places every key alike, whatever
    release of ergopy or Python it has; the page on rings has the lines of Erlang for a
    BEAM. When one of *n* nodes goes, its keys are spread over the others, and no other
    key moves; when one comes, about one key of *n* moves, to it.

    A key is any term; a ``str`` is the binary that it is on the wire.

    Args:
        nodes: The names, or a dict from name to weight: a node of weight 2 has twice
            as many keys.
        points: Points on the circle for each weight; alike on all nodes.
        pins: Keys that are placed by hand, see :meth:`pin`.
    """

    def __init__(
        self,
        nodes: Iterable[str] | Mapping[str, int] = (),
        *,
        points: int = POINTS,
        pins: Mapping[Any, str] | None = None,
    ) -> None:
        self._each = _at_least_one("points", points)
        weights = nodes if isinstance(nodes, Mapping) else dict.fromkeys(nodes, 1)
        self._weights = {
            Atom(n): _at_least_one("a weight", w) for n, w in weights.items()
        }
        self._pins: dict[Any, Atom] = {}
        for key, name in (pins or {}).items():
            self.pin(key, name)
        self._points = self._make(None)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {', '.join(self.nodes()) or 'no nodes'}>"

    def nodes(self) -> list[Atom]:
        """Return the nodes, sorted."""
        return sorted(self._weights)

    def place(self, key: Any) -> Atom | None:
        """Return the node of a key; None if there are no nodes.

        Raises:
            etf.EncodeError: *key* is no term.
        """
        return self._pinned(key) or self._points.at(place_of(key))

    def places(self, key: Any, count: int) -> list[Atom]:
        """Return the node of a key and those after it, *count* different ones.

        For copies: the second has the key when the first is gone. Fewer if there are
        not so many nodes.
        """
        found = self._points.several(place_of(key), count)
        first = self._pinned(key)
        if first is not None and count > 0:
            found = [first, *(node for node in found if node is not first)][:count]
        return found

    def pin(self, key: Any, node: str) -> None:
        """Place one key on *node* whenever that is in the ring.

        While it is not, the key is where it would be without the pin. A pin is known
        to this ring only: the program tells its other nodes.
        """
        self._pins[identity_key(key)] = Atom(node)

    def unpin(self, key: Any) -> bool:
        """Place a key as all others again; return whether it was pinned."""
        return self._pins.pop(identity_key(key), None) is not None

    def add(self, node: str, weight: int = 1) -> RingChange:
        """Let a node take its share, or have another weight."""
        return self._become(
            {**self._weights, Atom(node): _at_least_one("a weight", weight)}
        )

    def remove(self, node: str) -> RingChange:
        """Let the others take the share of a node."""
        return self._become({n: w for n, w in self._weights.items() if n != Atom(node)})

    def _become(self, weights: dict[Atom, int]) -> RingChange:
        before = self._points
        self._weights = weights
        self._points = self._make(before)
        return RingChange(before, self._points)

    def _make(self, before: Points | None) -> Points:
        return Points({n: w * self._each for n, w in self._weights.items()}, before)

    def _pinned(self, key: Any) -> Atom | None:
        if not self._pins:
            return None
        node = self._pins.get(identity_key(key))
        return node if node in self._weights else None


@final
class RingChange:
    """Which keys have another node than before. Pins are not looked at."""

    def __init__(self, before: Points, after: Points) -> None:
        self._before = before
        self._after = after
        self.added: list[Atom] = sorted(after.nodes - before.nodes)
        self.removed: list[Atom] = sorted(before.nodes - after.nodes)

    def __repr__(self) -> str:
        return f"<RingChange added={self.added} removed={self.removed}>"

    def moved(self, key: Any) -> tuple[Atom | None, Atom | None] | None:
        """Return from where to where a key has moved; None if it has not."""
        place = place_of(key)
        old, new = self._before.at(place), self._after.at(place)
        return None if old is new else (old, new)

    def shares(self) -> dict[tuple[Atom | None, Atom | None], float]:
        """Return which part of all keys goes from whom to whom, of 1 in all."""
        return self._before.moved(self._after)

    @property
    def share(self) -> float:
        """Which part of all keys has moved."""
        return sum(self.shares().values())


def _at_least_one(what: str, value: int) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"{what} is an integer from 1, not {value!r}")
    return value
