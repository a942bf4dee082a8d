"""Who wants to hear of nodes that come and go.

Two ways, as on the BEAM. ``monitor_node`` watches one node, visible or hidden, and is
over with its first message, which is ``nodedown``; it counts, so that two give two.
``monitor_nodes`` watches all of some kind until it is ended, and can say why a node
was lost.

A node that is lost is told to the first kind after the exit signals of links, among the
monitors of processes over there, each in its turn; and to the second after everything
else. All of it comes before anything that arrives on the next connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, final

from .atoms import HIDDEN, NODE_TYPE, NODEDOWN_REASON, VISIBLE
from .messages import NodeDownMessage, NodeUpMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from etf import Atom

    from .signals import RemoteNode, Signals
    from .timers import Timers

PASSIVE_WAIT = 7.0
"""Seconds that a node has to connect itself, if it may and we cannot connect to it."""

_KINDS = (None, "visible", "hidden", "all")


class Subscriber(Protocol):
    """Who can be told of all nodes: a process, or what a program outside of one has."""

    def deliver(self, message: Any) -> None: ...


class Stream(Subscriber, Protocol):
    """A subscriber that is no process."""

    def stop(self) -> None:
        """Expect no more."""


class NodeFilter(NamedTuple):
    """Which nodes are told of, and how much; two with the same values are the same."""

    node_type: str | None = None
    nodedown_reason: bool = False

    def check(self) -> None:
        """Raise ValueError if there is no such kind of node."""
        if self.node_type not in _KINDS:
            raise ValueError(
                f"node_type= is 'visible', 'hidden' or 'all', not {self.node_type!r}"
            )

    def wants(self, hidden: bool) -> bool:
        """Tell whether a node of that kind is told of."""
        if self.node_type == "all":
            return True
        return (self.node_type == "hidden") is hidden

    def up(self, node: Atom, hidden: bool) -> NodeUpMessage:
        """Make the message that *node* is connected."""
        if self == _PLAIN:
            return NodeUpMessage(node)
        return NodeUpMessage(node, self._kind(hidden))

    def down(self, node: Atom, hidden: bool, reason: Any) -> NodeDownMessage:
        """Make the message that *node* is lost."""
        if self == _PLAIN:
            return NodeDownMessage(node)
        why = [(NODEDOWN_REASON, reason)] if self.nodedown_reason else []
        return NodeDownMessage(node, why + self._kind(hidden))

    def _kind(self, hidden: bool) -> list[Any]:
        if self.node_type is None:
            return []
        return [(NODE_TYPE, HIDDEN if hidden else VISIBLE)]


_PLAIN = NodeFilter()


@final
class NodeWatch:
    """What one process asked to hear of one node; fired as its other monitors are."""

    __slots__ = ("count", "node", "passive", "process", "table", "waiting")

    def __init__(
        self, table: NodeMonitors, process: Signals, node: Atom, passive: bool
    ) -> None:
        self.table = table
        self.process = process
        self.node = node
        self.passive = passive
        self.waiting = False
        """It cannot be connected to, and has some time left to connect itself."""
        self.count = 1

    def fire(self, reason: Any) -> None:
        self.table.fired(self)


@final
class NodeMonitors:
    """The tables of one node."""

    def __init__(self, timers: Timers, way_to: Callable[[str], RemoteNode]) -> None:
        self._timers = timers
        self._way_to = way_to
        self._of_one: dict[Signals, dict[Atom, NodeWatch]] = {}
        self._of_all: dict[Subscriber, dict[NodeFilter, int]] = {}
        self._passive: dict[Atom, list[NodeWatch]] = {}
        self.streams: list[Stream] = []
        """Subscribers that are no processes: they end with the node."""

    def watch(self, process: Signals, node: Atom, *, passive: bool = False) -> None:
        """Tell *process* once more when *node* is lost, and begin to connect."""
        way = self._way_to(node)
        watches = self._of_one.setdefault(process, {})
        watch = watches.get(node)
        if watch is not None:
            watch.count += 1
            return
        watch = watches[node] = NodeWatch(self, process, node, passive)
        if passive:
            self._passive.setdefault(node, []).append(watch)
        way.watch_node(watch)

    def unwatch(self, process: Signals, node: Atom) -> None:
        """Take one back, if there is one."""
        watch = self._of_one.get(process, {}).get(node)
        if watch is not None:
            watch.count -= 1
            if watch.count == 0:
                self._way_to(node).unwatch_node(watch)
                self._drop(watch)

    def subscribe(self, subscriber: Subscriber, nodes: NodeFilter) -> None:
        """Tell of all nodes of a kind, once more."""
        counts = self._of_all.setdefault(subscriber, {})
        counts[nodes] = counts.get(nodes, 0) + 1

    def unsubscribe(self, subscriber: Subscriber, nodes: NodeFilter) -> None:
        """End all subscriptions with the same options."""
        counts = self._of_all.get(subscriber, {})
        counts.pop(nodes, None)
        if not counts:
            self._of_all.pop(subscriber, None)

    def forget(self, process: Signals) -> None:
        """Drop all that a process watches; part of its end."""
        if self._of_all:
            self._of_all.pop(process, None)
        if process in self._of_one:
            for watch in list(self._of_one[process].values()):
                self._way_to(watch.node).unwatch_node(watch)
                self._drop(watch)

    def up(self, node: Atom, *, hidden: bool) -> None:
        """Tell those who want to hear of it that *node* is connected."""
        for watch in self._passive.pop(node, ()):
            watch.passive = False
            if watch.waiting:
                self._way_to(node).watch_node(watch)
        for subscriber, counts in list(self._of_all.items()):
            # Whoever is told may unsubscribe at once.
            for nodes, count in list(counts.items()):
                if nodes.wants(hidden):
                    self._tell(subscriber, nodes.up(node, hidden), count)

    def fired(self, watch: NodeWatch) -> None:
        """Tell that the node of *watch* is lost, or out of reach."""
        if watch.passive:
            watch.waiting = True
            self._timers.start(PASSIVE_WAIT, lambda: self._give_up(watch))
        else:
            count = watch.count
            self._drop(watch)
            self._tell(watch.process, NodeDownMessage(watch.node), count)

    def down(self, node: Atom, *, hidden: bool, reason: Any) -> None:
        """Tell those who watch all nodes that the connection to *node* is lost."""
        for subscriber, counts in list(self._of_all.items()):
            # Whoever is told may unsubscribe at once.
            for nodes, count in list(counts.items()):
                if nodes.wants(hidden):
                    self._tell(subscriber, nodes.down(node, hidden, reason), count)

    def stop(self) -> None:
        """Let the streams end with the node."""
        for stream in self.streams:
            stream.stop()

    def is_empty(self) -> bool:
        """Tell whether nobody watches anything."""
        return not (self._of_one or self._of_all or self._passive)

    def _give_up(self, watch: NodeWatch) -> None:
        # It may have ended, or the node have come, while the timer ran.
        if watch.passive and watch.count:
            watch.passive = False
            self.fired(watch)

    def _drop(self, watch: NodeWatch) -> None:
        process, node = watch.process, watch.node
        watch.count = 0
        watches = self._of_one[process]
        del watches[node]
        if not watches:
            del self._of_one[process]
        waiting = self._passive.get(node)
        if waiting is not None and watch in waiting:
            waiting.remove(watch)
            if not waiting:
                del self._passive[node]

    def _tell(self, subscriber: Subscriber, message: Any, count: int) -> None:
        for _ in range(count):
            subscriber.deliver(message)
