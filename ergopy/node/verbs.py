"""The verbs of a running node, which belong to no process in particular."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import trio

from etf import Atom, Pid, Reference

from ..errors import CallError, ConnectError, NodeNameError
from ..process.configured import require_of_running
from . import spawning, statistics
from .introspection import Introspection
from .remote_spawn import abandon
from .rpc import release_of, rpc, rpc_here

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from ..process.configured import ProcessConfig
    from ..process.environment import Environment
    from ..process.limits import MailboxLimit
    from ..process.message_timers import MessageTimer
    from ..process.process import Process
    from ..process.requests import MultiReply, Request
    from ..process.via import Via
    from .exports import Exports
    from .peer import Peer


class Verbs(Introspection):
    """What can be asked of a node; :class:`~.node.Node` adds its life."""

    exports: Exports

    @property
    def pid(self) -> Pid:
        """The pid that the node sends from when no process does."""
        return self.runtime.root.pid

    @property
    def env(self) -> Environment:
        """The environment that the node's own processes begin with.

        So do those that a peer starts here. See ``Process.env``.
        """
        return self.runtime.root.env

    async def _release_of(self, name: str) -> int | None:
        if name == self._name:
            return None
        return await release_of(self.runtime.root, self._peer(name))

    def _peer(self, name: str) -> Peer:
        return self.connections.peer(name)

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
        name: str | Via | None = None,
        link_to: Pid | None = None,
        mailbox: MailboxLimit | None = None,
        config: ProcessConfig | None = None,
    ) -> Pid:
        """Start a process that runs ``function(process, *args)``; return its pid.

        The process is in the table, named and linked before this returns, and its
        body has not begun. *mailbox* limits how many messages may wait for it, and
        *config*, a :class:`ergopy.ProcessConfig`, other things too.

        Raises:
            NameTaken: The name is in use; nothing was started.
            SystemLimit: The node has ``max_processes``; nothing was started.
            LocalProtocolError: *link_to* is no pid; nothing was started.
        """
        if link_to is not None:
            self.runtime.remote(link_to)
        process = self.runtime.create(
            function, name=name, mailbox=mailbox, config=config
        )
        if link_to is not None:
            process.link_nowait(link_to)
        self.runtime.begin(process, function, args)
        return process.pid

    async def start(
        self,
        behaviour: Any,
        *args: Any,
        name: str | Via | tuple[str, Any] | None = None,
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

    async def exit(
        self, to: Pid | Reference, reason: Any, *, priority: bool = False
    ) -> None:
        """Send an exit signal; see ``Process.exit``."""
        await self.runtime.root.exit(to, reason, priority=priority)

    async def send(self, dest: Any, message: Any, *, priority: bool = False) -> None:
        """Send *message*; see ``Process.send``."""
        await self.runtime.root.send(dest, message, priority=priority)

    def send_nowait(self, dest: Any, message: Any) -> None:
        """Send without ever waiting; see ``Process.send_nowait``."""
        self.runtime.root.send_nowait(dest, message)

    async def call(self, dest: Any, request: Any, timeout: float | None = 5.0) -> Any:
        """Ask and wait for the answer; see ``Process.call``."""
        return await self.runtime.root.call(dest, request, timeout)

    async def send_request(self, dest: Any, request: Any) -> Request:
        """Send a request and fetch its answer later; see ``Process.send_request``."""
        return await self.runtime.root.send_request(dest, request)

    async def multi_call(
        self,
        name: str,
        request: Any,
        nodes: Iterable[str] | None = None,
        timeout: float | None = None,
    ) -> MultiReply:
        """Call the same name on several nodes at once; see ``Process.multi_call``."""
        return await self.runtime.root.multi_call(name, request, nodes, timeout)

    async def abcast(
        self, name: str, request: Any, nodes: Iterable[str] | None = None
    ) -> None:
        """Cast to the same name on several nodes; *nodes* as for :meth:`multi_call`."""
        await self.runtime.root.abcast(name, request, nodes)

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
        require_of_running(self.runtime, "may_distribute")
        return await rpc(caller, self._peer(peer), mfa, timeout)

    async def remote_spawn(
        self,
        peer: str,
        module: str,
        function: str,
        args: list[Any] | tuple[Any, ...] = (),
        *,
        name: str | None = None,
        link: bool = False,
        monitor: bool = False,
        options: Iterable[Any] = (),
        timeout: float | None = 5.0,
        caller: Process | None = None,
    ) -> Any:
        """Start ``module:function(args)`` as a process on another node; return its pid.

        With *monitor* it returns ``(pid, reference)``. Link and monitor are those of
        *caller*, and are there before the process runs; ``spawn_opt/5``. A function
        that does not exist is no error here: the process ends with ``undef``. On this
        node itself it starts what was provided with :meth:`provide_spawn`.

        Args:
            name: A name over there, held before the function begins. A BEAM has no
                such option: there an expression is spawned that registers itself and
                then applies the function.
            options: Those of ``spawn_opt``, such as ``("priority", "low")``,
                ``("max_heap_size", 100_000)`` or ``"link"``; plain strings stand for
                atoms. Most mean something on a BEAM only.
            timeout: Seconds for all of it; ``None`` waits for ever.
            caller: In whose name; the node itself by default.

        Raises:
            NodeDown: The node cannot be reached, or was lost.
            NameTaken: Somebody there has the name; nothing was started.
            StartError: It refused; ``reason`` says why: ``notsup``, ``system_limit``,
                ``badopt``. Or ``timeout``.
            etf.EncodeError: An argument is no Erlang term. Nothing was sent.

        Cancelled or timed out, it is abandoned as by ``spawn_request_abandon/1``: what
        has started nevertheless is not linked or watched any more. If it was to be
        linked it ends with ``abandoned``; with *name* it is killed.
        """
        require_of_running(self.runtime, "may_spawn")
        if peer != self._name:
            require_of_running(self.runtime, "may_distribute")
        return await spawning.spawn(
            caller or self.runtime.root,
            peer,
            (module, function, args),
            name=name,
            link=link,
            monitor=monitor,
            options=options,
            timeout=timeout,
        )

    async def _spawn_request(
        self, caller: Process, peer: str, call: tuple[str, str, Any], **options: Any
    ) -> Reference:
        return await spawning.request(caller, peer, call, **options)

    def _spawn_request_abandon(self, caller: Process, request: Reference) -> bool:
        return abandon(caller, self.connections.peers.values(), request)

    def send_after(self, seconds: float, dest: Any, message: Any) -> MessageTimer:
        """Send *message* in *seconds*; see ``Process.send_after``."""
        return self.runtime.root.send_after(seconds, dest, message)

    def start_timer(self, seconds: float, dest: Any, message: Any) -> MessageTimer:
        """Send ``{timeout, Ref, Message}`` later; see ``Process.start_timer``."""
        return self.runtime.root.start_timer(seconds, dest, message)

    def cancel_timer(self, timer: MessageTimer | Reference) -> float | None:
        """Stop a timer of any process; see ``Process.cancel_timer``."""
        return self.runtime.root.cancel_timer(timer)

    def read_timer(self, timer: MessageTimer | Reference) -> float | None:
        """Return the seconds left of a timer of any process, or None."""
        return self.runtime.root.read_timer(timer)

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

    def unexport(self, module: str, function: str | None = None) -> None:
        """Take back what was exported or provided; answer no standard question.

        Without *function* it is the whole module. What runs already goes on; later
        calls are ``undef``. What the services of the node provide for spawning comes
        with its start, and can be taken back from then on.

        Raises:
            NotExported: There is no such function for other nodes.
        """
        self.exports.unexport(module, function)

    def provide_spawn(
        self,
        module: str,
        program: Any,
        function: str | None = None,
        *,
        name: str | None = None,
        mailbox: MailboxLimit | None = None,
        config: ProcessConfig | None = None,
    ) -> None:
        """Let other nodes start processes: ``spawn(Node, module, Function, Args)``.

        *program* is ``async def program(process, *args)`` or a behaviour, whose
        ``init`` gets the arguments. Without *function* any function name does; with
        another number of arguments it is ``undef``. The ``spawn`` functions of Erlang
        and Elixir and those of ``proc_lib`` start it, and as a behaviour also what
        ``gen_server:start`` spawns, so that it can be the child of a supervisor there.

        With *name* its process registers itself before anything else. While that name
        is taken another start ends with ``{already_started, Pid}``. *mailbox* limits
        how many messages may wait for each, and *config* says more, as for
        :meth:`spawn`.

        Raises:
            TypeError: *program* is neither of the two.
        """
        self.exports.provide(
            module, program, function, name=name, mailbox=mailbox, config=config
        )

    def register(self, name: str, pid: Pid) -> None:
        """Give a process of this node a name; ``register/2``."""
        require_of_running(self.runtime, "may_register")
        self.runtime.register(name, pid)

    def unregister(self, name: str) -> None:
        """Take a name away; ``unregister/1``."""
        require_of_running(self.runtime, "may_register")
        self.runtime.unregister(name)

    def whereis(self, name: str) -> Pid | None:
        """Return the pid behind a name, or None; ``whereis/1``.

        It is never one that has ended; one that is cleaning up still has its name.
        """
        return self.runtime.whereis(name)

    def registered(self) -> list[Atom]:
        """Return all names; ``registered/0``."""
        return [Atom(name) for name in self.runtime.names]

    def statistics(self) -> statistics.NodeStatistics:
        """Return numbers about the node and its connections, taken now."""
        return statistics.take(self.runtime, self.connections)
