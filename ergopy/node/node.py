"""The node: its life, and the verbs that belong to no process in particular."""

from __future__ import annotations

import logging
import socket as sockets
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import trio

import epmd as epmd_
from etf import Atom, Pid

from ..dist.limits import LinkLimits
from ..dist.listener import serve
from ..dist.transport import HIGH_WATER
from ..errors import CallError, ConnectError, ErgopyError, NameTaken, NodeNameError
from ..process.reasons import unwrap
from ..process.runtime import Runtime
from . import naming
from .connections import Connections
from .cookies import read_cookie
from .exports import Exports
from .remote_spawn import remote_spawn
from .resolvers import StandardResolver
from .rpc import release_of, rpc
from .spawn import SpawnServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from types import TracebackType

    from ..abc import Resolver
    from ..process.process import Process
    from .peer import Peer

    Service = Callable[[Any], Awaitable[object]]

logger = logging.getLogger("ergopy.node")


@dataclass(frozen=True, slots=True)
class NodeStatistics:
    """Numbers about a running node, taken at one moment."""

    processes: int
    """Living processes."""
    spawned: int
    """Processes started since the node came up."""
    connections: Mapping[str, ConnectionStatistics]
    """By peer, those that are up."""


@dataclass(frozen=True, slots=True)
class ConnectionStatistics:
    """Numbers about one connection."""

    bytes_in: int
    """Bytes received."""
    bytes_out: int
    """Bytes that the kernel took."""
    queued: int
    """Bytes that wait to leave; above ``high_water`` senders wait."""
    high_water: int
    """The mark."""


