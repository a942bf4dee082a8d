"""An EPMD on a real loopback port, and one behind memory streams for a mock clock."""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest
import trio
import trio.testing

import epmd

Handler: TypeAlias = Callable[[trio.abc.Stream], Awaitable[None]]


class Network:
    """Connects to handlers by port number, with no sockets and in no time."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._ports: dict[int, Handler] = {}
        self._scopes: dict[int, list[trio.CancelScope]] = {}
        self.attempts: list[float] = []

    def serve(self, port: int) -> epmd.Server:
        """Run an EPMD behind *port*."""
        server = epmd.Server(port, clock=trio.current_time)

        async def handler(stream: trio.abc.Stream) -> None:
            await server.serve_stream(stream, local=True)

        self.handle(port, handler)
        return server

    def handle(self, port: int, handler: Handler) -> None:
        """Let *handler* have each connection to *port*."""
        self._ports[port] = handler
        self._scopes[port] = []

    def down(self, port: int) -> None:
        """End what runs behind *port*, with its connections."""
        del self._ports[port]
        for scope in self._scopes.pop(port):
            scope.cancel()

    async def connect(self, host: str, port: int) -> trio.abc.Stream:
        """Stand in for a TCP connection."""
        self.attempts.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        if port not in self._ports:
            raise OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        ours, theirs = trio.testing.memory_stream_pair()
        scope = trio.CancelScope()
        self._scopes[port].append(scope)
        self._nursery.start_soon(self._run, self._ports[port], scope, theirs)
        return ours

    async def _run(
        self, handler: Handler, scope: trio.CancelScope, stream: trio.abc.Stream
    ) -> None:
        with scope:
            await handler(stream)
        await trio.aclose_forcefully(stream)


@pytest.fixture
async def network(nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch) -> Network:
    """A network of memory streams, for everything that would open a socket."""
    network = Network(nursery)
    monkeypatch.setattr("epmd._client.connect", network.connect)
    monkeypatch.setattr("epmd._registration.connect", network.connect)
    return network


@pytest.fixture
async def server(nursery: trio.Nursery) -> epmd.Server:
    """An EPMD on a free loopback port."""
    served: epmd.Server = await nursery.start(epmd.serve, "127.0.0.1", 0)
    return served
