"""Links, monitors, aliases and exit signals of one process.

The rules are the BEAM's, the same for local and remote partners. What has to cross
to another node goes through a :class:`RemoteNode`, which the node layer implements;
here nobody knows about sockets. No method waits, so each signal takes effect in one
step of the scheduler, and two signals to one process keep their order.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol, final

from ..errors import LocalProtocolError
from .atoms import KILL, KILLED, NOPROC, NORMAL
from .mailbox import Mailbox
from .messages import Down, ExitMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    import trio

    from etf import Pid, Reference

    from .runtime import Runtime

logger = logging.getLogger("ergopy.process")

LINKED = 0
"""Value in ``links`` of an active link; an unlink under way has its id there."""

ALIVE: Any = object()
"""Value of ``exit_reason`` until there is one; None is a reason: the atom ``nil``."""


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

    problem: str
    """Why there is no connection, when ``ready`` has returned False."""

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

    __slots__ = ("owner", "ref", "remote", "reported", "target")

    def __init__(
        self, owner: Signals, ref: Reference, remote: RemoteNode | None, reported: Any
    ) -> None:
        self.owner = owner
        self.ref = ref
        self.remote = remote
        self.reported = reported
        # A process here, once it is found; over there, what the monitor names.
        self.target: Any = None

    def fire(self, reason: Any) -> None:
        if self.owner.monitors.pop(self.ref, None) is not None:
            self.owner.unalias(self.ref)
            self.owner.deliver(Down(self.ref, self.reported, reason))

    def release(self) -> None:
        """Make the other side forget it."""
        if self.remote is not None:
            self.remote.demonitor(self.owner.pid, self.target, self.ref)
        else:
            self.target.watchers.pop(self.ref.words, None)


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
            self.owner.demonitor(self.ref, flush=False)
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
        self.exit_reason: Any = ALIVE
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
        """False from the moment on at which the process is known to end.

        As with ``is_process_alive/1``, a signal that ends it counts once it is sent.
        """
        return self.exit_reason is ALIVE

    def monitor_nowait(
        self, target: Pid | str | tuple[str, str], *, alias: bool = False
    ) -> Reference:
        """Start a monitor without waiting for a connection; see ``Process.monitor``."""
        runtime = self.runtime
        self.check_not_over()
        ref = runtime.new_reference()
        remote, whom, reported = runtime.locate(target)
        record = Monitor(self, ref, remote, reported)
        self.monitors[ref] = record
        if alias:
            self._add_alias(ref, once=True)
        if remote is not None:
            record.target = whom
            try:
                remote.monitor(self.pid, whom, ref, record)
            except BaseException:
                self.unalias(ref)
                del self.monitors[ref]
                raise
            return ref
        record.target = process = runtime.find(whom)
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
            if flush:
                self.remove(lambda m: m.__class__ is Down and m.ref == ref)
            return False
        self.unalias(ref)
        record.release()
        return True

    def alias(self, *, once: bool = False) -> Reference:
        """Make a reference that can be sent to instead of the pid; ``erlang:alias``.

        It works until :meth:`unalias`, with *once* until the first message.
        """
        self.check_not_over()
        ref = self.runtime.new_reference()
        self._add_alias(ref, once)
        return ref

    def unalias(self, alias: Reference) -> bool:
        """End an alias of this process; return whether it was one.

        What is sent to it later is dropped.
        """
        if self._aliases is None or alias not in self._aliases:
            return False
        self._aliases.discard(alias)
        del self.runtime.aliases[alias.words]
        return True

    def _add_alias(self, ref: Reference, once: bool) -> None:
        if self._aliases is None:
            self._aliases = set()
        self._aliases.add(ref)
        self.runtime.aliases[ref.words] = Alias(self, ref, once)

    def check_not_over(self) -> None:
        """Raise LocalProtocolError if the process has left the tables for good."""
        # What a dead process holds would never be cleaned up.
        if self.runtime.processes.get(self.pid.id) is not self:
            raise LocalProtocolError(f"process {self.pid} has ended")

    def link_nowait(self, to: Pid) -> None:
        """Link without waiting for a connection; see ``Process.link``."""
        if to == self.pid or self.links.get(to) == LINKED:
            return
        self.check_not_over()
        remote = self.runtime.remote(to)
        if remote is not None:
            self.links[to] = LINKED
            try:
                remote.link(self, to)
            except BaseException:
                del self.links[to]
                raise
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
            self.kill()
        elif self.trap_exit:
            self.deliver(ExitMessage(sender, reason))
        elif reason != NORMAL or sender == self.pid:
            self.end(reason)

    def end(self, reason: Any) -> None:
        """Begin to end with *reason*: the first reason given is the one reported."""
        if self.exit_reason is ALIVE:
            self.exit_reason = reason
        # The next receive is a checkpoint, whatever is there to be received.
        self.budget = 0
        if self.scope is not None:
            self.scope.cancel()

    def kill(self) -> None:
        """Begin to end with ``killed``; not even a clean-up goes on."""
        self.end(KILLED)
        if self.shield is not None:
            self.shield.cancel()

    def finish(self, reason: Any) -> None:
        """Leave every table and tell everybody, in one step.

        The names go first: whoever hears of the end finds nobody under them.
        """
        runtime = self.runtime
        runtime.processes.pop(self.pid.id, None)
        if self.names:
            self.drop_names()
        if self._aliases:
            for ref in list(self._aliases):
                self.unalias(ref)
        links, self.links = self.links, {}
        watchers, self.watchers = self.watchers, {}
        for pid, state in links.items():
            self._each(self._exit_link, pid, state, reason)
        for watcher in watchers.values():
            self._each(watcher.fire, reason)
        if self.monitors:
            for ref in list(self.monitors):
                self._each(self.demonitor, ref)
        self.queue = None
        runtime.one_less()

    def _each(self, step: Callable[..., object], *args: Any) -> None:
        # Whatever goes wrong for one partner, the others have to hear of the end.
        try:
            step(*args)
        except Exception:
            logger.exception("a signal of %s at its end was lost", self.pid)

    def _exit_link(self, pid: Pid, state: int, reason: Any) -> None:
        remote = self.runtime.remote(pid)
        if remote is not None:
            remote.forget_link(self, pid)
            if state == LINKED:
                remote.exit_link(self.pid, pid, reason)
            return
        other = self.runtime.find(pid)
        if other is not None and other.links.pop(self.pid, None) is not None:
            other.exit_from(self.pid, reason, link=True)

    def drop_names(self) -> None:
        """Give the names back: nobody is found under them any more."""
        for name in self.names:
            del self.runtime.names[name]
        self.names.clear()
