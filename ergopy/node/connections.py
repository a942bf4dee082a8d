"""The table of peers: dialling, being dialled, and which connection wins.

At most one connection per pair of nodes; ``attempts`` says what happens when the two
dial each other at the same time. A peer that dials while we think it is connected is
asked whether it means it, and when it has proved the cookie, its old connection ends
before the new one begins.

Whatever goes wrong with one peer is logged, and is the loss of that peer only. There
is one exception, as on a BEAM: a node that got its name from a peer (protocol 2.4)
loses it with the connection to that peer, and all other connections with it.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import trio

from etf import Atom

from ..dist.connect import Decision
from ..dist.flags import WITH_HEADER, Flag, offered
from ..dist.handshake import Connected, Identity, NameReceived
from ..dist.transport import Transport
from ..errors import ConnectError
from . import naming
from .attempts import COURTESY, Attempt, Guests
from .dispatch import Dispatcher
from .given_names import GivenNames
from .peer import Peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..dist.coding import Coding
    from ..dist.handshake import Answer
    from ..dist.limits import LinkLimits
    from ..dist.network import Socket
    from ..process.runtime import Runtime
    from .dialling import Dialling

logger = logging.getLogger("ergopy.node")

_POLL = 0.01


class Connections:
    """All peers of one node. It is the gate of the listener and dials for peers.

    Args:
        runtime: The processes, which hear of what becomes of peers.
        dialling: How to reach a node.
        serve_spawn: Called with each spawn request of a peer.
        hidden: Whether connections that we begin are hidden.
        net_ticktime: Seconds of silence after which a peer is down.
        limits: What one connection may claim.
        coding: Makes what encodes and decodes.
        high_water: Bytes queued for a peer above which senders wait.
        named_by: The peer that this node has its name from, if so.
        on_nameless: Called when the connection to that peer is lost.
    """

    def __init__(
        self,
        runtime: Runtime,
        dialling: Dialling,
        serve_spawn: Callable[[Peer, Any, Any], None],
        *,
        hidden: bool,
        net_ticktime: float,
        limits: LinkLimits,
        coding: Coding,
        high_water: int,
        named_by: str | None = None,
        on_nameless: Callable[[], object] | None = None,
    ) -> None:
        self.runtime = runtime
        runtime.encode_options, runtime.decode_options = coding.encode, coding.decode
        self.peers: dict[str, Peer] = {}
        """Those that are up, or are being dialled."""
        # A name costs no memory any more when nothing is left that refers to it.
        self._others: WeakValueDictionary[str, Peer] = WeakValueDictionary()
        self._dialling = dialling
        self._serve_spawn = serve_spawn
        self._offered = offered(hidden=hidden)
        self._net_ticktime = net_ticktime
        self._limits = limits
        self._coding = coding
        self.high_water = high_water
        self._named_by = named_by
        self._on_nameless = on_nameless
        self._attempts: dict[str, Attempt] = {}
        self._guests = Guests()
        self._given = GivenNames(lambda name: name in self.peers)
        self._count = 0
        self.bytes_before = (0, 0)
        """Bytes received and sent by the connections that have ended."""
        self._closed: str | None = None

    def __repr__(self) -> str:
        return f"<Connections of {self.runtime.name}: {len(self.peers)} peers>"

    @property
    def identity(self) -> Identity:
        """What we say about ourselves in a handshake."""
        return Identity(self.runtime.name, self.runtime.creation, self._offered)

    @property
    def net_ticktime(self) -> float:
        """Seconds of silence after which a peer is down; of all connections."""
        return self._net_ticktime

    @net_ticktime.setter
    def net_ticktime(self, seconds: float) -> None:
        self._net_ticktime = seconds
        for peer in self.up():
            if peer.transport is not None:
                peer.transport.net_ticktime = seconds

    def peer(self, name: str) -> Peer:
        """Return the peer of that name, connected or not."""
        peer = self.peers.get(name)
        if peer is None:
            peer = self._others.get(name)
        if peer is None:
            atom = Atom(name)
            peer = Peer(atom, self.runtime, self, self.high_water, self._coding)
            self._others[atom] = peer
        return peer

    def up(self) -> list[Peer]:
        """Return the connected peers."""
        return [peer for peer in self.peers.values() if peer.transport is not None]

    def known(self) -> Iterator[Atom]:
        """Give the names of all peers that something here refers to."""
        for table in (self.peers, dict(self._others)):
            for peer in table.values():
                yield peer.name

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
                error = attempt.error or ConnectError(name, "the connection was lost")
                raise error.with_traceback(None)
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
        self._drop(peer, "disconnected", Atom("disconnect"))
        return True

    async def drain(self, seconds: float) -> None:
        """Give what is queued for peers that read it *seconds* to leave."""
        with trio.move_on_after(seconds):
            while self._unsent():  # noqa: ASYNC110 - once in the life of a node
                await trio.sleep(_POLL)

    def _unsent(self) -> bool:
        transports = [peer.transport for peer in self.up()]
        return any(transport.pending() for transport in transports if transport)

    def close_all(self, reason: str = "this node stops") -> None:
        """End every connection and attempt, and let no other begin."""
        self._closed = reason
        for name, attempt in self._attempts.items():
            attempt.error = ConnectError(name, reason)
            attempt.finish()
        for peer in self.up():
            if peer.transport is not None:
                peer.transport.drain()
                peer.transport.close(reason, Atom("net_kernel_terminated"))

    def decide(self, who: NameReceived) -> Decision:
        """Say what to answer a node that dials us."""
        name, own = who.name, self.runtime.name
        if not self._dialling.allowed.permits(name):
            logger.warning("%s may not connect: it is not in allow=", name)
            return Decision("not_allowed")
        if who.dynamic:
            return self._name(who)
        if name == own:
            logger.warning("another node that is called %s dialled this one", name)
            return Decision("nok")
        attempt = self._attempts.get(name)
        peer = self.peers.get(name)
        status: Answer
        if peer is not None and peer.transport is not None:
            status = "alive"
        elif attempt is None or attempt.waits:
            status = "ok"
        elif name < own:
            return Decision("nok")
        else:
            status = "ok_simultaneous"
        over = partial(self._left, name, self._guests.enter(name))
        return Decision(status, self._dialling.cookies.of(name), over=over)

    def _name(self, who: NameReceived) -> Decision:
        """Give a name to a node that has none."""
        name, creation = self._given.give(who.name)

        def over(connected: bool) -> None:
            if not connected:
                self._given.withdraw(name)

        cookie = self._dialling.cookies.own
        return Decision("ok", cookie, name, creation, over=over)

    def _left(self, name: str, guest: trio.Event, connected: bool) -> None:
        self._guests.leave(name, guest)
        attempt = self._attempts.get(name)
        if attempt is not None and not connected:
            attempt.stir()

    def replace(self, name: str) -> None:
        """Make room for the connection of a peer that has proved the cookie."""
        attempt = self._attempts.get(name)
        if attempt is not None:
            attempt.give_way()
        self._drop_old(name)

    def _drop_old(self, name: str) -> None:
        peer = self.peers.get(name)
        if peer is not None and peer.transport is not None:
            self._drop(peer, "the peer made a new connection", Atom("wait_pending"))

    def established(self, sock: Socket, link: Connected) -> None:
        """Put a connection into use whose handshake is complete."""
        self._drop_old(link.peer)
        if self._closed is not None:
            sock.close()
            return
        peer = self.peer(link.peer)
        self.peers[peer.name] = peer
        self._count += 1
        peer.connection_id = self._count
        header = bool(link.flags & WITH_HEADER)
        transport = Transport(
            sock,
            self._coding.decoder(header=header, limits=self._limits),
            Dispatcher(peer, self.runtime, self._serve_spawn).deliver,
            self.runtime,
            net_ticktime=self._net_ticktime,
            high_water=self.high_water,
        )
        assert self.runtime.nursery is not None
        self.runtime.nursery.start_soon(self._run, peer, transport, link.surplus)
        kind = "" if link.flags & Flag.PUBLISHED else " (hidden)"
        logger.info("connected to %s%s", link.peer, kind, extra=self._extra(peer))
        peer.up(transport, self._coding.encoder(link.flags), link.creation, link.flags)
        # If it is the peer's connection, ours need not be made any more.
        attempt = self._attempts.pop(link.peer, None)
        if attempt is not None:
            attempt.finish()
        hidden = not link.flags & Flag.PUBLISHED
        self.runtime.node_changed(peer.name, up=True, hidden=hidden)

    async def _run(self, peer: Peer, transport: Transport, surplus: bytes) -> None:
        try:
            await transport.run(surplus)
        except Exception:
            logger.exception(
                "the connection to %s crashed", peer.name, extra=self._extra(peer)
            )
        finally:
            if peer.transport is transport:
                self._lost(peer, transport)

    def _drop(self, peer: Peer, reason: str, cause: Atom) -> None:
        transport = peer.transport
        assert transport is not None
        transport.drain()
        transport.close(reason, cause)
        self._lost(peer, transport)

    def _lost(self, peer: Peer, transport: Transport) -> None:
        if transport.error is None:
            text, level = "connection to %s ended: %s", logging.INFO
        else:
            text = "invalid distribution message from %s: %s; closing the connection"
            level = logging.WARNING
        logger.log(level, text, peer.name, transport.closed, extra=self._extra(peer))
        received, sent = self.bytes_before
        self.bytes_before = (
            received + transport.bytes_in,
            sent + transport.bytes_out,
        )
        self._given.release(peer.name)
        self._rest(peer)
        if peer.name == self._named_by and self._closed is None:
            self._lose_name()

    def _lose_name(self) -> None:
        reason = f"{self._named_by} gave this node its name, and is not connected"
        logger.warning("%s has no name any more: %s", self.runtime.name, reason)
        self.close_all(reason)
        if self._on_nameless is not None:
            self._on_nameless()

    def _rest(self, peer: Peer) -> None:
        """Let a peer be down; what its end makes begin is already the next attempt."""
        self.peers.pop(peer.name, None)
        self._others[peer.name] = peer
        peer.lost()

    def _begin(self, peer: Peer) -> Attempt:
        attempt = self._attempts.get(peer.name)
        if attempt is None:
            attempt = self._attempts[peer.name] = Attempt(peer.name)
            self.peers[peer.name] = peer
            nursery = self.runtime.nursery
            if nursery is None or self.runtime.closing or self._closed is not None:
                problem = self._closed or "this node is not running"
                attempt.error = ConnectError(peer.name, problem)
                self._end(peer, attempt)
            else:
                nursery.start_soon(self._attempt, peer, attempt)
        return attempt

    async def _attempt(self, peer: Peer, attempt: Attempt) -> None:
        dial = partial(self._dial, peer, attempt)
        try:
            # It may be on the way to us.
            await self._guests.gone(peer.name)
            if not attempt.done.is_set():
                await attempt.run(dial, self._dialling.setup_time + COURTESY)
        except ConnectError as error:
            # Its frames would keep the peer, and the attempt itself.
            attempt.error = error.with_traceback(None)
        except Exception as error:
            logger.exception("dialling %s crashed", peer.name, extra=self._extra(peer))
            attempt.error = ConnectError(peer.name, f"dialling it crashed: {error!r}")
        finally:
            self._end(peer, attempt)

    async def _dial(self, peer: Peer, attempt: Attempt) -> None:
        own = self.runtime.name
        sock, link = await self._dialling.dial(self.identity, own, peer.name)
        if attempt.waits or attempt.done.is_set():
            # Just now the peer's own connection went first.
            sock.close()
        else:
            self.established(sock, link)

    def _end(self, peer: Peer, attempt: Attempt) -> None:
        attempt.finish()
        if self._attempts.get(peer.name) is attempt:
            del self._attempts[peer.name]
            error = attempt.error or ConnectError(peer.name, "given up")
            peer.problem = error.problem
            logger.info("no connection: %s", error, extra=self._extra(peer))
            self._rest(peer)

    def _extra(self, peer: Peer) -> dict[str, str]:
        return {"node": self.runtime.name, "peer": peer.name}
