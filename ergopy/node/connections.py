"""The table of peers: dialling, being dialled, and which connection wins.

At most one connection per pair of nodes. Two that dial each other at the same time
are told apart by name, the greater one's attempt goes on (protocol 2.3). A peer that
dials while we think it is connected is asked whether it means it, and when it has
proved the cookie, its old connection ends before the new one begins.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Any

import trio

from etf import Atom

from ..dist.connect import Decision, dial
from ..dist.flags import WITH_HEADER, Flag, offered
from ..dist.handshake import Connected, Connector, Identity, NameReceived
from ..dist.link import LinkDecoder, LinkEncoder
from ..dist.transport import Transport
from ..errors import AlreadyConnected, ConnectError, NodeNotFound
from . import naming
from .dispatch import Dispatcher
from .peer import Peer

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection, Mapping

    from ..abc import Resolver
    from ..dist.limits import LinkLimits
    from ..process.runtime import Runtime

logger = logging.getLogger("ergopy.node")


class _Attempt:
    """A connection being made, and those who wait for it."""

    def __init__(self) -> None:
        self.done = trio.Event()
        self.scope = trio.CancelScope()
        self.error: ConnectError | None = None
        self.yields = False
        """The peer's own attempt goes first; ours waits for it."""


class Connections:
    """All peers of one node. It is the gate of the listener and dials for peers."""

    def __init__(
        self,
        runtime: Runtime,
        resolver: Resolver,
        serve_spawn: Callable[[Peer, Any, Any], None],
        *,
        cookie: str,
        cookies: Mapping[str, str],
        hidden: bool,
        allow: Collection[str] | None,
        setup_time: float,
        net_ticktime: float,
        limits: LinkLimits,
        high_water: int,
    ) -> None:
        self.runtime = runtime
        self.peers: dict[str, Peer] = {}
        self._resolver = resolver
        self._serve_spawn = serve_spawn
        self._cookie = cookie
        self._cookies = dict(cookies)
        self._offered = offered(hidden=hidden)
        self._allow = allow
        self._setup_time = setup_time
        self._net_ticktime = net_ticktime
        self._limits = limits
        self._high_water = high_water
        self._attempts: dict[str, _Attempt] = {}

    def __repr__(self) -> str:
        return f"<Connections of {self.runtime.name}: {len(self.peers)} peers>"

    @property
    def identity(self) -> Identity:
        """What we say about ourselves in a handshake."""
        return Identity(self.runtime.name, self.runtime.creation, self._offered)

    def peer(self, name: str) -> Peer:
        """Return the peer of that name, connected or not."""
        peer = self.peers.get(name)
        if peer is None:
            peer = self.peers[Atom(name)] = Peer(Atom(name), self.runtime, self)
        return peer

    def up(self, *, hidden: bool | None = None) -> list[Atom]:
        """Return the names of the connected peers, all or of one kind."""
        return [
            peer.name
            for peer in self.peers.values()
            if peer.transport is not None
            and hidden in (None, not peer.flags & Flag.PUBLISHED)
        ]

    async def connect(self, name: str) -> Peer:
        """Connect, or find connected.

        Raises:
            NodeNameError: The name cannot work.
            ConnectError: Why there is no connection, by kind.

        Cancelling it leaves the attempt running for whoever else waits for it.
        """
        naming.check_peer(self.runtime.name, name)
        peer = self.peer(name)
        if peer.transport is None:
            attempt = self._begin(peer)
            await attempt.done.wait()
            if peer.transport is None:
                raise attempt.error or ConnectError(name, "the connection was lost")
        return peer

    async def dial(self, peer: Peer) -> bool:
        """Connect *peer* for a signal; return whether it is up. Raises nothing."""
        if peer.transport is None:
            await self._begin(peer).done.wait()
        return peer.transport is not None

    def dial_soon(self, peer: Peer) -> None:
        """Begin to connect *peer*."""
        self._begin(peer)

    def disconnect(self, name: str) -> bool:
        """End the connection to *name*; return whether there was one."""
        peer = self.peers.get(name)
        if peer is None or peer.transport is None:
            return False
        self._drop(peer, "disconnected")
        return True

    def close_all(self) -> None:
        """End every connection and attempt."""
        for attempt in self._attempts.values():
            attempt.scope.cancel()
        for peer in self.peers.values():
            if peer.transport is not None:
                peer.transport.flush()
                peer.transport.close("this node stops")

    def decide(self, who: NameReceived) -> Decision:
        """Say what to answer a node that dials us."""
        if who.dynamic:
            name = f"{secrets.token_hex(8).upper()}@{who.name}"
            return Decision("ok", self._cookie, name, secrets.randbits(31) + 4)
        if self._allow is not None and who.name not in self._allow:
            return Decision("not_allowed")
        if who.name == self.runtime.name:
            return Decision("nok")
        cookie = self._cookies.get(who.name, self._cookie)
        peer = self.peers.get(who.name)
        if peer is not None and peer.transport is not None:
            return Decision("alive", cookie)
        attempt = self._attempts.get(who.name)
        if attempt is None or attempt.yields:
            return Decision("ok", cookie)
        if who.name < self.runtime.name:
            return Decision("nok")
        attempt.yields = True
        attempt.scope.cancel()
        return Decision("ok_simultaneous", cookie)

    def replace(self, name: str) -> None:
        """End the old connection of a peer that has proved to be back."""
        peer = self.peers.get(name)
        if peer is not None and peer.transport is not None:
            self._drop(peer, "the peer made a new connection")

    def established(self, sock: socket.socket, link: Connected) -> None:
        """Put a connection into use whose handshake is complete."""
        peer = self.peer(link.peer)
        if peer.transport is not None:
            self._drop(peer, "the peer made a new connection")
        header = bool(link.flags & WITH_HEADER)
        transport = Transport(
            sock,
            LinkDecoder(header=header, limits=self._limits),
            Dispatcher(peer, self.runtime, self._serve_spawn).deliver,
            self.runtime,
            net_ticktime=self._net_ticktime,
            high_water=self._high_water,
        )
        encoder = LinkEncoder(header=header)
        logger.info("connected to %s", link.peer, extra=self._extra(peer))
        peer.up(transport, encoder, link.creation, link.flags)
        attempt = self._attempts.get(link.peer)
        if attempt is not None:
            attempt.done.set()
        self.runtime.node_changed(peer.name, up=True)
        assert self.runtime.nursery is not None
        self.runtime.nursery.start_soon(self._run, peer, transport, link.surplus)

    async def _run(self, peer: Peer, transport: Transport, surplus: bytes) -> None:
        try:
            await transport.run(surplus)
        finally:
            if peer.transport is transport:
                self._lost(peer, transport.closed or "closed")

    def _drop(self, peer: Peer, reason: str) -> None:
        transport = peer.transport
        assert transport is not None
        transport.flush()
        transport.close(reason)
        self._lost(peer, reason)

    def _lost(self, peer: Peer, reason: str) -> None:
        logger.info(
            "connection to %s ended: %s", peer.name, reason, extra=self._extra(peer)
        )
        peer.lost()

    def _begin(self, peer: Peer) -> _Attempt:
        attempt = self._attempts.get(peer.name)
        if attempt is None:
            attempt = self._attempts[peer.name] = _Attempt()
            nursery = self.runtime.nursery
            if nursery is None or self.runtime.closing:
                attempt.error = ConnectError(peer.name, "this node is not running")
                self._end(peer, attempt)
            else:
                nursery.start_soon(self._attempt, peer, attempt)
        return attempt

    async def _attempt(self, peer: Peer, attempt: _Attempt) -> None:
        try:
            with attempt.scope:
                try:
                    await self._dial(peer)
                except AlreadyConnected as error:
                    attempt.error, attempt.yields = error, True
            if attempt.yields:
                # The peer's own attempt goes on, and ends ours when it succeeds.
                with trio.move_on_after(self._setup_time):
                    await attempt.done.wait()
                attempt.error = attempt.error or AlreadyConnected(
                    peer.name, "its own attempt to connect did not finish"
                )
        except ConnectError as error:
            attempt.error = error
        except (OSError, ValueError) as error:
            attempt.error = ConnectError(peer.name, str(error))
        finally:
            self._end(peer, attempt)

    def _end(self, peer: Peer, attempt: _Attempt) -> None:
        self._attempts.pop(peer.name, None)
        attempt.done.set()
        if peer.transport is None:
            logger.info(
                "no connection: %s",
                attempt.error or f"{peer.name}: given up",
                extra=self._extra(peer),
            )
            peer.lost()

    async def _dial(self, peer: Peer) -> None:
        naming.check_peer(self.runtime.name, peer.name)
        try:
            with trio.fail_after(self._setup_time):
                address = await self._resolver.resolve(peer.name)
        except trio.TooSlowError:
            raise ConnectError(
                peer.name, f"nobody said where it is within {self._setup_time:g} s"
            ) from None
        if address is None:
            raise NodeNotFound(peer.name, "no such name at its EPMD")
        connector = Connector(
            self.identity,
            peer.name,
            self._cookies.get(peer.name, self._cookie),
            challenge=secrets.randbits(32),
        )
        sock, link = await dial(*address, connector, setup_time=self._setup_time)
        if peer.transport is not None:
            sock.close()
            return
        self.established(sock, link)

    def _extra(self, peer: Peer) -> dict[str, str]:
        return {"node": self.runtime.name, "peer": peer.name}