class Node:
    """A node of an Erlang cluster; ``async with Node(...) as node``.

    On entry it listens and is registered at EPMD, or an exception says why not. On
    exit its processes are told to shut down and have ``grace`` seconds for it, its
    connections are closed, and its name is free again; nothing keeps running.

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
        allow: The names of the only nodes that may connect; None is all.
        routes: Addresses of nodes that are not asked from EPMD.
        resolver: Finds nodes instead of *routes* and EPMD.
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
        _check_ports(listen)
        self._name = Atom(name)
        self._cookie = read_cookie() if cookie is None else cookie
        _check_cookie(self._cookie)
        self.hidden = hidden
        self._ports = listen
        self._listen_host = listen_host
        self._grace = grace
        self._setup_time = setup_time
        self._mapper = epmd_.PortMapper(
            epmd,
            port=epmd_port,
            # An EPMD of ours is as far to be seen as the node is.
            address="127.0.0.1" if _is_loopback(self._host) else None,
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
        self._stack = AsyncExitStack()
        self._closed = trio.Event()
        self._runtime: Runtime | None = None
        self._connections: Connections | None = None
        self.port = 0
        """The port that the node listens on."""

    def __repr__(self) -> str:
        state = "down" if self._runtime is None else "up"
        return f"<Node {self._name} {state}>"

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

    @property
    def epmd_port(self) -> int:
        """The port of the EPMD that this node uses, or is."""
        return self._mapper.port

    @property
    def pid(self) -> Pid:
        """The pid that the node sends from when no process does."""
        return self.runtime.root.pid

    async def __aenter__(self) -> Self:
        if self._runtime is not None:
            raise ErgopyError(f"{self!r} runs already; make a new Node to run another")
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
            self._closed.set()

    async def _bring_up(self) -> None:
        listeners, self.port = self._listen()
        for listener in listeners:
            self._stack.callback(listener.close)
        await self._stack.enter_async_context(self._mapper)
        try:
            creation = await self._mapper.register(self._local, self.port, self.hidden)
        except epmd_.NameTaken as taken:
            raise NameTaken(
                self._name,
                "a running node of that name, says EPMD: stop it, or"
                " choose another name",
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
        runtime.release_of = self._release_of
        spawner = SpawnServer(runtime, self.exports)
        self._connections = Connections(
            runtime, self._resolver, spawner.serve, **self._options
        )
        nursery.start_soon(runtime.timers.run)
        for service in self._services:
            await service(self)
        nursery.start_soon(
            lambda: serve(listeners, self.connections, setup_time=self._setup_time)
        )
        logger.info("node %s listens on port %d", self._name, self.port)

    async def _wind_down(self) -> None:
        killed = await self.runtime.shut_down(self._grace)
        if killed:
            logger.warning("%s: %d processes had to be killed", self._name, killed)
        self.connections.close_all()
        assert self.runtime.nursery is not None
        self.runtime.nursery.cancel_scope.cancel()

    async def _release_of(self, name: str) -> int | None:
        if name == self._name:
            return None
        return await release_of(self.runtime.root, self._peer(name))

    def _peer(self, name: str) -> Peer:
        return self.connections.peer(name)

    def _listen(self) -> tuple[list[sockets.socket], int]:
        host = self._listen_host
        if host is None:
            host = self._host if _is_loopback(self._host) else ""
        family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
        first, last = self._ports
        problem: OSError | None = None
        for port in range(first, last + 1):
            listener = sockets.socket(family, sockets.SOCK_STREAM)
            try:
                listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
                listener.bind((host, port))
                listener.listen(128)
            except OSError as error:
                listener.close()
                problem = error
                continue
            listener.setblocking(False)
            return [listener], listener.getsockname()[1]
        where = f"{host or '*'}:{first}" + (f"..{last}" if last != first else "")
        raise ConnectError(
            self._name,
            f"cannot listen on {where} ({problem}): choose other ports with listen=, "
            "or another address with listen_host=",
        )

    def close(self) -> None:
        """Let :meth:`wait_closed` return, so that the program leaves the node."""
        self._closed.set()

    async def wait_closed(self) -> None:
        """Wait until somebody calls :meth:`close`; the end of a server's ``main``."""
        await self._closed.wait()

    def nodes(self, kind: str = "visible") -> list[Atom]:
        """Return the connected nodes; ``nodes/0,1``.

        *kind* is ``"visible"``, ``"hidden"`` or ``"connected"`` (both).
        """
        kinds = {"visible": False, "hidden": True, "connected": None}
        if kind not in kinds:
            raise ValueError(f"kind is one of {', '.join(kinds)}, not {kind!r}")
        return self.connections.up(hidden=kinds[kind])

    async def connect(self, peer: str) -> None:
        """Connect to a node, unless it is connected; ``net_kernel:connect_node/1``.

        Raises:
            NodeNameError: The name cannot work.
            ConnectError: Why not: NodeNotFound, CookieMismatch, MissingFlags, ...
        """
        await self.connections.connect(peer)

    def disconnect(self, peer: str) -> bool:
        """End the connection to a node; ``erlang:disconnect_node/1``."""
        return self.connections.disconnect(peer)

    async def ping(self, peer: str, timeout: float = 5.0) -> bool:
        """Ask whether a node is there and lets us in; ``net_adm:ping``.

        False whatever the reason; :meth:`connect` says what it is.
        """
        if peer == self._name:
            return True
        try:
            await self.connections.connect(peer)
            question = (Atom("is_auth"), self._name)
            answer = await self.call(("net_kernel", peer), question, timeout)
        except (ConnectError, CallError, NodeNameError):
            return False
        return bool(answer == "yes")

    async def spawn(
        self,
        function: Callable[..., Awaitable[Any]],
        *args: Any,
        name: str | None = None,
        link_to: Pid | None = None,
    ) -> Pid:
        """Start a process that runs ``function(process, *args)``; return its pid.

        The process is in the table, named and linked before this returns, and its
        body has not begun.

        Raises:
            NameTaken: The name is in use; nothing was started.
        """
        process = self.runtime.create(function, name=name)
        if link_to is not None:
            process.link_nowait(link_to)
        self.runtime.begin(process, function, args)
        return process.pid

    async def start(
        self,
        behaviour: Any,
        *args: Any,
        name: str | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> Pid:
        """Start a behaviour and return its pid when its ``init`` is done.

        See ``Process.start``, also for what it raises.
        """
        return await self.runtime.root.start(
            behaviour, *args, name=name, timeout=timeout, **options
        )

    async def stop(
        self, dest: Any, reason: Any = "normal", timeout: float | None = 5.0
    ) -> None:
        """Ask a behaviour to end and wait until it has; ``gen_server:stop``."""
        await self.runtime.root.stop(dest, reason, timeout)

    async def send(self, dest: Any, message: Any) -> None:
        """Send *message*; see ``Process.send``."""
        await self.runtime.root.send(dest, message)

    def send_nowait(self, dest: Any, message: Any) -> None:
        """Send without ever waiting; see ``Process.send_nowait``."""
        self.runtime.root.send_nowait(dest, message)

    async def call(self, dest: Any, request: Any, timeout: float | None = 5.0) -> Any:
        """Ask and wait for the answer; see ``Process.call``."""
        return await self.runtime.root.call(dest, request, timeout)

    async def cast(self, dest: Any, request: Any) -> None:
        """Send a request that wants no answer; see ``Process.cast``."""
        await self.runtime.root.cast(dest, request)

    async def rpc(
        self,
        peer: str,
        module: str,
        function: str,
        args: list[Any] | tuple[Any, ...] = (),
        timeout: float | None = 5.0,
        *,
        caller: Process | None = None,
    ) -> Any:
        """Run a function on another node; ``erpc:call``, or rex if it has no erpc.

        On this node itself it runs an exported function.

        Raises:
            RpcError: It raised, or could not be run; see its ``kind``.
        """
        caller = caller or self.runtime.root
        return await rpc(
            caller, self._peer(peer), module, function, list(args), timeout
        )

    async def remote_spawn(
        self,
        peer: str,
        module: str,
        function: str,
        args: list[Any] | tuple[Any, ...] = (),
        *,
        link: bool = False,
        monitor: bool = False,
        timeout: float | None = 5.0,
        caller: Process | None = None,
    ) -> Any:
        """Start ``module:function(args)`` as a process on another node; return its pid.

        With *monitor* it returns ``(pid, reference)``. Link and monitor are those of
        *caller*, and are there before the process runs; ``spawn_opt/5``. A function
        that does not exist is no error here: the process ends with ``undef``.

        Raises:
            NodeDown: The node cannot be reached, or was lost.
            StartError: It refused; ``reason`` says why.

        Cancelling it, or its timeout, does not stop a process that did start.
        """
        caller = caller or self.runtime.root
        return await remote_spawn(
            caller,
            self._peer(peer),
            module,
            function,
            list(args),
            link=link,
            monitor=monitor,
            timeout=timeout,
        )

    def export(
        self,
        module: str,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        *,
        in_thread: bool = False,
    ) -> Any:
        """Let other nodes call functions, by rpc and erpc, and nothing else.

        ``node.export("math", {"add": add})``, or ``@node.export("math")`` above a
        function. An ``async def`` runs as a task of its own; a plain function runs
        in the event loop, so a slow one belongs into a thread: ``in_thread=True``.
        The value is returned; ``Throw`` and ``Exit`` are what they are called, and
        any other exception is an ``error`` with ``{python, Class, Message, Frames}``.
        """
        return self.exports.export(module, functions, in_thread=in_thread)

    def provide_spawn(
        self, module: str, program: Any, function: str | None = None
    ) -> None:
        """Let other nodes start processes: ``spawn(Node, module, Function, Args)``.

        *program* is ``async def program(process, *args)`` or a behaviour, whose
        ``init`` gets the arguments. Without *function* any function name does.
        """
        self.exports.programs[module, function] = _program(program)

    def register(self, name: str, pid: Pid) -> None:
        """Give a process of this node a name; ``register/2``."""
        self.runtime.register(name, pid)

    def unregister(self, name: str) -> None:
        """Take a name away; ``unregister/1``."""
        self.runtime.unregister(name)

    def whereis(self, name: str) -> Pid | None:
        """Return the pid behind a name, or None; never one that is known dead."""
        return self.runtime.whereis(name)

    def registered(self) -> list[Atom]:
        """Return all names; ``registered/0``."""
        return [Atom(name) for name in self.runtime.names]

    def statistics(self) -> NodeStatistics:
        """Return numbers about the node and its connections, taken now."""
        return NodeStatistics(
            processes=len(self.runtime.processes) - 1,
            spawned=self.runtime.spawned,
            connections={
                peer.name: ConnectionStatistics(
                    t.bytes_in, t.bytes_out, t.queued, t.high_water
                )
                for peer in self.connections.peers.values()
                if (t := peer.transport) is not None
            },
        )


async def _shielded(*, task_status: trio.TaskStatus[trio.Nursery]) -> None:
    """Hold the tasks of a node.

    When the program around it is cancelled the processes are not: the node ends them,
    in order and with time to clean up.
    """
    with trio.CancelScope(shield=True):
        async with trio.open_nursery() as nursery:
            task_status.started(nursery)
            await trio.sleep_forever()


def _program(program: Any) -> Callable[..., Awaitable[Any]]:
    if not isinstance(program, type):
        return program  # type: ignore[no-any-return]

    async def behave(process: Process, *args: Any) -> None:
        await program().enter(process, args)

    return behave


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _check_ports(listen: tuple[int, int]) -> None:
    first, last = listen
    if not 0 <= first <= last <= 65535:
        raise ValueError(f"listen= is the first and last port, not {listen!r}")


def _check_cookie(cookie: str) -> None:
    try:
        fine = bool(cookie) and len(cookie.encode("latin-1")) <= 255
    except UnicodeEncodeError:
        fine = False
    if not fine:
        raise ValueError("a cookie has 1 to 255 characters, all of them Latin-1")
