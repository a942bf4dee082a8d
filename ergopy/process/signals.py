"""Links, monitors, aliases and exit signals of one process.

The rules are the BEAM's, the same for local and remote partners. What has to cross
to another node goes through a :class:`RemoteNode`, which the node layer implements;
here nobody knows about sockets. No method waits, so each signal takes effect in one
step of the scheduler, and two signals to one process keep their order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, final

import trio

from etf import Pid, Reference

from .atoms import KILL, KILLED, NOPROC, NORMAL
from .mailbox import Mailbox
from .messages import Down, ExitMessage

if TYPE_CHECKING:
    from .runtime import Runtime

LINKED = 0
"""Value in ``links`` of an active link; an unlink under way has its id there."""


class Watcher(Protocol):
    """Somebody who is told, once, that a process has ended."""

    def fire(self, reason: Any) -> None:
        """Take the exit reason. Must not wait or raise."""


class Receiver(Protocol):
    """What an alias of ours leads to."""

    def deliver(self, message: Any) -> None:
        """Take a message. Must not wait or raise."""


class RemoteNode(Protocol):
    """How signals reach one other node. No method waits, except ``ready``."""

    def send(self, sender: Pid, to: Pid, message: Any) -> None: ...
    def send_name(self, sender: Pid, name: str, message: Any) -> None: ...
    def send_alias(self, sender: Pid, alias: Reference, message: Any) -> None: ...
    def send_many(
        self, sender: Pid, targets: list[Pid | str | Reference], message: Any
    ) -> None: ...
    def monitor(
        self, watcher: Pid, target: Pid | str, ref: Reference, record: Watcher
    ) -> None: ...
    def demonitor(self, watcher: Pid, target: Pid | str, ref: Reference) -> None: ...
    def call(
        self,
        caller: Pid,
        target: Pid | str,
        ref: Reference,
        message: Any,
        record: Watcher,
    ) -> None: ...
    def link(self, process: Signals, to: Pid) -> None: ...
    def unlink(self, process: Signals, to: Pid) -> int: ...
    def forget_link(self, process: Signals, to: Pid) -> None: ...
    def exit_link(self, sender: Pid, to: Pid, reason: Any) -> None: ...
    def exit_signal(self, sender: Pid, to: Pid, reason: Any) -> None: ...
    def group_leader(self, leader: Pid, to: Pid) -> None: ...
    def is_ready(self) -> bool: ...
    def has_room(self) -> bool: ...
    async def ready(self) -> bool: ...


@final
class Monitor:
    """A monitor that a process of ours holds, on whomever."""

    __slots__ = ("alias", "owner", "ref", "remote", "reported", "target")

    def __init__(
        self,
        owner: Signals,
        ref: Reference,
        target: Pid | str,
        remote: RemoteNode | None,
        reported: Any,
    ) -> None:
        self.owner = owner
        self.ref = ref
        self.target = target
        self.remote = remote
        self.reported = reported

    def fire(self, reason: Any) -> None:
        if self.owner.monitors.pop(self.ref, None) is not None:
            self.owner.runtime.aliases.pop(self.ref.words, None)
            self.owner.deliver(Down(self.ref, self.reported, reason))


@final
class Alias:
    """An alias of a process; one-shot aliases end with their first message."""

    __slots__ = ("once", "owner", "ref")

    def __init__(self, owner: Signals, ref: Reference, once: bool) -> None:
        self.owner = owner
        self.ref = ref
        self.once = once

    def deliver(self, message: Any) -> None:
        if self.once:
            self.owner.unalias(self.ref)
            if self.ref in self.owner.monitors:
                self.owner.demonitor(self.ref)
        self.owner.deliver(message)


class Signals(Mailbox):
    """A mailbox with a pid: what other processes can hold on to."""

    __slots__ = (
        "_aliases",
        "exit_reason",
        "links",
        "monitors",
        "names",
        "pid",
        "runtime",
        "scope",
        "shield",
        "trap_exit",
        "watchers",
    )

    def __init__(self, runtime: Runtime, pid: Pid) -> None:
        super().__init__(runtime.timers)
        self.runtime = runtime
        self.pid = pid
        self.trap_exit = False
        self.exit_reason: Any = None
        self.scope: trio.CancelScope | None = None
        self.shield: trio.CancelScope | None = None
        """The scope of a clean-up that only ``kill`` may cut short."""
        self.names: list[str] = []
        self.links: dict[Pid, int] = {}
        self.monitors: dict[Reference, Monitor] = {}
        self.watchers: dict[Any, Watcher] = {}
        self._aliases: set[Reference] | None = None

    @property
    def alive(self) -> bool:
        """False from the moment on at which the process is known to end."""
        return self.runtime.processes.get(self.pid.id) is self

    def monitor_nowait(
        self, target: Pid | str | tuple[str, str], *, alias: bool = False
    ) -> Reference:
        """Start a monitor without waiting for a connection; see ``Process.monitor``."""
        runtime = self.runtime
        ref = runtime.new_reference()
        remote, whom, reported = runtime.locate(target)
        record = Monitor(self, ref, whom, remote, reported)
        self.monitors[ref] = record
        if alias:
            runtime.aliases[ref.words] = Alias(self, ref, once=True)
            self._own_alias(ref)
        if remote is not None:
            remote.monitor(self.pid, whom, ref, record)
            return ref
        process = runtime.find(whom)
        if process is None:
            record.fire(NOPROC)
        else:
            process.watchers[ref.words] = record
        return ref

    def demonitor(self, ref: Reference, *, flush: bool = True) -> bool:
        """End a monitor; like ``erlang:demonitor/2``.

        With *flush*, which is the default here and an option there, a ``Down`` that
        is in the mailbox already is taken out. Returns whether the monitor was there.
        """
        record = self.monitors.pop(ref, None)
        if record is None:
            if flush and self.queue:
                for index, message in enumerate(self.queue):
                    if isinstance(message, Down) and message.ref == ref:
                        del self.queue[index]
                        break
            return False
        self.unalias(ref)
        if record.remote is not None:
            record.remote.demonitor(self.pid, record.target, ref)
        else:
            process = self.runtime.find(record.target)
            if process is None or process.watchers.pop(ref.words, None) is None:
                self.runtime.drop_watcher(ref.words)
        return True

    def alias(self, *, once: bool = False) -> Reference:
        """Make a reference that can be sent to instead of the pid; ``erlang:alias``.

        It works until :meth:`unalias`, with *once* until the first message.
        """
        ref = self.runtime.new_reference()
        self.runtime.aliases[ref.words] = Alias(self, ref, once)
        self._own_alias(ref)
        return ref

    def unalias(self, alias: Reference) -> bool:
        """End an alias; return whether it was active. What comes later is dropped."""
        if self._aliases is not None:
            self._aliases.discard(alias)
        return self.runtime.aliases.pop(alias.words, None) is not None

    def _own_alias(self, ref: Reference) -> None:
        if self._aliases is None:
            self._aliases = set()
        self._aliases.add(ref)

    def link_nowait(self, to: Pid) -> None:
        """Link without waiting for a connection; see ``Process.link``."""
        if to == self.pid or self.links.get(to) == LINKED:
            return
        remote = self.runtime.remote(to)
        if remote is not None:
            self.links[to] = LINKED
            remote.link(self, to)
            return
        other = self.runtime.find(to)
        if other is None:
            self.exit_from(to, NOPROC, link=True)
        else:
            self.links[to] = other.links[self.pid] = LINKED

    def unlink(self, to: Pid) -> None:
        """End the link; when this returns no exit signal of it will arrive any more."""
        if self.links.get(to) != LINKED:
            return
        remote = self.runtime.remote(to)
        if remote is not None:
            self.links[to] = remote.unlink(self, to)
            return
        del self.links[to]
        other = self.runtime.find(to)
        if other is not None:
            other.links.pop(self.pid, None)

    def exit_from(self, sender: Pid, reason: Any, *, link: bool) -> None:
        """Take an exit signal, over a link or from ``exit/2``.

        ``kill`` cannot be trapped unless it came over a link; ``normal`` does nothing
        unless trapped, or sent by the process to itself.
        """
        if reason == KILL and not link:
            self.end(KILLED)
        elif self.trap_exit:
            self.deliver(ExitMessage(sender, reason))
        elif reason != NORMAL or sender == self.pid:
            self.end(reason)

    def end(self, reason: Any) -> None:
        """Begin to end with *reason*: the first reason given is the one reported."""
        if self.exit_reason is None:
            self.exit_reason = reason
        if self.scope is not None:
            self.scope.cancel()
        if reason is KILLED and self.shield is not None:
            self.shield.cancel()

    def finish(self, reason: Any) -> None:
        """Leave every table and tell everybody, in one step.

        The names go first: whoever hears of the end finds nobody under them.
        """
        runtime = self.runtime
        runtime.processes.pop(self.pid.id, None)
        for name in self.names:
            runtime.names.pop(name, None)
        for ref in self._aliases or ():
            runtime.aliases.pop(ref.words, None)
        for ref in list(self.monitors):
            self.demonitor(ref, flush=False)
        links, self.links = self.links, {}
        watchers, self.watchers = self.watchers, {}
        for pid, state in links.items():
            remote = runtime.remote(pid)
            if remote is not None:
                remote.forget_link(self, pid)
                if state == LINKED:
                    remote.exit_link(self.pid, pid, reason)
                continue
            other = runtime.find(pid)
            if other is not None and other.links.pop(self.pid, None) is not None:
                other.exit_from(self.pid, reason, link=True)
        for watcher in watchers.values():
            watcher.fire(reason)
        self.queue = None
        runtime.one_less()
