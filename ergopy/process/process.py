"""The process that user code sees: its verbs, all with itself as the sender."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from . import reasons
from .calls import call, stop
from .environment import EMPTY, Environment
from .flags import set_flag
from .helpers import HelperTasks
from .requests import MultiReply, Request, multi_call, send_request
from .spawn_verbs import SpawnVerbs
from .start import start

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

    from etf import Pid

    from .configured import ProcessConfig
    from .limits import MailboxLimit
    from .runtime import Runtime
    from .via import Via


class Process(SpawnVerbs):
    """One process: a Trio task with a pid, a mailbox, links, monitors and aliases.

    It is handed to the function that is its body, and is ``self.process`` in a
    behaviour. Only the body may :meth:`receive`; its helper tasks may use the rest.
    """

    __slots__ = (
        "_dictionary",
        "_helpers",
        "environment",
        "flags",
        "label",
        "life",
        "log_crash",
        "node",
        "parent",
        "supervisor",
    )

    dropped = 0
    """Messages that a full mailbox has dropped; only a limited one does."""

    config: ProcessConfig | None = None
    """What it may do and how it sends; None is everything, and nothing special."""

    def __init__(self, runtime: Runtime, label: str, parent: Pid | None = None) -> None:
        super().__init__(runtime, runtime.new_pid())
        self.label: Any = label
        """What it is called in logs: any term, as for ``proc_lib:set_label/1``."""
        self.parent = parent
        self.supervisor: Any = None
        """The nearest supervisor (the behaviour) that it runs below; see the layer
        of behaviours. Inherited by whoever it starts."""
        self.node: Any = runtime.owner
        self.group_leader = self.pid
        self.log_crash = True
        self.life: Coroutine[Any, Any, Any] | None = None
        """The coroutine of its task."""
        self.flags: dict[str, Any] | None = None
        """The flags that ``process_flag`` has set, but ``trap_exit``."""
        self.environment = EMPTY
        """What ``env`` shows; never changed in place, as others may share it."""
        self._helpers: HelperTasks | None = None
        self._dictionary: dict[Any, Any] | None = None

    def __repr__(self) -> str:
        return f"<Process {self.label} {self.pid}>"

    def __etf__(self) -> Pid:
        # In a message to another node a process is its pid.
        return self.pid

    @property
    def dictionary(self) -> dict[Any, Any]:
        """The process dictionary; a behaviour has ``'$ancestors'`` in it and more."""
        if self._dictionary is None:
            self._dictionary = {}
        return self._dictionary

    @property
    def env(self) -> Environment:
        """The environment: what its starter had at the start, and own changes.

        Whatever this process starts from now on begins with it; see the page on
        environments. There is nothing like it in Erlang.
        """
        return Environment(self)

    @property
    def nursery(self) -> HelperTasks:
        """Where helper tasks of this process start; they end with it."""
        if self._helpers is None:
            self._helpers = HelperTasks(self)
        return self._helpers

    def start_soon(self, function: Callable[..., Awaitable[Any]], *args: Any) -> None:
        """Run ``function(*args)`` beside the process, for as long as it lives."""
        self.nursery.start_soon(function, *args)

    async def run_sync(
        self,
        function: Callable[..., Any],
        *args: Any,
        abandon_on_cancel: bool = False,
    ) -> Any:
        """Run a blocking function in a thread and return what it returns.

        A cancelled process waits for the thread: Python cannot end one. With
        *abandon_on_cancel* it does not; the thread goes on, and what comes of it is
        dropped.
        """
        return await trio.to_thread.run_sync(
            function,
            *args,
            abandon_on_cancel=abandon_on_cancel,
            limiter=self.runtime.limiter,
        )

    def process_flag(self, name: str, value: Any) -> Any:
        """Set a flag and return its former value; ``process_flag/2``.

        ``trap_exit`` is the one with an effect, and is an attribute as well. The
        others (``priority``, ``message_queue_data``, ``max_heap_size`` and so on) are
        kept and shown by ``process_info``, but change nothing here.

        Raises:
            ValueError: There is no such flag, or not with such a value.
        """
        return set_flag(self, name, value)

    def in_helper(self) -> bool:
        """Tell whether a helper task of this process runs now, not its body."""
        return self._helpers is not None and self._helpers.running()

    def end_helpers(self) -> None:
        """Cancel the helper tasks; part of the process's end."""
        if self._helpers is not None:
            self._helpers.cancel()

    def call(
        self, dest: Any, request: Any, timeout: float | None = 5.0
    ) -> Coroutine[Any, Any, Any]:
        """Ask and wait for the answer; ``gen_server:call``, five seconds by default.

        Args:
            dest: A pid, a local name, ``(name, node)`` or an alias.
            request: Any term.
            timeout: Seconds; ``None`` waits for ever.

        Raises:
            NoProcess: Nobody is there.
            CallTimeout: No answer in time. A late one is dropped.
            CallExit: The process ended first; its ``reason`` is a term.
            NodeDown: Its node cannot be reached, or was lost meanwhile.
            MailboxFull: A process of this node that refuses more messages.
            etf.EncodeError: The request is no Erlang term. Nothing was sent.

        Cancelling it has the effect of a timeout.
        """
        # No coroutine of its own: there is one more for each step of a call.
        return call(self, dest, request, timeout)

    async def send_request(self, dest: Any, request: Any) -> Request:
        """Send a request and return at once; ``gen_server:send_request/2``.

        Its answer is fetched with ``await request.receive_response(timeout)``. It
        waits only for a connection, or for room, as :meth:`send` does; a node that
        cannot be reached is told by the answer.

        Raises:
            MailboxFull, etf.EncodeError: As for :meth:`call`. Nothing was sent.
        """
        return await send_request(self, dest, request)

    async def multi_call(
        self,
        name: str,
        request: Any,
        nodes: Iterable[str] | None = None,
        timeout: float | None = None,
    ) -> MultiReply:
        """Call the same name on several nodes at once; ``gen_server:multi_call/4``.

        *nodes* are by default this one and all visible ones it is connected to. It
        returns the answers by node, and the nodes that did not give one. *timeout* is
        for all of them together, and waits for ever by default, as in OTP.

        Raises:
            etf.EncodeError: The request is no Erlang term. Nothing was sent.
        """
        return await multi_call(self, self._nodes(nodes), name, request, timeout)

    async def abcast(
        self, name: str, request: Any, nodes: Iterable[str] | None = None
    ) -> None:
        """Cast to the same name on several nodes; ``gen_server:abcast/3``."""
        await self.cast([(name, node) for node in self._nodes(nodes)], request)

    def _nodes(self, nodes: Iterable[str] | None) -> Iterable[str]:
        return [self.runtime.name, *self.node.nodes()] if nodes is None else nodes

    async def rpc(
        self,
        peer: str,
        module: str,
        function: str,
        args: list[Any] | tuple[Any, ...] = (),
        timeout: float | None = 5.0,
    ) -> Any:
        """Run a function on another node; see ``Node.rpc``."""
        return await self.node.rpc(peer, module, function, args, timeout, caller=self)

    async def stop(
        self, dest: Any, reason: Any = "normal", timeout: float | None = 5.0
    ) -> None:
        """Ask a behaviour to end and wait until it has; ``gen_server:stop``.

        Raises:
            CallExit: It ended with another reason.
            NoProcess, CallTimeout, NodeDown: As for :meth:`call`.
        """
        await stop(self, dest, reasons.as_reason(reason), timeout)

    async def spawn(
        self,
        function: Callable[..., Awaitable[Any]],
        *args: Any,
        name: str | Via | None = None,
        link: bool = False,
        monitor: bool = False,
        tag: Any = None,
        mailbox: MailboxLimit | None = None,
        config: ProcessConfig | None = None,
    ) -> Any:
        """Start a process that runs ``function(process, *args)``; return its pid.

        With *monitor* it returns ``(pid, reference)``. Link and monitor are there
        before the first step of the body. *tag* is that of the link, for this side.
        *mailbox* limits how many messages may wait for it: see ``ergopy.MailboxLimit``;
        *config* has that and more: see ``ergopy.ProcessConfig``. It never waits.

        Raises:
            NameTaken: The name is in use; nothing was started.
            NotPermitted, SystemLimit: This process may not start any, or no more;
                nothing was started.
        """
        runtime = self.runtime
        process = runtime.spawn(
            function, args, name=name, parent=self, mailbox=mailbox, config=config
        )
        if link:
            self.link_nowait(process.pid, tag=tag)
        if monitor:
            return process.pid, self.monitor_nowait(process.pid)
        return process.pid

    def start(
        self,
        behaviour: Any,
        *args: Any,
        name: str | Via | tuple[str, Any] | None = None,
        link: bool = False,
        timeout: float | None = None,
        tag: Any = None,
        mailbox: MailboxLimit | None = None,
        config: ProcessConfig | None = None,
        **options: Any,
    ) -> Coroutine[Any, Any, Pid]:
        """Start a behaviour and return its pid when its ``init`` is done.

        Args:
            behaviour: A class such as a GenServer's; *args* go to its ``init``.
            name: A local name, a :class:`ergopy.Via` or ``("global", name)``, held
                from before ``init``, given back if that fails.
            link: Link the two before ``init`` runs; ``start_link``.
            timeout: Seconds for ``init``; past it the new process is killed.
            tag: That of the link, for the ``ExitMessage`` on this side.
            mailbox: How many messages may wait for it, and what becomes of more.
            config: That, and what else it is started with: ``ergopy.ProcessConfig``.
            options: Go to the constructor of *behaviour*.

        Raises:
            AlreadyStarted: The name is in use; ``pid`` says by whom.
            StartError: ``init`` failed; ``reason`` says why.
            Ignored: ``init`` returned ``IGNORE``.
            NotPermitted, SystemLimit: This process may not start any, or no more.

        Cancelling it kills the half-started process.
        """
        # No coroutine of its own, as for call.
        return start(
            self,
            behaviour,
            args,
            name=name,
            link=link,
            timeout=timeout,
            tag=tag,
            mailbox=mailbox,
            config=config,
            options=options,
        )

    def scope(self) -> Any:
        """Make a scope: processes that end with a block of code, or with this process.

        ``async with proc.scope() as scope``; see :class:`ergopy.Scope`.
        """
        return self.node.scope(self)

    def register(self, name: str, pid: Pid | None = None) -> None:
        """Give a process of this node a name, by default this one; ``register/2``."""
        self.runtime.register(name, self.pid if pid is None else pid)

    def unregister(self, name: str) -> None:
        """Take a name away; ``unregister/1``."""
        self.runtime.unregister(name)

    def whereis(self, name: str) -> Pid | None:
        """Return the pid behind a name of this node, or None; ``whereis/1``."""
        return self.runtime.whereis(name)
