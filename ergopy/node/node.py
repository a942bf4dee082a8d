"""The node: its options and its life. What it can be asked is in ``verbs``."""

from __future__ import annotations

import logging
import math
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self

import trio

import epmd as epmd_
from etf import Atom

from ..dist.limits import LinkLimits
from ..dist.listener import serve
from ..dist.network import TcpNetwork
from ..dist.transport import HIGH_WATER
from ..errors import ConnectError, ErgopyError, NameTaken
from ..process.reasons import unwrap
from ..process.runtime import Runtime
from . import listening, naming
from .connections import Connections
from .cookies import read_cookie
from .exports import Exports
from .resolvers import StandardResolver
from .spawn import SpawnServer
from .verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from types import TracebackType

    from ..abc import Resolver
    from ..dist.network import Listener, Network

    Service = Callable[[Any], Awaitable[object]]

logger = logging.getLogger("ergopy.node")


class Node(Verbs):
    """A node of an Erlang cluster; ``async with Node(...) as node``.

    On entry it listens and is registered at EPMD, or an exception says why not. On
    exit its processes are told to shut down and have ``grace`` seconds for it, its
    connections are closed, and its name is free again; nothing keeps running. After
    that it can be entered again, as another incarnation with the same exports.

    Args:
        name: ``local@host`` in ASCII; a host with a dot is a "long" name.
        cookie: The cluster's secret. None reads ``ERGOPY_COOKIE`` or the file that
            ``erl`` uses.
        hidden: Stay out of ``nodes()`` and ``global``, as ``erl -hidden``.
        epmd: ``"auto"`` uses a running EPMD or else is one itself; ``"client"`` only
            uses, ``"embedded"`` only serves, ``"off"`` does without.
        epmd_port: The port of EPMD; None is ``ERL_EPMD_PORT`` or 4369.
        listen: The first and last port that may be listened on; ``(0, 0)`` is any.
        listen_host: The address to listen on. None is the loopback for a loopback
            node name, and all of them otherwise.
        tls: Reserved; has to be None.
        cookies: Other cookies for some peers, by name.
        allow: The names of the only nodes that may connect, and that we connect to;
            None is all. Nodes that ask for a name are not among them.
        routes: Addresses of nodes that are not asked from EPMD.
        resolver: Finds nodes instead of *routes* and EPMD.
        network: Makes connections instead of TCP (see ``ergopy.testing``).
        net_ticktime: Seconds without a sign of life after which a peer is down.
        setup_time: Seconds that each step of a handshake may take.
        grace: Seconds that processes have to shut down on exit.
        high_water: Bytes queued for a peer above which senders wait.
        limits: What one connection may claim, whatever its peer sends.
        services: Started with the node, in order; see ``ergopy.services``.
    """

    services: Sequence[Service] = ()

    def __init__(
        self,
        name: str,
        *,
        cookie: str | None = None,
        hidden: bool = False,
        epmd: epmd_.Mode = "auto",
        epmd_port: int | None = None,
        listen: tuple[int, int] = (0, 0),
        listen_host: str | None = None,
        tls: None = None,
        cookies: Mapping[str, str] | None = None,
        allow: Collection[str] | None = None,
        routes: Mapping[str, tuple[str, int]] | None = None,
        resolver: Resolver | None = None,
        network: Network | None = None,
        net_ticktime: float = 60.0,
        setup_time: float = 7.0,
        grace: float = 5.0,
        high_water: int = HIGH_WATER,
        limits: LinkLimits | None = None,
        services: Sequence[Service] | None = None,
    ) -> None:
        self._local, self._host = naming.split(name)
        if tls is not None:
            raise ErgopyError("tls= is reserved: TLS distribution is not there yet")
        listening.check_ports(listen)
        self._name = Atom(name)
        self._cookie = read_cookie() if cookie is None else cookie
        for secret in (self._cookie, *(cookies or {}).values()):
            _check_cookie(secret)
        if isinstance(allow, str):
            raise TypeError("allow= is a collection of node names, not one name")
        _check_above_zero(
            net_ticktime=net_ticktime, setup_time=setup_time, high_water=high_water
        )
        if not grace >= 0:
            raise ValueError(f"grace= is a number of seconds, not {grace!r}")
        self.hidden = hidden
        self._ports = listen
        self._listen_host = listen_host
        self._grace = grace
        self._setup_time = setup_time
        self._mapper = epmd_.PortMapper(
            epmd,
            port=epmd_port,
            # An EPMD of ours is as far to be seen as the node is.
            address="127.0.0.1" if listening.is_loopback(self._host) else None,
        )
        self._services = self.services if services is None else services
        self.exports = Exports()
        self._options: dict[str, Any] = {
            "cookie": self._cookie,
            "cookies": cookies or {},
            "hidden": hidden,
            "allow": allow,
            "setup_time": setup_time,
            "net_ticktime": net_ticktime,
            "limits": limits or LinkLimits(),
            "high_water": high_water,
        }
        self._resolver: Resolver = resolver or StandardResolver(
            self._mapper, routes or {}
        )
        self._network: Network = network or TcpNetwork()
        self._stack = AsyncExitStack()
        self._closed = trio.Event()
        self._entered = False
        self.port = 0
        """The port that the node listens on."""

    def __repr__(self) -> str:
        state = "down" if self._runtime is None else "up"
        return f"<Node {self._name} {state}>"

    @property
    def epmd_port(self) -> int:
        """The port of the EPMD that this node uses, or is."""
        return self._mapper.port

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
            if error is not None and unwrap(group) is error:
                return False
            raise
        finally:
            self._runtime = self._connections = None
            self._entered = False
            self._closed.set()

    async def _bring_up(self) -> None:
        self._door = trio.CancelScope()
        host = self._listen_host or listening.address(self._host)
        listeners = self._network.listen(self._name, [host], self._ports)
        for listener in listeners:
            self._stack.callback(listener.close)
        self.port = listeners[0].port
        await self._stack.enter_async_context(self._mapper)
        try:
            creation = await self._mapper.register(self._local, self.port, self.hidden)
        except epmd_.NameTaken as taken:
            raise NameTaken(
                self._name,
                "a running node, says EPMD: stop it, or choose another name",
            ) from taken
        except epmd_.EpmdUnreachable as error:
            raise ConnectError(
                self._name,
                f"{error}: start it with 'epmd -daemon' (any Erlang node does), or let "
                "this node be one with epmd='auto'",
            ) from error
        outer = await self._stack.enter_async_context(trio.open_nursery())
        nursery = await outer.start(_shielded)
        self._stack.callback(nursery.cancel_scope.cancel)
        self._runtime = runtime = Runtime(self._name, creation, self._peer, owner=self)
        runtime.nursery = nursery
        self.exports.limiter = runtime.limiter
        runtime.release_of = self._release_of
        spawner = SpawnServer(runtime, self.exports)
        connections = self._connections = Connections(
            runtime, self._network, self._resolver, spawner.serve, **self._options
        )
        nursery.start_soon(runtime.timers.run)
        for service in self._services:
            await service(self)
        nursery.start_soon(self._accept, listeners, connections)
        logger.info("node %s listens on port %d", self._name, self.port)

    async def _accept(
        self, listeners: Sequence[Listener], connections: Connections
    ) -> None:
        with self._door:
            await serve(
                self._network, listeners, connections, setup_time=self._setup_time
            )

    async def _wind_down(self) -> None:
        self._door.cancel()
        killed = await self.runtime.shut_down(self._grace)
        if killed:
            logger.warning("%s: %d processes had to be killed", self._name, killed)
        self.connections.close_all()
        assert self.runtime.nursery is not None
        self.runtime.nursery.cancel_scope.cancel()

    def close(self) -> None:
        """Let :meth:`wait_closed` return, so that the program leaves the node."""
        self._closed.set()

    async def wait_closed(self) -> None:
        """Wait until somebody calls :meth:`close`; the end of a server's ``main``."""
        await self._closed.wait()


async def _shielded(*, task_status: trio.TaskStatus[trio.Nursery]) -> None:
    """Hold the tasks of a node.

    When the program around it is cancelled the processes are not: the node ends them,
    in order and with time to clean up.
    """
    with trio.CancelScope(shield=True):
        async with trio.open_nursery() as nursery:
            task_status.started(nursery)
            await trio.sleep_forever()


def _check_cookie(cookie: str) -> None:
    try:
        fine = bool(cookie) and len(cookie.encode("latin-1")) <= 255
    except (UnicodeEncodeError, AttributeError):
        fine = False
    if not fine:
        raise ValueError("a cookie is a str of 1 to 255 characters, all Latin-1")


def _check_above_zero(**options: float) -> None:
    for name, value in options.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name}= is a number above 0, not {value!r}")
