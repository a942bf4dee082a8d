"""How two nodes become one cluster: the steps of ``global`` between them.

Each greets the other with ``init_connect``. The lockers of both then take the lock of
all nodes on their side, under the same id. When both have it each sends its names; the
one with the lesser name settles conflicts. What each side has to change is exchanged,
done, and told to all others as ``new_nodes`` before the locks are given back. A tag of
each side goes with every step, so that what belongs to an earlier attempt is known.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, final

from etf import Atom, Pid, same

from ...process.atoms import GEN_CAST
from .actions import Cancel, Him, Log, Rejoin, Resolve, Send, StopResolving, Tell
from .words import (
    ACK,
    CANCEL_CONNECT,
    EXCHANGE,
    INIT_CONNECT,
    LOCK,
    LOCKER,
    MAX_RESTARTS,
    NEW_NODES,
    NO_LONGER_A_PID,
    PREVENTS,
    RESOLVED,
    UNUSED,
    VERIFIES,
    VERSION,
    VSN,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from .actions import Action
    from .cluster import Cluster
    from .names import Names
    from .words import NamedPid

_INFO, _WARNING = 20, 30

_IS_SET: Any = object()
"""Our lock is set, and his names have not come."""


@final
class Session:
    """What there is between this node and another one until they are one cluster."""

    __slots__ = (
        "his_tag",
        "lock",
        "my_tag",
        "nodes",
        "ops",
        "theirs",
        "version",
        "wait",
    )

    def __init__(self, my_tag: int) -> None:
        self.my_tag = my_tag
        self.his_tag: Any = None
        self.version = 0
        self.wait: Any = None
        """``_IS_SET``, or the names that came before our lock was set."""
        self.lock: Any = None
        """The id of the lock, when both sides have it."""
        self.nodes: frozenset[Atom] = frozenset()
        """Those of the processes whose names we have sent."""
        self.ops: list[Any] | None = None
        """What there is to do on our side, when that is known."""
        self.theirs: tuple[Any, ...] | None = None
        """What he said before that was known."""


@final
class Sessions:
    """The beginnings that are under way.

    Args:
        own: The name of this node.
        locker: Its locker.
        cluster: The nodes that belong together already.
        names: Their names.
        emit: Takes actions.
        apply: Does operations on names, of that node, with extra information.
    """

    def __init__(
        self,
        own: Atom,
        locker: Pid,
        cluster: Cluster,
        names: Names,
        emit: Callable[[Action], object],
        apply: Callable[[list[Any], Atom, Any, list[Any]], object],
    ) -> None:
        self._own = own
        self._locker = locker
        self._cluster = cluster
        self._names = names
        self._emit = emit
        self._apply = apply
        self._tags = itertools.count(1)
        self.by_node: dict[Atom, Session] = {}
        self.restarts: dict[Atom, int] = {}
        """How often it was begun anew, over the connection that there is."""

    def begin(self, node: Atom) -> None:
        """Greet a node that has connected, unless it belongs to us already."""
        if node in self._cluster.known or node in self.by_node:
            return
        session = self.by_node[node] = Session(next(self._tags))
        locker: Any = (LOCKER, NO_LONGER_A_PID, {}, self._locker)
        tag = (VERSION, session.my_tag)
        self._cast(node, (INIT_CONNECT, tag, self._own, locker))

    def greeted(self, node: Atom, version: int, his_tag: Any, locker: Pid) -> None:
        """Take ``init_connect``."""
        if node in self._cluster.pending:
            if version < VERIFIES:
                text = "global: %s of an old version (%d) begins again; ignored"
                self._emit(Log(_INFO, text, (node, version)))
                return
            # Both begin anew; the greeting that is here now still counts.
            self._send(node, (CANCEL_CONNECT, self._own, his_tag))
            self._restart(node)
        session = self.by_node.get(node)
        if session is None:
            # It belongs to us already, or is not connected any more; or it will be told
            # by in_sync.
            return
        session.version = min(version, VERSION)
        session.his_tag = his_tag
        him = Him(node, locker, session.version, his_tag, session.my_tag)
        self._emit(Tell(him))
        if version >= VERIFIES and node not in self._cluster.known:
            # Behind our in_sync it would be out of step; see acknowledged.
            self._send(node, (ACK, self._own, his_tag, session.my_tag))
        self._cluster.pending[node] = version

    def acknowledged(self, node: Atom, my_tag: Any, his_tag: Any) -> None:
        """Take ``init_connect_ack``: both have to mean the same attempt.

        Others may have made us one cluster meanwhile, and ours is over. OTP takes that
        for out of step; who is told so from OTP 26 on forgets the names of the other
        one's processes, and nobody gives them again.
        """
        if node in self._cluster.known:
            return
        session = self.by_node.get(node)
        is_his = session is not None and same(session.his_tag, his_tag)
        if is_his and self._is(node, my_tag):
            return
        self._send(node, (CANCEL_CONNECT, self._own, his_tag))
        if session is not None:
            self._restart(node)

    def taken_back(self, node: Atom, my_tag: Any) -> None:
        """Take ``cancel_connect``."""
        if not self._is(node, my_tag):
            return
        if node in self._cluster.known:
            self._cancel_silently(node)
        else:
            self._restart(node)

    def _restart(self, node: Atom) -> None:
        self.end(node)
        count = self.restarts[node] = self.restarts.get(node, 0) + 1
        if count <= MAX_RESTARTS:
            self.begin(node)
            return
        # Each takes what the other one does as a reason to begin anew.
        self.connect_again(node)

    def connect_again(self, node: Atom) -> None:
        """Have another connection made to a node that is out of step with us.

        It can happen after connections that came and went in a moment.
        """
        text = "global: %s is not in step with %s, and connects to it again"
        self._emit(Log(_WARNING, text, (self._own, node)))
        self._emit(Rejoin(node))

    def lock_is_set(self, node: Atom, my_tag: Any, lock: Any) -> None:
        """Take from our locker that both sides have the lock: send our names."""
        session = self.by_node.get(node)
        if session is None or session.my_tag != my_tag:
            self._cancel(node, my_tag)
            return
        names = self._names.all()
        self._cast(node, (EXCHANGE, self._own, names, [], session.his_tag))
        session.lock = lock
        session.nodes = frozenset(pid.node for _, pid, _ in names)
        if session.wait is None:
            session.wait = _IS_SET
        elif session.wait is not _IS_SET:
            names, session.wait = session.wait, None
            self._emit(Resolve(node, session.my_tag, names))

    def exchange(self, node: Atom, names: list[NamedPid], my_tag: Any) -> None:
        """Take the names of the other side."""
        session = self.by_node.get(node)
        if session is None or session.my_tag != my_tag:
            self._cancel(node, my_tag)
        elif session.wait is _IS_SET:
            session.wait = None
            self._emit(Resolve(node, session.my_tag, names))
        else:
            session.wait = names

    def exchanged(
        self, node: Atom, my_tag: int, ops: list[Any], resolved: list[Any]
    ) -> None:
        """Take what both sides have to do, now that conflicts are settled."""
        session = self.by_node.get(node)
        if session is None or session.my_tag != my_tag:
            return
        known = self._cluster.listed(self._cluster.version_of(node))
        external = self._names.external()
        answer = (RESOLVED, self._own, resolved, known, UNUSED, external)
        self._cast(node, (*answer, session.his_tag))
        session.ops = ops
        if session.theirs is not None:
            self._join(node, session, *session.theirs)

    def resolved(
        self, node: Atom, ops: list[Any], known: list[Any], external: Any, my_tag: Any
    ) -> None:
        """Take what the other side says that we have to do."""
        session = self.by_node.get(node)
        if session is None or session.my_tag != my_tag:
            self._cancel(node, my_tag)
            return
        session.theirs = (ops, known, external)
        if session.ops is not None:
            self._join(node, session, *session.theirs)

    def _join(
        self,
        node: Atom,
        session: Session,
        theirs: list[Any],
        his_known: list[tuple[Atom, int]],
        external: list[Any],
    ) -> None:
        """Become one cluster with a node, and with all that belong to it."""
        cluster = self._cluster
        ops = [*(session.ops or ()), *theirs]
        added = [(node, 0), *his_known]
        added = [(n, v or cluster.version_of(n)) for n, v in added]
        others = [name for name, _ in his_known if name != self._own]
        cluster.greet(others)
        extra = [(VSN, session.version), (LOCK, session.lock)]
        self._apply(ops, self._own, external, extra)
        cluster.synced_with(node)
        for other in others:
            self._cancel_silently(other)
        message = (NEW_NODES, self._own, ops, external)
        plain = [name for name, _ in added]
        # The locker sends them before it gives the lock back.
        messages = tuple(
            Send(
                name,
                (GEN_CAST, (*message, added if v >= PREVENTS else plain, extra)),
                connect=True,
            )
            for name, v in cluster.known.items()
        )
        self._cancel_silently(node, messages)
        cluster.add(added)
        cluster.synced[node] = None
        self.restarts.pop(node, None)

    def _cancel_silently(self, node: Atom, messages: tuple[Send, ...] = ()) -> None:
        # He goes on, or is done: there is nothing to take back.
        self._cluster.pending.pop(node, None)
        self.end(node, messages)

    def lost(self, node: Atom, *, was_known: bool) -> None:
        """Take the loss of a node: what was said of it to others is not true any more.

        They would keep its names, and count it as one of us.
        """
        for other, session in list(self.by_node.items()):
            if session.lock is not None and (was_known or node in session.nodes):
                self._restart(other)

    def in_sync(self, node: Atom) -> None:
        """Take that a node belongs to us, or takes no part."""
        self._cancel_silently(node)

    def end(self, node: Atom, messages: tuple[Send, ...] = ()) -> None:
        """Give up, or be done with, what is under way with a node."""
        session = self.by_node.get(node)
        self._cancel(node, None if session is None else session.my_tag, messages)
        self.by_node.pop(node, None)
        self._cluster.pending.pop(node, None)

    def _cancel(self, node: Atom, tag: Any, messages: tuple[Send, ...] = ()) -> None:
        self._emit(Tell(Cancel(node, tag, messages)))
        session = self.by_node.get(node)
        if session is None or tag is None or session.my_tag != tag:
            return
        if self._cluster.pending.get(node, 0) >= VERIFIES:
            self._send(node, (CANCEL_CONNECT, self._own, session.his_tag))
        self._emit(StopResolving(node, tag))

    def _is(self, node: Atom, my_tag: Any) -> bool:
        session = self.by_node.get(node)
        return session is not None and session.my_tag == my_tag

    def is_ours(self, locker: Pid, my_tag: Any) -> bool:
        """Tell whether that locker speaks of the attempt that is under way."""
        return self._is(locker.node, my_tag)

    def _send(self, node: Atom, message: Any) -> None:
        self._emit(Send(node, message))

    def _cast(self, node: Atom, message: Any) -> None:
        self._emit(Send(node, (GEN_CAST, message), connect=True))
