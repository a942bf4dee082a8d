"""A ring whose nodes are those of a process group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, final

from etf import phash2

from ...node.stream import LIMIT, Stream
from .ring import POINTS, Ring, RingChange

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from etf import Atom, Pid

    from ..pg import ProcessGroups
    from ..pg.table import Group


@final
class GroupRing(Ring):
    """A :class:`Ring` of the nodes that have members in a process group.

    ::

        with GroupRing(node.pg, "caches") as ring:
            await node.call(ring.member(b"user:17"), request)

    A node has one share, however many members it has. It changes as soon as this node
    hears of the group; two nodes place keys alike once both have heard of the same.
    It follows the group until the block is left or the node ends.
    """

    def __init__(
        self,
        pg: ProcessGroups,
        group: Any,
        *,
        points: int = POINTS,
        pins: Mapping[Any, str] | None = None,
    ) -> None:
        self._pg = pg
        self._group = group
        self._streams: list[RingChanges] = []
        self._members: dict[Atom, list[Pid]] = {}
        self.closed = False
        """Whether it follows its group no more."""
        nodes = {pid.node for pid in pg.members(group)}
        super().__init__(nodes, points=points, pins=pins)
        self._follower = Follower(self, pg.key_of(group))
        pg.listeners.append(self._follower)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Follow the group no more: the nodes stay as they are."""
        if self.closed:
            return
        self.closed = True
        self._members.clear()
        self._pg.listeners.remove(self._follower)
        for stream in self._streams:
            stream.stop()

    def add(self, node: str, weight: int = 1) -> RingChange:
        """Refuse: what joins the group adds its node."""
        raise TypeError("the nodes of this ring are those of its group")

    def remove(self, node: str) -> RingChange:
        """Refuse: who leaves the group removes its node."""
        raise TypeError("the nodes of this ring are those of its group")

    def member(self, key: Any) -> Pid | None:
        """Return the member of the group that a key belongs to; None if it is empty.

        If its node has several, the key decides; which one may change whenever one
        of them comes or goes, and then for any key of that node.
        """
        node = self.place(key)
        if node is None:
            return None
        members = self._members.get(node)
        if members is None:
            members = self._members_of(node)
            if not self.closed:
                self._members[node] = members
        return members[phash2([key], len(members))] if members else None

    def changes(self, *, limit: int = LIMIT) -> RingChanges:
        """Hear when nodes come and go, and so which keys have moved.

        ::

            async with ring.changes() as changes:
                async for change in changes:
                    for key in [key for key in kept if change.moved(key)]:
                        await hand_over(key, kept.pop(key))

        From when the block is entered; the loop ends when the ring is closed or the
        node ends. Of more than *limit* that are not fetched the oldest are dropped and
        counted in ``changes.dropped``: then look at all keys.
        """
        return RingChanges(self, self._streams, self._pg.runtime, limit)

    def follow(self, nodes: set[Atom]) -> None:
        """Have these nodes from now on. For what listens to the group."""
        self._members.clear()
        if nodes == self._weights.keys():
            return
        change = self._become(dict.fromkeys(nodes, 1))
        for stream in self._streams:
            stream.deliver(change)

    def _members_of(self, node: Atom) -> list[Pid]:
        """Return who is in the group there, in an order that is the same everywhere."""
        there = {pid for pid in self._pg.members(self._group) if pid.node is node}
        return sorted(there, key=lambda pid: (pid.creation, pid.serial, pid.id))


@final
class Follower:
    """Tells a ring which nodes its group has."""

    def __init__(self, ring: GroupRing, key: Any) -> None:
        self._ring = ring
        self._key = key

    def tell(self, what: Atom, group: Group, pids: list[Pid]) -> None:
        """Take a change of any group of the scope."""
        if group.key == self._key:
            self._ring.follow(group.nodes())


@final
class RingChanges(Stream[RingChange]):
    """What becomes of a ring; see ``GroupRing.changes``."""

    def __init__(
        self, ring: GroupRing, streams: list[RingChanges], runtime: Any, limit: int
    ) -> None:
        super().__init__(runtime.node_monitors, limit)
        self.ring = ring
        self._streams = streams

    def _begin(self) -> None:
        self._streams.append(self)
        if self.ring.closed:
            self.stop()

    def _end(self) -> None:
        self._streams.remove(self)
