"""The life of a node: how it comes up, ends in order, or fails."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Self

import trio

from etf import Atom

from ..dist.listener import serve
from ..errors import ErgopyError
from ..process.reasons import unwrap
from ..process.runtime import Runtime
from ..process.watchdog import Watchdog
from . import listening
from .connections import Connections
from .spawn import SpawnServer
from .stopping import hold, stop, throw
from .verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AsyncExitStack
    from types import TracebackType

    import epmd

    from ..dist.network import Listener, Network
    from .dialling import Dialling
    from .exports import Exports
    from .from_thread import FromThread

    Service = Callable[[Any], Awaitable[object]]

logger = logging.getLogger("ergopy.node")


class Life(Verbs):
    """What a node does from ``async with`` on until it has ended."""

    grace: float
    hidden: bool
    port: int
    exports: Exports
    from_thread: FromThread
    listeners: Sequence[Listener]
    """Where it listens."""
    _closed: trio.Event
    _dialling: Dialling
    _entered: bool
    _environment: Mapping[str, Any]
    _failure: Exception | None
    _first_name: Atom
    _host: str
    _hosts: list[str]
    _mapper: epmd.PortMapper
    _namers: list[str]
    _network: Network
    _of_runtime: dict[str, Any]
    _options: dict[str, Any]
    _ports: tuple[int, int]
    _services: Sequence[Service]
    _setup_time: float
    _stack: AsyncExitStack
    _watchdog: float | None

    async def __aenter__(self) -> Self:
        if self._entered:
            raise ErgopyError(f"{self!r} runs already; make a new Node to run another")
        self._entered = True
        if self._closed.is_set():
            self._closed = trio.Event()
        try:
            await self._bring_up()
        except BaseException as error:
            if self._runtime is not None and self._runtime.nursery is not None:
                self._runtime.nursery.cancel_scope.cancel()
            await self._leave(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        with trio.CancelScope(shield=True):
            await self._wind_down()
        return await self._leave(kind, error, trace)

    async def _leave(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        try:
            return await self._stack.__aexit__(kind, error, trace)
        except BaseExceptionGroup as group:
            # The nurseries inside would show a plain error as a group of one.
            only = unwrap(group)
            if error is not None and only is error:
                return False
            if only is self._failure:
                raise only from None
            raise
        finally:
            self.from_thread.close()
            if self._runtime is not None:
                self._runtime.node_monitors.stop()
            self._runtime = self._connections = None
            self._name = self._first_name
            self._entered = False
            self._closed.set()

    async def _bring_up(self) -> None:
        self._door = trio.CancelScope()
        self.listeners = ()
        if self._namers:
            await self._stack.enter_async_context(self._mapper)
            peer, sock, link = await self._dialling.join(self._host, self._namers)
            self._stack.callback(sock.close)
            self._name = Atom(link.name)
            connections = await self._start(link.own_creation, named_by=peer)
            connections.established(sock, link)
            logger.info("%s named this node %s", peer, self._name)
            return
        listeners = self._network.listen(self._name, self._hosts, self._ports)
        for listener in listeners:
            self._stack.callback(listener.close)
        self.port = listeners[0].port
        self.listeners = listeners
        await self._stack.enter_async_context(self._mapper)
        creation = await listening.register(
            self._mapper, self._name, self.port, self.hidden
        )
        connections = await self._start(creation)
        nursery = self.runtime.nursery
        assert nursery is not None
        nursery.start_soon(self._accept, listeners, connections)
        logger.info("node %s listens on port %d", self._name, self.port)

    async def _start(
        self, creation: int, *, named_by: str | None = None
    ) -> Connections:
        """Start the tables and services of a node that knows who it is."""
        outer = await self._stack.enter_async_context(trio.open_nursery())
        self._outer, self._failure = outer, None
        with trio.CancelScope(shield=True):
            # Nobody could end it if this were cancelled just when it has begun.
            nursery = await outer.start(hold)
        self._stack.callback(nursery.cancel_scope.cancel)
        self._runtime = runtime = Runtime(
            self._name, creation, self._peer, owner=self, **self._of_runtime
        )
        runtime.nursery = nursery
        runtime.root.environment = self._environment
        if self._watchdog is not None:
            watchdog = Watchdog(runtime, self._watchdog)
            watchdog.start()
            self._stack.callback(watchdog.stop)
        self.exports.limiter = runtime.limiter
        runtime.release_of = self._release_of
        spawner = SpawnServer(runtime, self.exports)
        connections = self._connections = Connections(
            runtime,
            self._dialling,
            spawner.serve,
            net_ticktime=self._net_ticktime,
            named_by=named_by,
            on_nameless=self.close,
            **self._options,
        )
        nursery.start_soon(runtime.timers.run)
        for service in self._services:
            await service(self)
        runtime.services = frozenset(runtime.processes)
        self.from_thread.open(runtime)
        return connections

    async def _accept(
        self, listeners: Sequence[Listener], connections: Connections
    ) -> None:
        with self._door:
            await serve(
                self._network, listeners, connections, setup_time=self._setup_time
            )

    async def _wind_down(self) -> None:
        self._door.cancel()
        self.from_thread.refuse()
        over = trio.current_time() + self.grace
        await self._stop_applications(over)
        await stop(self.runtime, self.connections, over)

    async def _stop_applications(self, over: float) -> None:
        """End the applications until *over*; they belong to a layer above."""

    @property
    def registrations(self) -> Sequence[epmd.Registration]:
        """Its names at EPMD."""
        return self._mapper.registrations

    def close(self) -> None:
        """Let :meth:`wait_closed` return, so that the program leaves the node."""
        self._closed.set()

    def fail(self, error: Exception) -> None:
        """End the node because of *error*, as a task that fails ends its nursery.

        What runs inside of ``async with`` is cancelled, the node ends in order, and
        *error* is raised there. On a node that is ending already it does nothing.
        """
        nursery = self.runtime.nursery
        assert nursery is not None
        ending = self._door.cancel_called or nursery.cancel_scope.cancel_called
        if self._failure is None and not ending:
            self._failure = error
            self._outer.start_soon(throw, error)

    async def wait_closed(self) -> None:
        """Wait until somebody calls :meth:`close`; the end of a server's ``main``.

        A node with ``named_by=`` closes itself when it has lost its name.
        """
        await self._closed.wait()
