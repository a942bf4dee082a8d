"""The process that user code sees: its verbs, all with itself as the sender."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from . import reasons
from .calls import call, stop
from .flags import set_flag
from .helpers import HelperTasks
from .spawn_verbs import SpawnVerbs
from .start import start

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from etf import Pid

    from .limits import MailboxLimit
    from .runtime import Runtime


class Process(SpawnVerbs):
    """One process: a Trio task with a pid, a mailbox, links, monitors and aliases.

    It is handed to the function that is its body, and is ``self.process`` in a
    behaviour. Only the body may :meth:`receive`; its helper tasks may use the rest.
    """

    __slots__ = (
        "_dictionary",
        "_helpers",
        "flags",
        "label",
        "life",
        "log_crash",
        "node",
        "parent",
    )

    dropped = 0
    """Messages that a full mailbox has dropped; only a limited one does."""

    def __init__(self, runtime: Runtime, label: str, parent: Pid | None = None) -> None:
        super().__init__(runtime, runtime.new_pid())
        self.label: Any = label
        """What it is called in logs: any term, as for ``proc_lib:set_label/1``."""
        self.parent = parent
        self.node: Any = runtime.owner
        self.group_leader = self.pid
        self.log_crash = True
        self.life: Coroutine[Any, Any, Any] | None = None
        """The coroutine of its task."""
        self.flags: dict[str, Any] | None = None
        """The flags that ``process_flag`` has set, but ``trap_exit``."""
        self._helpers: HelperTasks | None = None
        self._dictionary: dict[Any, Any] | None = None

    def __repr__(self) -> str:
        return f"<Process {self.label} {self.pid}>"

    @property
    def dictionary(self) -> dict[Any, Any]:
        """The process dictionary; a behaviour has ``'$ancestors'`` in it and more."""
        if self._dictionary is None:
            self._dictionary = {}
        return self._dictionary

    @property
    def nursery(self) -> HelperTasks:
        """Where helper tasks of this process start; they end with it."""
        if self._helpers is None:
            self._helpers = HelperTasks(self)
        return self._helpers

    def start_soon(self, function: Callable[..., Awaitable[Any]], *args: Any) -> None:
        """Run ``function(*args)`` beside the process, for as long as it lives."""
        self.nursery.start_soon(function, *args)

    async def run_sync(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run a blocking function in a thread and return what it returns.

        A cancelled process waits for the thread: Python cannot end one.
        """
        return await trio.to_thread.run_sync(
            function, *args, limiter=self.runtime.limiter
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

    async def call(self, dest: Any, request: Any, timeout: float | None = 5.0) -> Any:
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
        return await call(self, dest, request, timeout)

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
        name: str | None = None,
        link: bool = False,
        monitor: bool = False,
        mailbox: MailboxLimit | None = None,
    ) -> Any:
        """Start a process that runs ``function(process, *args)``; return its pid.

        With *monitor* it returns ``(pid, reference)``. Link and monitor are there
        before the first step of the body. *mailbox* limits how many messages may wait
        for it: see ``ergopy.MailboxLimit``. It never waits.

        Raises:
            NameTaken: The name is in use; nothing was started.
        """
        runtime = self.runtime
        process = runtime.spawn(function, args, name=name, parent=self, mailbox=mailbox)
        if link:
            self.link_nowait(process.pid)
        if monitor:
            return process.pid, self.monitor_nowait(process.pid)
        return process.pid

    async def start(
        self,
        behaviour: Any,
        *args: Any,
        name: str | None = None,
        link: bool = False,
        timeout: float | None = None,
        mailbox: MailboxLimit | None = None,
        **options: Any,
    ) -> Pid:
        """Start a behaviour and return its pid when its ``init`` is done.

        Args:
            behaviour: A class such as a GenServer's; *args* go to its ``init``.
            name: A local name, held from before ``init``, given back if that fails.
            link: Link the two before ``init`` runs; ``start_link``.
            timeout: Seconds for ``init``; past it the new process is killed.
            mailbox: How many messages may wait for it, and what becomes of more.
            options: Go to the constructor of *behaviour*.

        Raises:
            AlreadyStarted: The name is in use; ``pid`` says by whom.
            StartError: ``init`` failed; ``reason`` says why.
            Ignored: ``init`` returned ``IGNORE``.

        Cancelling it kills the half-started process.
        """
        return await start(
            self,
            behaviour,
            args,
            name=name,
            link=link,
            timeout=timeout,
            mailbox=mailbox,
            options=options,
        )

    def register(self, name: str, pid: Pid | None = None) -> None:
        """Give a process of this node a name, by default this one; ``register/2``."""
        self.runtime.register(name, self.pid if pid is None else pid)

    def unregister(self, name: str) -> None:
        """Take a name away; ``unregister/1``."""
        self.runtime.unregister(name)

    def whereis(self, name: str) -> Pid | None:
        """Return the pid behind a name of this node, or None; ``whereis/1``."""
        return self.runtime.whereis(name)
