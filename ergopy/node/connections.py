"""The table of peers: dialling, being dialled, and which connection wins.

At most one connection per pair of nodes. Two that dial each other at the same time
are told apart by name, the greater one's attempt goes on (protocol 2.3); ours gives
way to it, and is made again if that one comes to nothing. A peer that dials while we
think it is connected is asked whether it means it, and when it has proved the cookie,
its old connection ends before the new one begins.

Whatever goes wrong with one peer is logged, and is the loss of that peer only.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import trio

import epmd
from etf import Atom

from ..dist import old_forms
from ..dist.connect import Decision, dial
from ..dist.flags import WITH_HEADER, Flag, offered
from ..dist.handshake import Connected, Connector, Identity, NameReceived
from ..dist.link import LinkDecoder, LinkEncoder
from ..dist.transport import Transport
from ..errors import AlreadyConnected, ConnectError, NodeNotFound, NotAllowed
from . import naming
from .dispatch import Dispatcher
from .peer import Peer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ..abc import Resolver
    from ..dist.limits import LinkLimits
    from ..dist.network import Network, Socket
    from ..process.runtime import Runtime

logger = logging.getLogger("ergopy.node")


class _Attempt:
    """A connection being made, and those who wait for it."""

    def __init__(self) -> None:
        self.done = trio.Event()
        """It is over, whether or not the peer is up."""
        self.error: ConnectError | None = None
        self.renew()

    def renew(self) -> None:
        """Begin to dial, for the first time or again."""
        self.scope = trio.CancelScope()
        self.yields = False
        self._settled = trio.Event()

    def give_way(self) -> None:
        """Let the peer's own attempt go first; ours waits for it."""
        self.yields = True
        self.scope.cancel()

    def settle(self) -> None:
        """The attempt of the peer is over."""
        self._settled.set()

    async def settled(self, seconds: float) -> bool:
        """Wait for that; return whether it was within *seconds*."""
        with trio.move_on_after(seconds):
            await self._settled.wait()
            return True
        return False

    def finish(self) -> None:
        """Let go of everybody who waits."""
        self.done.set()
        self.settle()
        self.scope.cancel()


