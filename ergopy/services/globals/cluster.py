"""The nodes that keep the same names: who they are, and who waits to be in sync."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from .actions import Greet, Known, Log, Reply, Seek, Send, Tell
from .words import MAX_KNOWN, MAX_WAITING, OK, PREVENTS, VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from etf import Atom

    from .actions import Action

_ERROR = 40


@final
class Syncer:
    """A call of ``sync`` that waits."""

    __slots__ = ("from_", "nodes")

    def __init__(self, from_: Any, nodes: Iterable[Atom]) -> None:
        self.from_ = from_
        self.nodes = set(nodes)


@final
class Cluster:
    """What the node knows of the others. *emit* takes actions."""

    def __init__(
        self, own: Atom, emit: Callable[[Action], object], limit: int = MAX_KNOWN
    ) -> None:
        self._own = own
        self._emit = emit
        self._limit = limit
        self.known: dict[Atom, int] = {}
        """The nodes of the cluster, and the version of their protocol; 0 is unknown."""
        self.pending: dict[Atom, int] = {}
        """Nodes that have begun to become part of it."""
        self.removing: set[Atom] = set()
        """Nodes that are being removed, and whose connection is to end."""
        self.synced: dict[Atom, None] = {}
        self.syncers: list[Syncer] = []
        self._full = False

    def listed(self, version: int) -> list[Any]:
        """Return the nodes in the form that a node of that version wants."""
        return list(self.known.items()) if version >= PREVENTS else list(self.known)

    def version_of(self, node: Atom) -> int:
        """Return the version of the protocol of a node; 0 is unknown."""
        if node == self._own:
            return VERSION
        return self.known.get(node) or self.pending.get(node, 0)

    def is_perhaps_known(self, node: Atom) -> bool:
        """Tell whether a node belongs to us, or is about to."""
        return node in self.known or node in self.pending

    def add(self, nodes: Iterable[tuple[Atom, int]]) -> list[Atom]:
        """Add nodes; return those that are new."""
        new = []
        for node, version in nodes:
            if node == self._own:
                continue
            if node in self.known:
                self.known[node] = self.known[node] or version
            elif len(self.known) < self._limit:
                self.known[node] = version
                new.append(node)
            elif not self._full:
                self._full = True
                text = "global: there are %d nodes; others are not believed in"
                self._emit(Log(_ERROR, text, (self._limit,)))
        self._emit(Tell(Known(added=tuple(new))))
        return new

    def remove(self, node: Atom) -> None:
        """Forget a node."""
        self._emit(Tell(Known(removed=node)))
        self.pending.pop(node, None)
        self.synced.pop(node, None)
        if self.known.pop(node, None) is not None:
            self._full = False

    def greet(self, nodes: Iterable[Atom]) -> None:
        """Connect to nodes that belong to us, and say so."""
        for node in nodes:
            self._emit(Greet(node))

    def tell(self, message: Any, *, but: Atom) -> None:
        """Send *message* to all that understand it, but to one."""
        for table in (self.known, self.pending):
            for node, version in table.items():
                if version >= PREVENTS and node != but:
                    self._emit(Send(node, message))

    def wait(self, nodes: Iterable[Atom], from_: Any) -> None:
        """Answer *from_* with ``ok`` when we are in sync with all of *nodes*."""
        left = {n for n in nodes if n != self._own and n not in self.synced}
        if not left:
            self._emit(Reply(from_, OK))
            return
        if len(self.syncers) >= MAX_WAITING:
            self._emit(Reply(self.syncers.pop(0).from_, OK))
        self.syncers.append(Syncer(from_, left))
        for node in left:
            self._emit(Seek(node))

    def synced_with(self, node: Atom) -> None:
        """Let those go on who wait for that node alone: it is in sync, or gone."""
        for syncer in [s for s in self.syncers if node in s.nodes]:
            syncer.nodes.discard(node)
            if not syncer.nodes:
                self.syncers.remove(syncer)
                self._emit(Reply(syncer.from_, OK))
