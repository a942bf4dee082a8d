"""The name server of ``global`` as a machine: messages in, actions out.

This object does no I/O, and never waits. Time and randomness come from outside. What it
is given may be anything at all: what is no message of ``global`` is ignored, as there.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, final

from etf import Atom, Pid

from ...gen.registry.keys import mark_of
from ...process.atoms import BADARG, ERROR, UNDEFINED
from .actions import Check, Disconnect, Later, LockSet, Log, Reply, Send, Tell
from .cluster import Cluster
from .locks import Locks
from .losses import Losses
from .names import Names
from .sessions import Sessions
from .words import (
    INSERT,
    LOST_CONNECTION,
    MAX_KNOWN,
    MAX_LOCKS,
    MAX_NAMES,
    MAX_WAITING,
    OK,
    PREVENTS,
    REMOVE_CONNECTION,
    VERSION,
    YES,
    external,
    is_node,
    lock_of,
    named_pids,
    node_versions,
    operations,
)

if TYPE_CHECKING:
    import random

    from .actions import Action

_WARNING = 30
_SMALLEST = 1 << 59

AGAIN = 8.0
"""Seconds at most until a question for a name is asked again, while names change."""


@final
class Machine:
    """The name server of one start of a node.

    Args:
        own: The name of the node.
        creation: Which start of the node it is.
        locker: The pid of its locker.
        rng: Where randomness comes from.
        connect_all: Whether nodes that connect are joined; ``-connect_all`` of ``erl``.
        prevent: Whether overlapping partitions are prevented.
    """

    def __init__(
        self,
        own: Atom,
        creation: int,
        locker: Pid,
        rng: random.Random,
        *,
        connect_all: bool = True,
        prevent: bool = True,
        max_names: int = MAX_NAMES,
        max_locks: int = MAX_LOCKS,
    ) -> None:
        self.own = own
        self.connect_all = connect_all
        self.prevent = prevent
        self.closing = False
        """Set when the node ends: a connection that ends then is not lost."""
        self._rng = rng
        # It tells one start of the name server from another.
        extension = rng.randrange(2 * _SMALLEST - 1) & ~0xFFFF_FFFF
        self._creation = extension + creation + _SMALLEST
        self._numbers = itertools.count(1)
        self._keys = itertools.count(1)
        self._actions: list[Action] = []
        emit, new_key = self._actions.append, self._keys.__next__
        self.names = Names(emit, new_key, max_names)
        self.locks = Locks(emit, new_key, max_locks)
        self.cluster = Cluster(own, emit)
        self.sessions = Sessions(
            own, locker, self.cluster, self.names, emit, self._apply
        )
        self._losses = Losses()
        self._put_off = 0
        self._emit = emit

    def actions(self) -> list[Action]:
        """Return what is to be done, in order, since this was asked before."""
        actions, self._actions[:] = self._actions[:], []
        return actions

    def call(self, request: Any, from_: Any) -> bool:
        """Take a call; return False if it is none that is known, and not answered."""
        caller = from_[0] if isinstance(from_, tuple) and from_ else None
        if caller.__class__ is not Pid:
            return False
        match request:
            case (Atom("set_lock"), (resource, requester)):
                answer: Any = self.locks.set(resource, requester, caller)
            case (Atom("del_lock"), (resource, requester)):
                self.locks.delete(resource, requester, caller)
                answer = True
            case (Atom("register"), name, Pid() as pid, method):
                self._insert(name, pid, method, caller)
                answer = YES
            case (Atom("register_ext"), name, Pid() as pid, method, node) if is_node(
                node
            ):
                self._insert(name, pid, method, caller, watched_by=node)
                answer = YES
            case (Atom("unregister"), name):
                self.names.delete(name)
                answer = OK
            case (Atom("sync"), list() as nodes):
                self.cluster.wait(filter(is_node, nodes), from_)
                return True
            case Atom("get_known"):
                answer = self.cluster.listed(0)
            case Atom("get_synced"):
                answer = list(self.cluster.synced)
            case Atom("get_protocol_version"):
                answer = VERSION
            case Atom("get_names_ext"):
                answer = self.names.external()
            case (
                Atom("set_lock" | "del_lock" | "register" | "register_ext" | "sync"),
                *_,
            ):
                answer = (ERROR, BADARG)
            case _:
                return False
        self._emit(Reply(from_, answer))
        return True

    def cast(self, request: Any) -> bool:
        """Take a cast; return False if it is none that is known."""
        sessions = self.sessions
        match request:
            case (Atom("init_connect"), tuple() as version, node, locker):
                return self._greeted(version, node, locker)
            case (Atom("lock_is_set"), node, tag, lock) if is_node(node):
                sessions.lock_is_set(node, tag, lock)
            case (Atom("exchange"), node, names, _, tag) if is_node(node):
                sessions.exchange(node, named_pids(names), tag)
            case (Atom("resolved"), node, ops, known, _, ext, tag) if is_node(node):
                known = node_versions(known)
                sessions.resolved(node, operations(ops), known, external(ext), tag)
            case (Atom("new_nodes"), node, ops, ext, nodes, extra) if is_node(node):
                added = self.cluster.add(node_versions(nodes))
                self.cluster.greet(added)
                extra = extra if isinstance(extra, list) else []
                self._apply(operations(ops), node, external(ext), extra)
            case (Atom("in_sync"), node, _) if is_node(node):
                self.cluster.synced_with(node)
                if len(self.cluster.synced) < MAX_KNOWN:
                    self.cluster.synced[node] = None
                sessions.in_sync(node)
                if node not in self.cluster.known:
                    self._emit(Check(node))
            case (Atom("lock_set"), Pid() as locker, bool() as is_set, _, tag):
                if sessions.is_ours(locker, tag):
                    self._emit(Tell(LockSet(locker, is_set, tag)))
            case (Atom("lock_set"), Pid() as locker, bool() as is_set, _):
                self._emit(Tell(LockSet(locker, is_set, None)))
            case (Atom("async_del_name" | "async_del_lock"), *_):
                # Of releases that are long gone.
                pass
            case _:
                return False
        return True

    def _greeted(self, version: tuple[Any, ...], node: Any, locker: Any) -> bool:
        match version, locker:
            case (int() as number, tag, *_), (_, _, _, Pid() as pid) if is_node(node):
                self.sessions.greeted(node, number, tag, pid)
                return True
        return False

    def info(self, message: Any, now: float) -> bool:
        """Take any other message; return False if it is none that is known."""
        match message:
            case (Atom("init_connect_ack"), node, my_tag, his_tag) if is_node(node):
                self.sessions.acknowledged(node, my_tag, his_tag)
            case (Atom("cancel_connect"), node, my_tag) if is_node(node):
                self.sessions.taken_back(node, my_tag)
            case (Atom("lost_connection"), node, creation, int() as number, lost) if (
                is_node(node) and is_node(lost)
            ):
                if self._prevents and self._losses.is_new(
                    node, creation, number, lost, now
                ):
                    self._lost(message, node, lost)
            case (Atom("remove_connection"), node) if is_node(node):
                self._remove(node)
            case (Atom("whereis"), name, from_):
                self._whereis(message, name, from_)
            case _:
                return False
        return True

    @property
    def _prevents(self) -> bool:
        return self.connect_all and self.prevent and not self.closing

    def node_up(self, node: Atom) -> None:
        """Take that a visible node has connected."""
        if self.connect_all:
            self.sessions.begin(node)

    def node_down(self, node: Atom) -> None:
        """Take that a visible node is not connected any more."""
        self.locks.node_down(node)
        self.names.node_down(node)
        self.sessions.restarts.pop(node, None)
        self.cluster.synced_with(node)
        self._forget(node)
        if node in self.cluster.removing:
            self.cluster.removing.discard(node)
        elif self._prevents:
            number = next(self._numbers)
            lost = (LOST_CONNECTION, self.own, self._creation, number, node)
            self.cluster.tell(lost, but=node)

    def unreachable(self, node: Atom) -> None:
        """Take that a node of the cluster cannot be connected to."""
        text = "global: %s cannot connect to %s"
        self._emit(Log(_WARNING, text, (self.own, node)))
        self.node_down(node)

    def is_outside(self, node: Atom) -> bool:
        """Tell whether a node is connected, but is not one of us or about to be."""
        others = self.cluster.known.keys() | self.sessions.by_node.keys()
        return node in self.cluster.synced and node not in others

    def out_of_step(self, node: Atom) -> None:
        """Take that a node outside counts us in."""
        if self.is_outside(node):
            self.sessions.connect_again(node)

    def not_found(self, node: Atom) -> None:
        """Take that a node that somebody wants to be in sync with is not there."""
        self.cluster.synced_with(node)

    def down(self, key: int) -> None:
        """Take the end of a process that was watched."""
        if not self.locks.down(key):
            self.names.down(key)

    def exchanged(
        self, node: Atom, tag: int, ops: list[Any], theirs: list[Any]
    ) -> None:
        """Take what came of ``Resolve``."""
        self.sessions.exchanged(node, tag, ops, theirs)

    def _forget(self, node: Atom) -> None:
        was_known = node in self.cluster.known
        self.sessions.end(node)
        self.cluster.remove(node)
        self.sessions.lost(node, was_known=was_known)

    def _lost(self, message: Any, node: Atom, lost: Atom) -> None:
        """Part with who was lost to another, so that all have lost it."""
        self.cluster.tell(message, but=node)
        # Who has lost us will be lost by us: all others part with us.
        whom = node if lost == self.own else lost
        if not self.cluster.is_perhaps_known(whom):
            return
        what = "asks for the end of the connection to"
        if self.cluster.version_of(whom) >= PREVENTS:
            self._emit(Send(whom, (REMOVE_CONNECTION, self.own)))
        else:
            what = "ends the connection to"
            self._emit(Disconnect(whom))
        self._part(whom, what)

    def _remove(self, node: Atom) -> None:
        # Or he knew us, and we have not heard of it yet: nobody will tell us now.
        if self.cluster.is_perhaps_known(node) or self.is_outside(node):
            self._emit(Disconnect(node))
            self._part(node, "ends the connection to")

    def _part(self, node: Atom, what: str) -> None:
        self._forget(node)
        # The connection may last: who does not know us does not end it.
        self.names.node_down(node)
        self.cluster.removing.add(node)
        text = "global: %s %s %s, to prevent overlapping partitions"
        self._emit(Log(_WARNING, text, (self.own, what, node)))

    def again(self, message: Any) -> None:
        """Take what was put off with ``Later``."""
        self._put_off -= 1
        self._whereis(message, *message[1:])

    def _whereis(self, message: Any, name: Any, from_: Any) -> None:
        if self.locks.of_all is None or self._put_off >= MAX_WAITING:
            entry = self.names.find(name)
            self._emit(Reply(from_, UNDEFINED if entry is None else entry.pid))
        else:
            self._put_off += 1
            self._emit(Later(self._rng.uniform(0.0, AGAIN), message))

    def _apply(self, ops: list[Any], node: Atom, ext: Any, extra: list[Any]) -> None:
        """Do operations: those that insert first, as everywhere."""
        watched = {(mark_of(n), p): w for n, p, w in ext}
        for what, item in ops:
            if what is INSERT:
                name, pid, method = item
                by = watched.get((mark_of(name), pid))
                self._insert(name, pid, method, node, extra, watched_by=by)
        for what, item in ops:
            if what is not INSERT:
                self.names.delete(item)

    def _insert(
        self,
        name: Any,
        pid: Pid,
        method: Any,
        by: Pid | Atom,
        extra: Any = (),
        *,
        watched_by: Atom | None = None,
    ) -> None:
        """Insert a name for who has the lock: a registrar, or a node that joins."""
        self.names.insert(name, pid, method, watched_by)
        if not (self._is_of_us(by) and self._lock_is_still_set(by, extra)):
            # Who had the lock was lost, and it was delayed until after that.
            self.names.delete(name)

    def _is_of_us(self, by: Pid | Atom) -> bool:
        """Tell whether a registrar is of a node that belongs to us.

        It may have locked us over a connection that was lost, and go on over the next
        one: the others of our cluster do not hear of its names before it joins again.
        """
        if not isinstance(by, Pid):
            return True
        return by.node == self.own or by.node in self.cluster.known

    def _lock_is_still_set(self, by: Pid | Atom, extra: Any) -> bool:
        lock = self.locks.of_all
        if lock is None:
            return not self.locks.global_was_lost
        if isinstance(by, Pid):
            return by in lock.holders
        match lock_of(extra):
            case (_, requester):
                return bool(mark_of(requester) == mark_of(lock.requester))
        return False