class Connections:
    """All peers of one node. It is the gate of the listener and dials for peers."""

    def __init__(
        self,
        runtime: Runtime,
        network: Network,
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
        """Those that are up, or are being dialled."""
        # A name costs no memory any more when nothing is left that refers to it.
        self._others: WeakValueDictionary[str, Peer] = WeakValueDictionary()
        self._network = network
        self._resolver = resolver
        self._serve_spawn = serve_spawn
        self._cookie = cookie
        self._cookies = dict(cookies)
        self._offered = offered(hidden=hidden)
        self._allow = None if allow is None else frozenset(allow)
        self._setup_time = setup_time
        self._net_ticktime = net_ticktime
        self._limits = limits
        self._high_water = high_water
        self._attempts: dict[str, _Attempt] = {}
        self._closed = False

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
            peer = self._others.get(name)
        if peer is None:
            atom = Atom(name)
            peer = Peer(atom, self.runtime, self, self._high_water)
            self._others[atom] = peer
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
        self._drop(peer, "disconnected")
        return True

    def close_all(self) -> None:
        """End every connection and attempt, and let no other begin."""
        self._closed = True
        for attempt in self._attempts.values():
            attempt.scope.cancel()
        for peer in self.peers.values():
            if peer.transport is not None:
                peer.transport.flush()
                peer.transport.close("this node stops")

    def decide(self, who: NameReceived) -> Decision:
        """Say what to answer a node that dials us."""
        if self._allow is not None and (who.dynamic or who.name not in self._allow):
            return Decision("not_allowed")
        if who.dynamic:
            name = f"{secrets.token_hex(8).upper()}@{who.name}"
            return Decision("ok", self._cookie, name, secrets.randbits(31) + 4)
        if who.name == self.runtime.name:
            return Decision("nok")
        cookie = self._cookies.get(who.name, self._cookie)
        peer = self.peers.get(who.name)
        if peer is not None and peer.transport is not None:
            return Decision("alive", cookie)
        attempt = self._attempts.get(who.name)
        if attempt is None:
            return Decision("ok", cookie)
        if attempt.yields:
            return Decision("ok", cookie, given_up=attempt.settle)
        if who.name < self.runtime.name:
            return Decision("nok")
        attempt.give_way()
        return Decision("ok_simultaneous", cookie, given_up=attempt.settle)

    def replace(self, name: str) -> None:
        """End the old connection of a peer that has proved to be back."""
        peer = self.peers.get(name)
        if peer is not None and peer.transport is not None:
            self._drop(peer, "the peer made a new connection")

    def established(self, sock: Socket, link: Connected) -> None:
        """Put a connection into use whose handshake is complete."""
        if self._closed:
            sock.close()
            return
        self.replace(link.peer)
        peer = self.peer(link.peer)
        self.peers[peer.name] = peer
        header = bool(link.flags & WITH_HEADER)
        transport = Transport(
            sock,
            LinkDecoder(header=header, limits=self._limits),
            Dispatcher(peer, self.runtime, self._serve_spawn).deliver,
            self.runtime,
            net_ticktime=self._net_ticktime,
            high_water=self._high_water,
        )
        encoder: Any = LinkEncoder(header=header)
        if old_forms.needed(link.flags):
            encoder = old_forms.OldForms(encoder, link.flags)
        assert self.runtime.nursery is not None
        self.runtime.nursery.start_soon(self._run, peer, transport, link.surplus)
        logger.info("connected to %s", link.peer, extra=self._extra(peer))
        peer.up(transport, encoder, link.creation, link.flags)
        # If it is the peer's connection, ours need not be made any more.
        attempt = self._attempts.pop(link.peer, None)
        if attempt is not None:
            attempt.finish()
        self.runtime.node_changed(peer.name, up=True)

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

    def _drop(self, peer: Peer, reason: str) -> None:
        transport = peer.transport
        assert transport is not None
        transport.flush()
        transport.close(reason)
        self._lost(peer, transport)

    def _lost(self, peer: Peer, transport: Transport) -> None:
        if transport.error is None:
            text, level = "connection to %s ended: %s", logging.INFO
        else:
            text = "invalid distribution message from %s: %s; closing the connection"
            level = logging.WARNING
        logger.log(level, text, peer.name, transport.closed, extra=self._extra(peer))
        self._rest(peer)

    def _rest(self, peer: Peer) -> None:
        """Let a peer be down; what its end makes begin is already the next attempt."""
        self.peers.pop(peer.name, None)
        self._others[peer.name] = peer
        peer.lost()

    def _begin(self, peer: Peer) -> _Attempt:
        attempt = self._attempts.get(peer.name)
        if attempt is None:
            attempt = self._attempts[peer.name] = _Attempt()
            self.peers[peer.name] = peer
            nursery = self.runtime.nursery
            if nursery is None or self.runtime.closing:
                attempt.error = ConnectError(peer.name, "this node is not running")
                self._end(peer, attempt)
            else:
                nursery.start_soon(self._attempt, peer, attempt)
        return attempt

    async def _attempt(self, peer: Peer, attempt: _Attempt) -> None:
        try:
            await self._connect(peer, attempt)
        except ConnectError as error:
            # Its frames would keep the peer, and the attempt itself.
            attempt.error = error.with_traceback(None)
        except Exception as error:
            logger.exception("dialling %s crashed", peer.name, extra=self._extra(peer))
            attempt.error = ConnectError(peer.name, f"dialling it crashed: {error!r}")
        finally:
            self._end(peer, attempt)

    async def _connect(self, peer: Peer, attempt: _Attempt) -> None:
        """Dial; if the peer's own attempt goes first and fails, dial once more."""
        for last in (False, True):
            refused: ConnectError | None = None
            try:
                with attempt.scope:
                    await self._dial(peer)
            except AlreadyConnected as error:
                refused, attempt.yields = error.with_traceback(None), True
            if not attempt.yields or attempt.done.is_set():
                return
            over = await attempt.settled(self._setup_time)
            if attempt.done.is_set():
                return
            if last or not over:
                problem = "its own attempt to connect did not finish"
                raise refused or AlreadyConnected(peer.name, problem)
            attempt.renew()

    def _end(self, peer: Peer, attempt: _Attempt) -> None:
        attempt.finish()
        if self._attempts.get(peer.name) is attempt:
            del self._attempts[peer.name]
            error = attempt.error or ConnectError(peer.name, "given up")
            peer.problem = error.problem
            logger.info("no connection: %s", error, extra=self._extra(peer))
            self._rest(peer)

    async def _dial(self, peer: Peer) -> None:
        address = await self._find(peer.name)
        connector = Connector(
            self.identity,
            peer.name,
            self._cookies.get(peer.name, self._cookie),
            challenge=secrets.randbits(32),
            prefix=self._network.prefix,
        )
        sock, link = await dial(
            self._network, *address, connector, setup_time=self._setup_time
        )
        # If there is another connection by now, the peer has given that one up.
        self.established(sock, link)

    async def _find(self, name: str) -> tuple[str, int]:
        if self._allow is not None and name not in self._allow:
            raise NotAllowed(name, "it is not in allow=")
        try:
            naming.check_peer(self.runtime.name, name)
            with trio.fail_after(self._setup_time):
                address = await self._resolver.resolve(name)
        except trio.TooSlowError:
            problem = f"nobody said where it is within {self._setup_time:g} s"
            raise ConnectError(name, problem) from None
        except ConnectError:
            raise
        except (OSError, ValueError, epmd.EpmdError) as error:
            raise ConnectError(name, str(error)) from error
        if address is None:
            raise NodeNotFound(name, "no such name at its EPMD")
        return address

    def _extra(self, peer: Peer) -> dict[str, str]:
        return {"node": self.runtime.name, "peer": peer.name}
