"""What holds processes together, and what parts them: exit signals and their ways.

``aliases``, ``monitors`` and ``links`` each add what they are about to a process; here
are exit signals, and the end of a process, which all of them hear of.

The rules are the BEAM's, the same for local and remote partners. What has to cross
to another node goes through a :class:`RemoteNode`, which the node layer implements;
here nobody knows about sockets. No method waits, so each signal takes effect in one
step of the scheduler, and two signals to one process keep their order.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from .atoms import KILL, KILLED, NORMAL
from .links import Links, is_active
from .messages import ExitMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    import trio

    from etf import Pid, Reference

    from .runtime import Runtime

logger = logging.getLogger("ergopy.process")

ALIVE: Any = object()
"""Value of ``exit_reason`` until there is one; None is a reason: the atom ``nil``."""


class Watcher(Protocol):
    """Somebody who is told, once, that a process has ended."""

    def fire(self, reason: Any) -> None:
        """Take the exit reason. Must not wait or raise."""


class Receiver(Protocol):
    """What an alias of ours leads to."""

    @property
    def owner(self) -> Signals:
        """The process, for an exit signal."""

    @property
    def priority(self) -> bool:
        """Whether it takes priority messages."""

    def deliver(self, message: Any) -> None:
        """Take a message. Must not wait or raise."""

    def deliver_priority(self, message: Any) -> None:
        """Take a priority message, as such or as an ordinary one."""


class RemoteNode(Protocol):
    """How signals reach one other node. No method waits, except ``ready``."""

    problem: str
    """Why there is no connection, when ``ready`` has returned False."""

    def send(self, sender: Pid, to: Pid, message: Any) -> None: ...
    def send_name(self, sender: Pid, name: str, message: Any) -> None: ...
    def send_alias(self, sender: Pid, alias: Reference, message: Any) -> None: ...
    def encode(self, message: Any) -> bytes: ...
    def send_many(
        self, sender: Pid, targets: list[Pid | str | Reference], payload: bytes
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
    def exit_signal(
        self, sender: Pid, to: Pid | Reference, reason: Any, *, priority: bool = False
    ) -> None: ...
    def send_priority(
        self, sender: Pid, to: Pid | str | Reference, message: Any
    ) -> None: ...
    def group_leader(self, leader: Pid, to: Pid) -> None: ...
    def watch_of(self, ref: Reference) -> Any: ...
    def watch_node(self, record: Watcher) -> None: ...
    def unwatch_node(self, record: Watcher) -> None: ...
    def is_ready(self, sender: Pid) -> bool: ...
    def has_room(self, sender: Pid) -> bool: ...
    async def ready(self, sender: Pid) -> bool: ...


class Signals(Links):
    """A mailbox with a pid: what other processes can hold on to."""

    __slots__ = (
        "cancel_scope",
        "claims",
        "exit_reason",
        "names",
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
        self.cancel_scope: trio.CancelScope | None = None
        self.shield: trio.CancelScope | None = None
        """The scope of a clean-up that only ``kill`` may cut short."""
        self.names: tuple[str, ...] = ()
        self.claims: dict[Any, Watcher] | None = None
        """Who has to know at once that it ends; see :meth:`claim`."""
        self.watchers: dict[Any, Watcher] = {}
        # Most processes have none of these, and an empty dict is 64 bytes.
        self._links = self._link_tags = self._monitors = self._aliases = None

    @property
    def alive(self) -> bool:
        """False from the moment on at which the process is known to end.

        As with ``is_process_alive/1``, a signal that ends it counts once it is sent.
        """
        return self.exit_reason is ALIVE

    def exit_from(
        self,
        sender: Pid,
        reason: Any,
        *,
        link: bool,
        priority: bool = False,
        tag: Any = None,
    ) -> None:
        """Take an exit signal, over a link or from ``exit/2``.

        ``kill`` cannot be trapped unless it came over a link; ``normal`` does nothing
        unless trapped, or sent by the process to itself. With *priority* a process
        that traps has it before the ordinary messages. *tag* is that of the link.
        """
        if reason == KILL and not link:
            self.kill()
        elif self.trap_exit:
            message = ExitMessage(sender, reason, tag)
            if priority:
                self.deliver_priority(message)
            else:
                self.deliver(message)
        elif reason != NORMAL or sender == self.pid:
            self.end(reason)

    def end(self, reason: Any) -> None:
        """Begin to end with *reason*: the first reason given is the one reported."""
        if self.exit_reason is ALIVE:
            self.exit_reason = reason
            if self.claims is not None:
                self._drop_claims(reason)
        # The next receive is a checkpoint, whatever is there to be received.
        self.budget = 0
        if self.cancel_scope is not None:
            self.cancel_scope.cancel()

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
        if self.claims is not None:
            self._drop_claims(reason)
        if runtime.processes.get(self.pid.id) is not self:
            # It was declared defunct, and all of this is done.
            return
        del runtime.processes[self.pid.id]
        if runtime.tracer is not None:
            runtime.tracer.ended(self, reason)
        if self.names:
            self.drop_names()
        if self._aliases:
            self.end_aliases()
        runtime.node_monitors.forget(self)
        links, self._links = self._links, None
        self._link_tags = None
        watchers, self.watchers = self.watchers, {}
        for pid, state in (links or {}).items():
            self._each(self._exit_link, pid, state, reason)
        for watcher in watchers.values():
            self._each(watcher.fire, reason)
        if self._monitors:
            for ref in list(self._monitors):
                self._each(self.demonitor, ref)
        self.clear()

    def claim(self, key: Any, record: Watcher) -> None:
        """Let *record* fire as soon as it is known that this process ends.

        That is before it is over: it may still clean up. For what must not find a
        process that is not :attr:`alive`.
        """
        if self.claims is None:
            self.claims = {}
        self.claims[key] = record

    def unclaim(self, key: Any) -> None:
        """Take a claim back."""
        if self.claims is not None:
            self.claims.pop(key, None)

    def _drop_claims(self, reason: Any) -> None:
        claims, self.claims = self.claims, None
        for record in (claims or {}).values():
            self._each(record.fire, reason)

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
            if is_active(state):
                remote.exit_link(self.pid, pid, reason)
            return
        other = self.runtime.find(pid)
        if other is not None:
            other.break_link(self.pid, reason)

    def drop_names(self) -> None:
        """Give the names back: nobody is found under them any more."""
        names, self.names = self.names, ()
        for name in names:
            del self.runtime.names[name]
