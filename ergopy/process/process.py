"""The process that user code sees: its verbs, all with itself as the sender."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import trio

from etf import Pid, Reference

from ..errors import AlreadyStarted, LocalProtocolError, NotRegistered
from . import reasons
from .atoms import GEN_CAST, KILL
from .calls import call, stop
from .helpers import HelperTasks
from .signals import Signals
from .start import StartAck

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .runtime import Runtime
    from .signals import RemoteNode
    from .timers import Timer


class Process(Signals):
    """One process: a Trio task with a pid, a mailbox, links, monitors and aliases.

    It is handed to the function that is its body, and is ``self.process`` in a
    behaviour. Only the body may :meth:`receive`; its helper tasks may use the rest.
    """

    __slots__ = (
        "_dictionary",
        "_helpers",
        "group_leader",
        "label",
        "log_crash",
        "node",
        "parent",
    )

    def __init__(self, runtime: Runtime, label: str, parent: Pid | None = None) -> None:
        super().__init__(runtime, runtime.new_pid())
        self.label = label
        self.parent = parent
        self.node: Any = runtime.owner
        self.group_leader: Pid = self.pid
        self.log_crash = True
        self._helpers: HelperTasks | None = None
        self._dictionary: dict[Any, Any] | None = None

    def __repr__(self) -> str:
        return f"<Process {self.label} {self.pid}>"

    @property
    def dictionary(self) -> dict[Any, Any]:
        """The process dictionary; ``'$ancestors'`` and ``'$initial_call'`` are in it."""
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

    def end_helpers(self) -> None:
        """Cancel the helper tasks; part of the process's end."""
        if self._helpers is not None:
            self._helpers.cancel()

    async def send(self, dest: Any, message: Any) -> None:
        """Send *message*, connecting first if need be; ``Dest ! Message``.

        *dest* is a pid, an alias, a local name, ``(name, node)``, or a list of these.
        It waits while more than the high-water mark of bytes is queued for that node;
        the BEAM suspends senders likewise. A node that cannot be reached, a dead pid
        and an unknown remote name swallow the message, as they do on the BEAM.

        Raises:
            NotRegistered: A local name that nobody has (``badarg`` there).
            etf.EncodeError: The message is no Erlang term. Nothing was sent.
        """
        if _is_many(dest):
            remotes = self._send_local(dest, message)
            for remote, targets in remotes.items():
                if remote.is_ready() or await remote.ready():
                    remote.send_many(self.pid, targets, message)
            return
        way = self._way(dest)
        if way is not None and not way.is_ready() and not await way.ready():
            return
        self._send(dest, message)

    def send_nowait(self, dest: Any, message: Any) -> None:
        """Send without ever waiting; ``erlang:send(Dest, Message, [nosuspend])``.

        To a node that is not connected it starts a connection and queues the message.

        Raises:
            trio.WouldBlock: The queue for that node is above its high-water mark.
                Of several destinations the other ones have got the message.
            NotRegistered: A local name that nobody has.
            etf.EncodeError: The message is no Erlang term. Nothing was sent.
        """
        if dest.__class__ is Pid and dest.node != self.runtime.name:
            remote = self.runtime.remote_node(dest.node)
            if not remote.has_room():
                raise trio.WouldBlock
            remote.send(self.pid, dest, message)
        elif _is_many(dest):
            full = False
            for remote, targets in self._send_local(dest, message).items():
                full = full or not remote.has_room()
                if remote.has_room():
                    remote.send_many(self.pid, targets, message)
            if full:
                raise trio.WouldBlock
        else:
            way = self._way(dest)
            if way is not None and not way.has_room():
                raise trio.WouldBlock
            self._send(dest, message)

    def _way(self, dest: Any) -> RemoteNode | None:
        if dest.__class__ is Pid or dest.__class__ is Reference:
            return self.runtime.remote(dest)
        return self.runtime.locate(dest)[0]

    def _send_local(
        self, dests: Iterable[Any], message: Any
    ) -> dict[RemoteNode, list[Any]]:
        """Send to those of *dests* that are here; return the others by node."""
        remotes: dict[RemoteNode, list[Any]] = {}
        for dest in dests:
            way = self._way(dest)
            if way is None:
                self._send(dest, message)
            else:
                target = dest if dest.__class__ is Reference else None
                targets = remotes.setdefault(way, [])
                targets.append(target or self.runtime.locate(dest)[1])
        return remotes

    def _send(self, dest: Any, message: Any) -> None:
        runtime = self.runtime
        if dest.__class__ is Reference:
            if dest.node != runtime.name:
                runtime.remote_node(dest.node).send_alias(self.pid, dest, message)
            elif dest.creation == runtime.creation:
                receiver = runtime.aliases.get(dest.words)
                if receiver is not None:
                    receiver.deliver(message)
            return
        remote, target, _ = runtime.locate(dest)
        if remote is None:
            process = runtime.find(target)
            if process is not None:
                process.deliver(message)
            elif dest.__class__ is not Pid and not isinstance(dest, tuple):
                raise NotRegistered(dest)
        elif target.__class__ is Pid:
            remote.send(self.pid, target, message)
        else:
            remote.send_name(self.pid, target, message)  # type: ignore[arg-type]

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
            etf.EncodeError: The request is no Erlang term. Nothing was sent.

        Cancelling it has the effect of a timeout.
        """
        return await call(self, dest, request, timeout)

    async def cast(self, dest: Any, request: Any) -> None:
        """Send a request that wants no answer; ``gen_server:cast``.

        Like :meth:`send`, but a name that nobody has is no error.
        """
        try:
            await self.send(dest, (GEN_CAST, request))
        except NotRegistered:
            return

    def reply_nowait(self, from_: Any, value: Any) -> None:
        """Answer a call; *from_* is what ``handle_call`` was given."""
        to, tag = from_
        alias = getattr(tag, "tail", None)
        if alias is None and tag.__class__ is list and tag:
            alias = getattr(tag[0], "tail", None)
        self._answer(alias if alias.__class__ is Reference else to, (tag, value))

    def _answer(self, dest: Any, message: Any) -> None:
        runtime = self.runtime
        if dest.node == runtime.name:
            self._send(dest, message)
        elif dest.__class__ is Reference:
            runtime.remote_node(dest.node).send_alias(self.pid, dest, message)
        else:
            runtime.remote_node(dest.node).send(self.pid, dest, message)

    async def reply(self, from_: Any, value: Any) -> None:
        """Answer a call; any process may, once. Waits as :meth:`send` does."""
        self.reply_nowait(from_, value)
        remote = self.runtime.remote(from_[0])
        if remote is not None and not remote.is_ready():
            await remote.ready()

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
    ) -> Any:
        """Start a process that runs ``function(process, *args)``; return its pid.

        With *monitor* it returns ``(pid, reference)``. Link and monitor are there
        before the first step of the body. It never waits.

        Raises:
            NameTaken: The name is in use; nothing was started.
        """
        runtime = self.runtime
        process = runtime.spawn(function, args, name=name, parent=self)
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
        **options: Any,
    ) -> Pid:
        """Start a behaviour and return its pid when its ``init`` is done.

        Args:
            behaviour: A class such as a GenServer's; *args* go to its ``init``.
            name: A local name, held from before ``init``, given back if that fails.
            link: Link the two before ``init`` runs; ``start_link``.
            timeout: Seconds for ``init``; past it the new process is killed.
            options: Go to the constructor of *behaviour*.

        Raises:
            AlreadyStarted: The name is in use; ``pid`` says by whom.
            StartError: ``init`` failed; ``reason`` says why.
            Ignored: ``init`` returned ``IGNORE``.

        Cancelling it kills the half-started process.
        """
        runtime = self.runtime
        if name is not None and (owner := runtime.names.get(name)) is not None:
            raise AlreadyStarted(name, owner.pid)
        instance = behaviour(**options)
        ack = StartAck()
        process = runtime.spawn(
            instance.enter,
            (args, ack),
            name=name,
            parent=self,
            label=name or behaviour.__qualname__,
        )
        process.log_crash = False
        process.watchers[ack] = ack
        if link:
            self.link_nowait(process.pid)
        timer = None
        if timeout is not None and timeout != math.inf:
            timer = runtime.timers.start(timeout, ack.time_out)
        try:
            failure = await ack.wait(lambda: process.end(KILL))
        finally:
            if timer is not None:
                timer.cancel()
        process.watchers.pop(ack, None)
        if failure is None:
            return process.pid
        self.links.pop(process.pid, None)
        process.links.pop(self.pid, None)
        process.end(KILL)
        raise failure(behaviour.__qualname__)

    async def monitor(
        self, target: Pid | str | tuple[str, str], *, alias: bool = False
    ) -> Reference:
        """Watch a process: one ``Down`` arrives when it ends; ``erlang:monitor/2``.

        Nobody there: a ``Down`` with ``noproc``; no connection to be had, or lost
        later: ``noconnection``. With *alias* the reference can be sent to as well,
        once, and that message ends the monitor (``{alias, reply_demonitor}``).
        """
        remote = self.runtime.locate(target)[0]
        if remote is not None:
            await remote.ready()
        return self.monitor_nowait(target, alias=alias)

    async def link(self, to: Pid) -> None:
        """Link the two processes: when one fails, so does the other; ``link/1``.

        If nobody is there an exit signal ``noproc`` comes back, ``noconnection`` if
        the node cannot be reached.
        """
        remote = self.runtime.remote(to)
        if remote is not None:
            await remote.ready()
        self.link_nowait(to)

    async def exit(self, to: Pid, reason: Any) -> None:
        """Send an exit signal; ``exit/2``. ``"kill"`` cannot be trapped."""
        reason = reasons.as_reason(reason)
        remote = self.runtime.remote(to)
        if remote is not None:
            if await remote.ready():
                remote.exit_signal(self.pid, to, reason)
            return
        process = self.runtime.find(to)
        if process is not None:
            process.exit_from(self.pid, reason, link=False)

    def send_after(self, seconds: float, dest: Any, message: Any) -> Timer:
        """Send *message* in *seconds*; ``erlang:send_after/3``, in seconds.

        The timer's ``cancel()`` and ``read()`` return the seconds left, or None. If
        the destination is gone by then the message is dropped.
        """
        return self.runtime.timers.start(seconds, lambda: self._late(dest, message))

    def _late(self, dest: Any, message: Any) -> None:
        try:
            self.send_nowait(dest, message)
        except (NotRegistered, trio.WouldBlock, LocalProtocolError):
            return


def _is_many(dest: Any) -> bool:
    """Tell a list of destinations from one; ``(name, node)`` is one."""
    if dest.__class__ is Pid or isinstance(dest, str) or dest.__class__ is Reference:
        return False
    if isinstance(dest, tuple):
        return not (dest and isinstance(dest[0], str))
    return isinstance(dest, Iterable)
