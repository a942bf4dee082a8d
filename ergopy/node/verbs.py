"""The verbs of a running node, which belong to no process in particular."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import trio

from etf import Atom, Pid

from ..errors import CallError, ConnectError, ErgopyError, NodeNameError
from . import statistics
from .remote_spawn import remote_spawn, spawn_here
from .rpc import release_of, rpc, rpc_here

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ..process.process import Process
    from ..process.runtime import Runtime
    from .connections import Connections
    from .exports import Exports
    from .peer import Peer


class Verbs:
    """What can be asked of a node; :class:`~.node.Node` adds its life."""

    exports: Exports
    _name: Atom
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

    @property
    def pid(self) -> Pid:
        """The pid that the node sends from when no process does."""
        return self.runtime.root.pid

    async def _release_of(self, name: str) -> int | None:
        if name == self._name:
            return None
        return await release_of(self.runtime.root, self._peer(name))

    def _peer(self, name: str) -> Peer:
        return self.connections.peer(name)

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
        if peer != self._name:
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
        question = (Atom("is_auth"), self._name)
        answer: Any = None
        with (
            trio.move_on_after(timeout),
            suppress(ConnectError, CallError, NodeNameError),
        ):
            await self.connections.connect(peer)
            answer = await self.call(("net_kernel", peer), question, None)
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
        mfa = (Atom(module), Atom(function), list(args))
        if peer == self._name:
            return await rpc_here(caller, self.exports, mfa, timeout)
        return await rpc(caller, self._peer(peer), mfa, timeout)

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
        mfa = (Atom(module), Atom(function), list(args))
        if peer == self._name:
            return spawn_here(caller, self.exports, mfa, link=link, monitor=monitor)
        return await remote_spawn(
            caller, self._peer(peer), mfa, link=link, monitor=monitor, timeout=timeout
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

    def statistics(self) -> statistics.NodeStatistics:
        """Return numbers about the node and its connections, taken now."""
        return statistics.take(self.runtime, self.connections)


def _program(program: Any) -> Callable[..., Awaitable[Any]]:
    if not isinstance(program, type):
        return program  # type: ignore[no-any-return]

    async def behave(process: Process, *args: Any) -> None:
        await program().enter(process, args)

    return behave
