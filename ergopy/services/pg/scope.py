"""One scope of a node: its table, what it tells the others, and who wants to know.

The table belongs to the node and outlives the process: when that is restarted it has
the members of this node at once, and asks the other nodes for theirs. A member that
ends is out of its groups in the very step in which it is known that it ends.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, final

from etf import Atom, Pid

from ...dist.flags import Flag
from ...errors import ErgopyError
from ...process.atoms import GEN_CAST
from . import messages as says
from .server import ScopeServer
from .table import JOIN, LEAVE, Group, Peer, Table, TooManyMembers, key_of

if TYPE_CHECKING:
    from etf import Reference

    from ...node.peer import Peer as Way
    from ...process.process import Process
    from .changes import Listener

logger = logging.getLogger("ergopy.pg")

MAY_HAVE_SCOPES = Flag.PUBLISHED | Flag.SPAWN
"""What a node has one of if it can be asked. A C node has none: it reads the answer to
its question and would take ours for that."""

SEEK = 5.0
"""Seconds between two questions to a node whose new scope would not tell us."""


@final
class Scope:
    """See the module. *node* is the :class:`ergopy.Node`."""

    def __init__(self, node: Any, name: Atom) -> None:
        self._node = node
        self.runtime = node.runtime
        self.name = name
        self.table = Table(self._tell)
        self.process: Process | None = None
        """The process of the scope, while there is one."""
        self.supervised = False
        """Whether somebody else starts the process again when it ends."""
        self.listeners: list[Listener] = []
        self._peers: dict[Atom, Peer] = {}
        self._watches: dict[Reference, Watch] = {}
        self._of_group: dict[Any, dict[Reference, Watch]] = {}
        self._seeking = False
        self.runtime.node_watchers.append(self._node_changed)

    # The process.

    def begin(self) -> None:
        """Start the process, without waiting for it.

        Raises:
            NameTaken: Another process has the name of the scope.
        """
        server = ScopeServer()
        args = ((self.name,), None)
        # Its parent is the node, whichever process asks for the scope.
        process = self.runtime.spawn(server.enter, args, name=self.name)
        self.attach(process)

    def attach(self, process: Process) -> None:
        """Let *process* be that of the scope, and ask who else is there."""
        if self.process is process:
            return
        self.process = process
        process.watchers[self] = self
        for peer in self._node.connections.up():
            self._discover(peer)
        self._seek()

    def fire(self, reason: Any) -> None:
        """Hear that the process has ended."""
        self.process = None
        for peer in list(self._peers.values()):
            self._forget(peer)
        if not self.supervised and not self.runtime.closing:
            logger.warning("scope %s of pg is started again", self.name)
            try:
                self.begin()
            except ErgopyError:
                logger.exception("scope %s of pg could not be started", self.name)

    # Members of this node.

    def join(self, group: Any, pids: list[Pid]) -> None:
        """Let processes of this node join."""
        key_of(group)
        # One that has ended meanwhile would leave at once.
        living = []
        for pid in pids:
            process = self.runtime.find(pid)
            if process is not None and process.alive:
                living.append(pid)
                if not self.table.is_joined(pid):
                    process.claim(self, _Member(self, pid))
        if living:
            self.table.join(group, living)
            self._broadcast((JOIN, None, group, living))

    def leave(self, group: Any, pids: list[Pid]) -> bool:
        """Let processes of this node leave; return whether any was in it."""
        left = self.table.leave(group, pids)
        if left:
            for pid in left:
                self._release(pid)
            self._broadcast((LEAVE, None, left, [group]))
        return bool(left)

    def _release(self, pid: Pid) -> None:
        process = self.runtime.find(pid)
        if process is not None and not self.table.is_joined(pid):
            process.unclaim(self)

    def member_gone(self, pid: Pid) -> None:
        """Hear that a member ends."""
        groups = self.table.drop(pid)
        if groups:
            self._broadcast((LEAVE, None, pid, groups))

    # Who wants to know.

    def watch(self, process: Process, group: Any = None) -> Reference:
        """Send *process* the changes of a group, or of all if it is None."""
        key = None if group is None else key_of(group[0])
        ref: Reference = self.runtime.new_reference()
        self._watches[ref] = watch = Watch(self, process, ref, key)
        self._of_group.setdefault(key, {})[ref] = watch
        process.claim(watch, watch)
        return ref

    def unwatch(self, ref: Reference) -> Process | None:
        """Send no more; return who had it."""
        watch = self._watches.pop(ref, None)
        if watch is None:
            return None
        watch.process.unclaim(watch)
        others = self._of_group[watch.key]
        del others[ref]
        if not others:
            del self._of_group[watch.key]
        return watch.process

    def _tell(self, what: Atom, group: Group, pids: list[Pid]) -> None:
        if self._watches:
            for key in (None, group.key):
                for ref, watch in list(self._of_group.get(key, {}).items()):
                    watch.process.deliver((ref, what, group.term, list(pids)))
        for listener in self.listeners:
            listener.tell(what, group, pids)

    # The other nodes.

    def receive(self, message: Any) -> bool:
        """Take what another scope says; return whether it was that."""
        match message:
            case says.Discover(pid):
                self._discovered(pid)
            case says.Sync(pid, state):
                if (peer := self._meet(pid)) is not None:
                    self._limited(pid, self.table.sync, peer, state)
            case says.Join(pid, group, pids):
                if (peer := self._known(pid)) is not None:
                    self._limited(pid, self.table.remote_join, peer, group, pids)
            case says.Leave(pid, pids, groups):
                if (peer := self._known(pid)) is not None:
                    self.table.remote_leave(peer, pids, groups)
            case _:
                return False
        return True

    def peer_down(self, ref: Reference) -> None:
        """Hear that the scope of another node has ended, or is out of reach."""
        for peer in list(self._peers.values()):
            if peer.ref == ref:
                self._forget(peer)
                self._seek()

    def peers(self) -> list[Pid]:
        """Return the scopes of the other nodes that are known."""
        return [peer.pid for peer in self._peers.values()]

    def _discovered(self, pid: Pid) -> None:
        way = self._way(pid.node)
        if way is None or self.process is None:
            return
        own = self.process.pid
        is_new = self._known(pid) is None
        peer = self._meet(pid)
        if peer is None:
            return
        way.send(own, pid, (GEN_CAST, (says.SYNC, own, self.table.all_local())))
        if is_new:
            way.send(own, pid, (says.DISCOVER, own))

    def _known(self, pid: Pid) -> Peer | None:
        peer = self._peers.get(pid.node)
        return peer if peer is not None and peer.pid == pid else None

    def _meet(self, pid: Pid) -> Peer | None:
        """Know the scope of another node, if that is connected."""
        known = self._known(pid)
        if known is not None:
            return known
        if self.process is None or self._way(pid.node) is None:
            return None
        former = self._peers.get(pid.node)
        if former is not None:
            # A node has one scope of a name: the former has ended.
            self._forget(former)
        peer = Peer(pid, self.process.monitor_nowait(pid))
        self._peers[pid.node] = peer
        return peer

    def _forget(self, peer: Peer) -> None:
        del self._peers[peer.pid.node]
        if self.process is not None and self.process.alive:
            self.process.demonitor(peer.ref)
        self.table.forget(peer)

    def _limited(self, pid: Pid, take: Any, *args: Any) -> None:
        try:
            take(*args)
        except TooManyMembers:
            logger.error(
                "scope %s of %s has too many members; disconnecting it",
                self.name,
                pid.node,
            )
            self._node.disconnect(pid.node)

    def _broadcast(self, message: tuple[Any, ...]) -> None:
        """Tell the other scopes, in the name of ours. It is encoded once."""
        if self.process is None or not self._peers:
            return
        own = self.process.pid
        message = (message[0], own, *message[2:])
        payload: bytes | None = None
        for peer in self._peers.values():
            way = self._way(peer.pid.node)
            if way is not None:
                if payload is None:
                    payload = way.encode(message)
                way.send_many(own, [peer.pid], payload)

    def _way(self, node: Atom) -> Way | None:
        """Return the way to a node that is connected: pg connects to none."""
        way: Way | None = self._node.connections.peers.get(node)
        return way if way is not None and way.transport is not None else None

    def _node_changed(self, name: str, up: bool) -> None:
        way = self._way(Atom(name)) if up else None
        if way is not None:
            self._discover(way)
            self._seek()

    def _discover(self, way: Way) -> None:
        if self.process is not None and way.flags & MAY_HAVE_SCOPES:
            own = self.process.pid
            way.send_name(own, self.name, (says.DISCOVER, own))

    def _seek(self) -> None:
        """Ask again where a scope that is started later would not ask us.

        A BEAM's scope asks the visible nodes when it starts: not those that it has a
        hidden connection to.
        """
        if not self._seeking and self._unseen():
            self._seeking = True
            self.runtime.timers.start(SEEK, self._seek_again)

    def _seek_again(self) -> None:
        self._seeking = False
        for way in self._unseen():
            self._discover(way)
        self._seek()

    def _unseen(self) -> list[Way]:
        if self._node.hidden:
            ways = self._node.connections.up()
        else:
            hidden = self._node.nodes("hidden")
            ways = [way for name in hidden if (way := self._way(name)) is not None]
        return [
            way
            for way in ways
            if way.flags & MAY_HAVE_SCOPES and way.name not in self._peers
        ]


@final
class Watch:
    """A process that is sent the changes of a group, or of all: *key* is None."""

    __slots__ = ("_scope", "key", "process", "ref")

    def __init__(
        self, scope: Scope, process: Process, ref: Reference, key: Any
    ) -> None:
        self._scope = scope
        self.process = process
        self.ref = ref
        self.key = key

    def fire(self, reason: Any) -> None:
        """Hear that it ends."""
        self._scope.unwatch(self.ref)


@final
class _Member:
    """Hears that a member ends."""

    __slots__ = ("_pid", "_scope")

    def __init__(self, scope: Scope, pid: Pid) -> None:
        self._scope = scope
        self._pid = pid

    def fire(self, reason: Any) -> None:
        self._scope.member_gone(self._pid)
