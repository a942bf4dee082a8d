"""The verbs of a node about other nodes: who is connected, who may be, and how."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, overload

from ..dist.flags import Flag
from ..errors import ErgopyError
from ..process.configured import require_of_running
from ..process.node_monitors import NodeFilter
from .node_events import NodeEvents
from .stream import LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etf import Atom

    from ..process.runtime import Runtime
    from .allowed import AllowList
    from .connections import Connections
    from .cookies import Cookies
    from .peer import Peer

_KINDS = ("visible", "hidden", "connected", "this", "known")


class Membership:
    """What a node is told and asked about its cluster."""

    _name: Atom
    _cookies: Cookies
    _allowed: AllowList
    _net_ticktime: float
    _runtime: Runtime | None = None
    _connections: Connections | None = None

    @property
    def name(self) -> Atom:
        """The full name; ``node()``."""
        return self._name

    @property
    def creation(self) -> int:
        """The number that tells this start of the node from earlier ones."""
        return self.runtime.creation

    @property
    def runtime(self) -> Runtime:
        """The tables behind the node; for the layers above, not for programs."""
        if self._runtime is None:
            raise ErgopyError(f"{self!r} is not running: use 'async with'")
        return self._runtime

    @property
    def connections(self) -> Connections:
        """The table of peers; for the layers above, not for programs."""
        if self._connections is None:
            raise ErgopyError(f"{self!r} is not running: use 'async with'")
        return self._connections

    @overload
    def nodes(self, kind: str | Iterable[str] = ...) -> list[Atom]: ...

    @overload
    def nodes(
        self, kind: str | Iterable[str] = ..., *, info: bool
    ) -> dict[Atom, dict[str, Any]]: ...

    def nodes(
        self, kind: str | Iterable[str] = "visible", *, info: bool = False
    ) -> list[Atom] | dict[Atom, dict[str, Any]]:
        """Return the nodes of a kind, or of several kinds; ``nodes/0,1,2``.

        *kind* is ``"visible"``, ``"hidden"``, ``"connected"`` (both), ``"this"``, or
        ``"known"``: this one, those that are connected or being dialled, and those
        that a link, a monitor or the like here refers to.

        With *info* the answer is a dict from the name to a dict with
        ``connection_id``, a number that no other connection of this node has, and
        ``node_type``: ``"visible"``, ``"hidden"``, ``"this"`` or ``"known"``. The
        number is None without a connection.
        """
        kinds = [kind] if isinstance(kind, str) else list(kind)
        for one in kinds:
            if one not in _KINDS:
                raise ValueError(f"kind is one of {', '.join(_KINDS)}, not {one!r}")
        found = self._nodes(kinds)
        return found if info else list(found)

    def _nodes(self, kinds: list[str]) -> dict[Atom, dict[str, Any]]:
        connections = self.connections
        found: dict[Atom, dict[str, Any]] = {}
        if "this" in kinds or "known" in kinds:
            found[self._name] = {"connection_id": None, "node_type": "this"}
        for peer in connections.up():
            kind = _kind(peer)
            if not {kind, "connected", "known"}.isdisjoint(kinds):
                number = peer.connection_id
                found[peer.name] = {"connection_id": number, "node_type": kind}
        if "known" in kinds:
            for name in connections.known():
                found.setdefault(name, {"connection_id": None, "node_type": "known"})
        return found

    async def connect(self, peer: str) -> None:
        """Connect to a node, unless it is connected; ``net_kernel:connect_node/1``.

        Raises:
            NodeNameError: The name cannot work.
            ConnectError: Why not: NodeNotFound, CookieMismatch, MissingFlags, ...

        Cancelling it leaves the attempt running, for others that wait for it.
        """
        if peer != self._name:
            require_of_running(self.runtime, "may_distribute")
            await self.connections.connect(peer)

    def disconnect(self, peer: str) -> bool:
        """End the connection to a node; ``erlang:disconnect_node/1``.

        False if there is none. An attempt to connect goes on, as on a BEAM. The next
        signal to the node connects again.
        """
        return self.connections.disconnect(peer)

    def set_cookie(self, peer: str, cookie: str) -> None:
        """Use a cookie with one peer; ``erlang:set_cookie/2``.

        With the name of this node it is the cookie for all peers that have none of
        their own. It counts from the next handshake on; connections that are up stay.

        Raises:
            ValueError: It is no possible cookie.
        """
        if peer == self._name:
            self._cookies.set_own(cookie)
        else:
            self._cookies.set(peer, cookie)

    def get_cookie(self, peer: str | None = None) -> str:
        """Return the cookie of this node, or that for *peer*; ``get_cookie/0,1``."""
        return self._cookies.own if peer is None else self._cookies.of(peer)

    def allow(self, peers: Iterable[str]) -> None:
        """Let only these connect, beside those allowed before; ``net_kernel:allow/1``.

        See ``allow=`` of :class:`~ergopy.Node` for what an entry can be. It counts
        from the next handshake on, in both directions; nobody can be taken off the
        list again.

        Raises:
            TypeError: *peers* is one name.
            ValueError: One of them is no possible entry.
        """
        self._allowed.add(peers)

    @property
    def allowed(self) -> list[str] | None:
        """Who may connect; None is everybody."""
        return self._allowed.entries

    def monitor_nodes(
        self,
        *,
        node_type: str | None = None,
        nodedown_reason: bool = False,
        limit: int = LIMIT,
    ) -> NodeEvents:
        """Hear of all nodes that connect or are lost, outside of any process.

        ``async with node.monitor_nodes() as events: async for event in events: ...``
        gives ``NodeUpMessage`` and ``NodeDownMessage``; see ``Process.monitor_nodes``
        for the options. Of more than *limit* events that wait the oldest are dropped,
        and counted in ``events.dropped``. The loop ends with the node.

        Raises:
            ValueError: There is no such *node_type*, or *limit* is below 1.
        """
        nodes = NodeFilter(node_type, nodedown_reason)
        nodes.check()
        return NodeEvents(self.runtime.node_monitors, nodes, limit)

    @property
    def net_ticktime(self) -> float:
        """Seconds without a sign of life after which a peer is down.

        Setting it counts for all connections, each from its next tick on:
        ``net_kernel:set_net_ticktime/1`` without a transition period. As on BEAMs it
        should be the same on all nodes of a cluster. An idle peer with a shorter time
        is answered when it ticks; one that sends all the while, and hears nothing for
        its own time, gives us up.
        """
        return self._net_ticktime

    @net_ticktime.setter
    def net_ticktime(self, seconds: float) -> None:
        check_above_zero(net_ticktime=seconds)
        self._net_ticktime = seconds
        if self._connections is not None:
            self._connections.net_ticktime = seconds


def _kind(peer: Peer) -> str:
    return "visible" if peer.flags & Flag.PUBLISHED else "hidden"


def check_above_zero(**options: float) -> None:
    """Refuse what is no number above zero.

    Raises:
        ValueError: It names the option.
    """
    for name, value in options.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name}= is a number above 0, not {value!r}")


def check_one_of(**options: tuple[object, tuple[object, ...]]) -> None:
    """Refuse what is none of the values that an option can have.

    Raises:
        ValueError: It names the option, and the values.
    """
    for name, (value, possible) in options.items():
        if value not in possible:
            known = ", ".join(map(repr, possible))
            raise ValueError(f"{name}= is one of {known}, not {value!r}")
