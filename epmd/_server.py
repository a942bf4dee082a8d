"""A complete EPMD as a Trio task, instead of the one that comes with Erlang.

`serve` is the whole service; `Server` is its state, for those who want to look at it
or to serve a stream of their own. What is answered is decided in ``_registry``.

Limits: a connection has 60 s to say what it wants and as long to take the answer; a
refused ALIVE2 keeps its connection, as in OTP, but here it is closed after those
60 s; connections over the maximum are closed at once. Whatever a peer sends ends its
own connection at worst.
"""

from __future__ import annotations

import errno
import itertools
import logging
import math
import os
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import trio

from ._addresses import default_port, is_local, listen_addresses
from ._errors import CannotListen, EpmdProtocolError, PortBusy
from ._messages import MAX_REQUEST, Request, check_u16, read_request
from ._registry import Answer, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_log = logging.getLogger("epmd")

PACKET_TIMEOUT = 60.0
MAX_CONNECTIONS = 1000
_READ = MAX_REQUEST + 2
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


@dataclass(frozen=True, slots=True)
class ServerStatistics:
    """A look at a `Server`."""

    connections: int
    registered: int
    refused: int
    """Connections closed because there were too many."""


@final
class Server:
    """A running EPMD.

    Args:
        port: The port it is served on; 0 for none, when only streams are served.
        relaxed: See `serve`.
        packet_timeout: Seconds that a connection may keep us waiting.
        max_connections: How many there may be at a time, with registered nodes.
        clock: Gives seconds since the epoch; creations are made of it.

    Attributes:
        registry: The table of names.
        addresses: What it listens on, as (address, port).
    """

    def __init__(
        self,
        port: int = 0,
        *,
        relaxed: bool = False,
        packet_timeout: float = PACKET_TIMEOUT,
        max_connections: int = MAX_CONNECTIONS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.registry = Registry(port, relaxed=relaxed)
        self.addresses: list[tuple[str, int]] = []
        self._packet_timeout = packet_timeout
        self._max_connections = max_connections
        self._clock = clock
        self._scopes: dict[int, trio.CancelScope] = {}
        self._refused = 0
        self._shutdown = trio.Event()
        # Streams without a socket get numbers that no file descriptor has.
        self._numbers = itertools.count(1_000_000)

    @property
    def port(self) -> int:
        """The port that is served."""
        return self.registry.port

    def statistics(self) -> ServerStatistics:
        """Count what there is right now."""
        return ServerStatistics(len(self._scopes), len(self.registry), self._refused)

    async def wait_shutdown(self) -> None:
        """Wait until a KILL request was accepted."""
        await self._shutdown.wait()

    async def serve_stream(
        self, stream: trio.abc.Stream, *, local: bool | None = None
    ) -> None:
        """Serve one connection until it ends, and close it.

        Args:
            stream: The connection.
            local: Whether the peer is on this machine, and so may register. By
                default a socket is asked, and anything else is not.
        """
        owner = self._number(stream)
        if len(self._scopes) >= self._max_connections:
            self._refused += 1
            _log.warning("epmd has %d connections, closing another", len(self._scopes))
            await trio.aclose_forcefully(stream)
            return
        with trio.CancelScope() as scope:
            self._scopes[owner] = scope
            try:
                await self._talk(stream, owner, local)
            except EpmdProtocolError as exc:
                _log.warning("epmd closes a connection: %s", exc)
            except (OSError, trio.BrokenResourceError) as exc:
                _log.debug("epmd lost a connection: %s", exc)
            finally:
                # Before the number is free for another connection.
                self._forget(owner)
                await trio.aclose_forcefully(stream)

    def _number(self, stream: trio.abc.Stream) -> int:
        if isinstance(stream, trio.SocketStream):
            return stream.socket.fileno()
        return next(self._numbers)

    def _forget(self, owner: int) -> None:
        del self._scopes[owner]
        name = self.registry.release(owner)
        if name is not None:
            _log.info("epmd unregistered %r", name)

    async def _talk(
        self, stream: trio.abc.Stream, owner: int, local: bool | None
    ) -> None:
        if local is None:
            local = _is_local_stream(stream)
        with trio.move_on_after(self._packet_timeout) as patience:
            request = await _receive(stream)
            if request is None:
                return
            answer = self.registry.answer(
                request, owner, local=local, now=self._clock()
            )
            await self._carry_out(answer, stream)
            if self.registry.owns(owner):
                patience.deadline = math.inf
                _keep_alive(stream)
            if answer.keep_open:
                # Any byte is as good as the end of the stream.
                await stream.receive_some(1)

    async def _carry_out(self, answer: Answer, stream: trio.abc.Stream) -> None:
        if answer.drop in self._scopes:
            self._scopes[answer.drop].cancel()
        try:
            if answer.data:
                await stream.send_all(answer.data)
        finally:
            if answer.shutdown:
                self._shutdown.set()


async def serve(
    host: str | Iterable[str] | None = None,
    port: int | None = None,
    *,
    relaxed: bool | None = None,
    packet_timeout: float = PACKET_TIMEOUT,
    max_connections: int = MAX_CONNECTIONS,
    clock: Callable[[], float] = time.time,
    task_status: trio.TaskStatus[Server] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve EPMD until cancelled, or until a KILL request is accepted.

    Like the ``epmd`` program, with the same meaning of the environment variables.
    Cancellation closes all connections, so that every node registers anew with
    whoever serves next. To know when it is up::

        server = await nursery.start(epmd.serve, "127.0.0.1", 0)
        print(server.port)

    Args:
        host: The addresses to listen on, beside loopback; by default those of
            ``ERL_EPMD_ADDRESS``, or all.
        port: By default that of `default_port`; 0 takes any that is free.
        relaxed: Honour KILL while nodes are registered, and STOP. By default
            whether ``ERL_EPMD_RELAXED_COMMAND_CHECK`` is set.
        packet_timeout: Seconds that a connection may keep us waiting.
        max_connections: How many there may be at a time, with registered nodes.
        clock: Gives seconds since the epoch; creations are made of it.
        task_status: Told the `Server`.

    Raises:
        PortBusy: Another EPMD, or something else, has the port.
        CannotListen: An address is not ours, or needs a privilege.
    """
    if port is None:
        port = default_port()
    check_u16("port", port)
    if relaxed is None:
        relaxed = bool(os.environ.get("ERL_EPMD_RELAXED_COMMAND_CHECK"))
    listeners = await _listen(listen_addresses(host), port)
    addresses = [_address(listener) for listener in listeners]
    server = Server(
        addresses[0][1],
        relaxed=relaxed,
        packet_timeout=packet_timeout,
        max_connections=max_connections,
        clock=clock,
    )
    server.addresses = addresses
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, server.serve_stream, listeners)
        task_status.started(server)
        await server.wait_shutdown()
        nursery.cancel_scope.cancel()


async def _receive(stream: trio.abc.Stream) -> Request | None:
    """Read the one request of a connection; ``None`` when it ended before that."""
    buffer = bytearray()
    while True:
        data = await stream.receive_some(_READ)
        if not data:
            return None
        buffer += data
        request = read_request(buffer)
        if request is not None:
            return request


async def _listen(hosts: Iterable[str], port: int) -> list[trio.SocketListener]:
    """Listen on every one of *hosts*, with the same port, or on none."""
    listeners: list[trio.SocketListener] = []
    for host in hosts:
        if (host, port) in map(_address, listeners):
            # A host name before it has brought this address already.
            continue
        try:
            listeners += await trio.open_tcp_listeners(port, host=host)
        except OSError as exc:
            if host == "::" and listeners and exc.errno in _NO_IPV6:
                continue
            for listener in listeners:
                await trio.aclose_forcefully(listener)
            error = PortBusy if exc.errno == errno.EADDRINUSE else CannotListen
            raise error(host, port, exc.strerror or str(exc)) from exc
        port = _address(listeners[0])[1]
    return listeners


def _address(listener: trio.SocketListener) -> tuple[str, int]:
    host, port = listener.socket.getsockname()[:2]
    return host, port


def _is_local_stream(stream: trio.abc.Stream) -> bool:
    if not isinstance(stream, trio.SocketStream):
        return False
    peer, own = stream.socket.getpeername(), stream.socket.getsockname()
    return is_local(peer[0], own[0])


def _keep_alive(stream: trio.abc.Stream) -> None:
    if isinstance(stream, trio.SocketStream):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
