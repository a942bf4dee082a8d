"""The node: its options and its life. What it can be asked is in ``verbs``."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self

import trio

import epmd as epmd_
from etf import Atom

from ..dist.coding import Coding
from ..dist.limits import LinkLimits
from ..dist.listener import serve
from ..dist.transport import HIGH_WATER
from ..errors import ErgopyError
from ..process import environment as environments
from ..process.configured import ProcessConfig, copiers
from ..process.reasons import unwrap
from ..process.runtime import MAX_PROCESSES, Runtime
from ..process.watchdog import Watchdog
from . import listening, naming, resolvers
from .allowed import AllowList
from .connections import Connections
from .cookies import Cookies, read_cookie
from .dialling import Dialling
from .exports import Exports
from .from_thread import FromThread
from .membership import check_above_zero
from .spawn import SpawnServer
from .stopping import hold, stop, throw
from .verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import (
        Awaitable,
        Callable,
        Collection,
        Iterable,
        Mapping,
        Sequence,
    )
    from types import TracebackType

    from etf import DecodeOptions, EncodeOptions

    from ..abc import Address
    from ..dist.network import Listener, Network
    from ..dist.tls import Tls
    from ..process.configured import CopyPolicy
    from .resolvers import Sources

    Service = Callable[[Any], Awaitable[object]]

logger = logging.getLogger("ergopy.node")


class Node(Verbs):
    """A node of an Erlang cluster; ``async with Node(...) as node``.

    On entry it listens and is registered at EPMD, or an exception says why not. On
    exit its processes are told to shut down and have ``grace`` seconds for it, its
    connections are closed, and its name is free again; nothing keeps running. After
    that it can be entered again, as another incarnation with the same exports.

    Args:
        name: ``local@host`` in ASCII; a host with a dot is a "long" name. For
            ``undefined@host`` see *named_by*.
        named_by: The name of a running node, or several to try in order. The first
            that lets us in invents a name for this one, as for ``erl -name undefined``.
            The node is hidden then, listens nowhere and is unknown to EPMD. Its name is
            good for as long as that connection: with it all others end, ``wait_closed``
            returns, and nobody can be connected to until the node is entered again.
        cookie: The cluster's secret. None reads ``ERGOPY_COOKIE`` or the file that
            ``erl`` uses.
        hidden: Stay out of ``nodes()`` and ``global``, as ``erl -hidden``.
        epmd: ``"auto"`` uses a running EPMD or else is one itself; ``"client"`` only
            uses, ``"embedded"`` only serves, ``"off"`` does without.
        epmd_port: The port of EPMD; None is ``ERL_EPMD_PORT`` or 4369.
        listen: The port to listen on, or ``range(first, last + 1)`` or ``(first,
            last)``, of which the first is taken that is free; 0 is any.
        listen_host: The address to listen on, or several. None is the loopback for a
            loopback node name, and otherwise all, of IPv4 and of IPv6.
        tls: Certificates and rules, an :class:`ergopy.Tls`: every connection is over
            TLS then, as with ``-proto_dist inet_tls``. None is plain TCP.
        cookies: Other cookies for some peers, by name; see :meth:`set_cookie`.
        allow: The only nodes that may connect, and that we connect to; None is all.
            An entry is a node name, a host alone for all nodes there, or ``"name@"``
            for those of any host. A node that asks for a name is allowed by its host.
        routes: ``(host, port)`` of nodes by name. They go before everything else.
        resolver: Finds the other nodes, instead of EPMD: an object with ``resolve``
            (see :class:`ergopy.abc.Resolver`), such as :class:`ergopy.DnsResolver` and
            :class:`ergopy.EpmdResolver`, or a function of the node name, ``async`` or
            not, that returns ``(host, port)`` or None; or a list of these to ask in
            order.
        network: Makes connections instead of TCP (see ``ergopy.testing``).
        net_ticktime: Seconds without a sign of life after which a peer is down, 3/4
            to 5/4 of that as on a BEAM.
        setup_time: Seconds that each step of a handshake may take.
        grace: Seconds that processes have to shut down on exit; of what is left of
            them one second at most is for bytes that are still to be sent.
        high_water: Bytes queued for a peer above which senders wait.
        limits: What one connection may claim, whatever its peer sends.
        decode: What arriving messages become, an :class:`etf.DecodeOptions`:
            ``strings``, ``structs``, ``records`` and ``converters`` count.
        encode: How messages leave, an :class:`etf.EncodeOptions` without compression.
        watchdog: Seconds that one process may hold the event loop before it is logged,
            with its stack; None does not watch.
        max_processes: How many processes there may be, its own ones included; past that
            a start raises SystemLimit, and a peer's is refused with ``system_limit``.
        copy: How messages are handed over between processes of the node: ``"none"``
            hands over the object, ``"deep"`` a copy, ``"etf"`` what the wire would.
        environment: What the processes of this node begin with; see ``Process.env``.
        services: Started with the node, in order; see ``ergopy.services``.
        applications: Loaded and started when the node is up, with what they depend on;
            see :class:`ergopy.Application`. On exit they are stopped, the youngest
            first, before anything else is.
    """

    services: Sequence[Service] = ()

    def __init__(
        self,
        name: str,
        *,
        named_by: str | Iterable[str] | None = None,
        cookie: str | None = None,
        hidden: bool = False,
        epmd: epmd_.Mode = "auto",
        epmd_port: int | None = None,
        listen: int | range | tuple[int, int] = 0,
        listen_host: str | Iterable[str] | None = None,
        tls: Tls | None = None,
        cookies: Mapping[str, str] | None = None,
        allow: Collection[str] | None = None,
        routes: Mapping[str, Address] | None = None,
        resolver: Sources | None = None,
        network: Network | None = None,
        net_ticktime: float = 60.0,
        setup_time: float = 7.0,
        grace: float = 5.0,
        high_water: int = HIGH_WATER,
        limits: LinkLimits | None = None,
        decode: DecodeOptions | None = None,
        encode: EncodeOptions | None = None,
        watchdog: float | None = 1.0,
        max_processes: int = MAX_PROCESSES,
        copy: CopyPolicy = "none",
        environment: Mapping[str, Any] | None = None,
        services: Sequence[Service] | None = None,
        applications: Iterable[Any] = (),
    ) -> None:
        _, self._host = naming.split(name)
        self._namers = naming.namers(name, named_by)
        self._first_name = Atom(naming.NONODE if self._namers else name)
        self._name = self._first_name
        self._cookies = Cookies(read_cookie() if cookie is None else cookie, cookies)
        self._allowed = AllowList(allow)
        check_above_zero(
            net_ticktime=net_ticktime, setup_time=setup_time, high_water=high_water
        )
        if watchdog is not None:
            check_above_zero(watchdog=watchdog)
        if not grace >= 0:
            raise ValueError(f"grace= is a number of seconds, not {grace!r}")
        self.hidden = hidden = hidden or bool(self._namers)
        self._ports = listening.ports(listen)
        self._hosts = listening.addresses(listen_host, self._host)
        self.grace = grace
        """Seconds that processes have to shut down on exit."""
        self._watchdog = watchdog
        check_above_zero(max_processes=max_processes)
        config = ProcessConfig(copy=copy)
        self._of_runtime: dict[str, Any] = {
            "config": None if copy == "none" else config,
            "max_processes": max_processes,
            "copiers": copiers(decode, encode),
        }
        self._environment = environments.checked(environment or {})
        self._setup_time = setup_time
        self._mapper = epmd_.PortMapper(
            # Who registers nothing needs no EPMD of its own.
            "client" if self._namers and epmd == "auto" else epmd,
            port=epmd_port,
            # An EPMD of ours is as far to be seen as the node is.
            address=self._host if listening.is_loopback(self._host) else None,
            host="::1" if ":" in self._host else "127.0.0.1",
        )
        self._services = self.services if services is None else services
        self._applications = tuple(applications)
        self.exports = Exports()
        self.from_thread = FromThread(self)
        """The verbs for other threads, which block there."""
        limits = limits or LinkLimits()
        self._options: dict[str, Any] = {
            "hidden": hidden,
            "limits": limits,
            "coding": Coding(decode, encode, limits.terms.max_depth),
            "high_water": high_water,
        }
        self._net_ticktime = net_ticktime
        self._tls = tls
        self._network = listening.network(tls, network)
        self._dialling = Dialling(
            self._network,
            resolvers.standard(self._mapper, routes or {}, resolver),
            self._cookies,
            self._allowed,
            setup_time,
        )
        self._stack = AsyncExitStack()
        self._closed = trio.Event()
        self._entered = False
        self._failure: Exception | None = None
        self.port = 0
        """The port that the node listens on."""

    def __repr__(self) -> str:
        state = "down" if self._runtime is None else "up"
        return f"<Node {self._name} {state}>"

    @property
    def epmd_port(self) -> int:
        """The port of the EPMD that this node uses, or is."""
        return self._mapper.port

    @property
    def epmd_mode(self) -> epmd_.Mode:
        """How this node uses EPMD, as it was told."""
        return self._mapper.mode

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

    def reload_tls(self) -> None:
        """Read the files of ``tls=`` again now; changed ones are read anyway.

        Connections that are up stay as they are.

        Raises:
            TlsFileError: They do not work; what was read before goes on.
            ErgopyError: The node does without TLS.
        """
        if self._tls is None:
            raise ErgopyError(f"{self!r} has no tls=")
        self._tls.reload()

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
