"""Processes with a configuration: their verbs look at what they may do.

Only they pay for it; a process without one is a plain :class:`Process`. What is looked
at is the verb of the process, and what it does through its node while it runs: so
``node.spawn`` is no way around. What the tasks of a nursery of its own do through the
node is not seen.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, final

import trio

from etf import Pid, Reference

from . import environment
from .allowance import Allowance
from .configuration import DEFAULT, ProcessConfig, narrowed
from .lifetime import Lifetime
from .limits import LimitedProcess
from .permissions import require, require_call
from .process import Process
from .root import RootProcess

if TYPE_CHECKING:
    from collections.abc import Callable

    from .limits import MailboxLimit
    from .message_timers import MessageTimer
    from .runtime import Runtime
    from .signals import RemoteNode


class Configured(Process):
    """A process as one that may not do everything."""

    __slots__ = ()

    allowance: Allowance

    def finish(self, reason: Any) -> None:
        self.allowance.give_back()
        super().finish(reason)

    def register(self, name: str, pid: Pid | None = None) -> None:
        require(self, "may_register")
        super().register(name, pid)

    def unregister(self, name: str) -> None:
        require(self, "may_register")
        super().unregister(name)

    async def run_sync(self, function: Callable[..., Any], *args: Any) -> Any:
        require(self, "may_run_sync")
        return await super().run_sync(function, *args)

    async def rpc(self, peer: str, module: str, *args: Any, **options: Any) -> Any:
        require_call(self, module)
        self._require_node(peer)
        return await super().rpc(peer, module, *args, **options)

    async def remote_spawn(self, peer: str, *args: Any, **options: Any) -> Any:
        require(self, "may_spawn")
        self._require_node(peer)
        return await super().remote_spawn(peer, *args, **options)

    async def spawn_request(self, peer: str, *args: Any, **options: Any) -> Reference:
        require(self, "may_spawn")
        self._require_node(peer)
        return await super().spawn_request(peer, *args, **options)

    def monitor_node(self, node: str, *args: Any, **options: Any) -> None:
        self._require_node(node)
        super().monitor_node(node, *args, **options)

    async def admit(self, remote: RemoteNode) -> bool:
        require(self, "may_distribute")
        return await super().admit(remote)

    def way_to(self, dest: Any) -> RemoteNode | None:
        way = super().way_to(dest)
        if way is not None:
            require(self, "may_distribute")
        return way

    async def call(self, dest: Any, request: Any, timeout: float | None = 5.0) -> Any:
        if self.way_to(dest) is None:
            request = self._copied(request)
        return await super().call(dest, request, timeout)

    async def send_request(self, dest: Any, request: Any) -> Any:
        if self.way_to(dest) is None:
            request = self._copied(request)
        return await super().send_request(dest, request)

    async def stop(
        self, dest: Any, reason: Any = "normal", timeout: float | None = 5.0
    ) -> None:
        self.way_to(dest)
        await super().stop(dest, reason, timeout)

    def send_nowait(self, dest: Any, message: Any) -> None:
        if dest.__class__ is Pid:
            self.way_to(dest)
        super().send_nowait(dest, message)

    def send_one(self, dest: Any, message: Any) -> None:
        if super().way_to(dest) is None:
            message = self._copied(message)
        super().send_one(dest, message)

    async def _send_one_priority(
        self, dest: Any, way: RemoteNode | None, message: Any
    ) -> None:
        if way is None and dest.__class__ is Reference:
            message = self._copied(message)
        await super()._send_one_priority(dest, way, message)

    def _start(
        self, seconds: float, dest: Any, message: Any, ref: Reference
    ) -> MessageTimer:
        # It is handed over now; what its sender does to it later is too late.
        return super()._start(seconds, dest, self._copied(message), ref)

    def _copied(self, message: Any) -> Any:
        copier = self.allowance.copier
        return message if copier is None else copier(message)

    def _require_node(self, node: str) -> None:
        if not self.runtime.is_local(node):
            require(self, "may_distribute")


_SLOTS = ("allowance", "config")


@final
class ConfiguredProcess(Configured):
    """A configured process that takes any number of messages."""

    __slots__ = _SLOTS


@final
class ConfiguredLimitedProcess(Configured, LimitedProcess):
    """A configured process whose mailbox has a limit."""

    __slots__ = _SLOTS


@final
class ConfiguredRoot(Configured, RootProcess):
    """A node with a configuration, which is that of all its processes."""

    __slots__ = _SLOTS


def make_root(runtime: Runtime, config: ProcessConfig | None) -> Process:
    """Return the process in whose name the node acts."""
    if config is None:
        return RootProcess(runtime, "node")
    return _given(ConfiguredRoot(runtime, "node"), config, None)


def make(
    runtime: Runtime,
    label: Any,
    parent: Pid,
    starter: Process,
    config: ProcessConfig | None,
    mailbox: MailboxLimit | None,
    named: bool,
) -> Configured:
    """Return a process for the table; ``begin`` is to follow when it is in there.

    Raises:
        NotPermitted: *starter* may not start processes, or give them names.
        SystemLimit: There is no room for one more.
    """
    require(starter, "may_spawn")
    if named:
        require(starter, "may_register")
    above = starter.allowance if isinstance(starter, Configured) else None
    if above is not None:
        above.check_room()
    config = narrowed(starter.config or DEFAULT, config or DEFAULT)
    limit = mailbox or config.mailbox
    if limit is None:
        return _given(ConfiguredProcess(runtime, label, parent), config, above)
    process = ConfiguredLimitedProcess(runtime, label, parent, limit)
    return _given(process, config, above)


def begin(process: Configured) -> None:
    """Let the time of *process* begin, and its room be taken; it is in the table."""
    allowance = process.allowance
    allowance.take()
    if allowance.deadline != math.inf:
        Lifetime(process, max(0.0, allowance.deadline - trio.current_time()))
    environment.extend(process, allowance.config.environment)


def _given(
    process: ConfiguredProcess | ConfiguredLimitedProcess | ConfiguredRoot,
    config: ProcessConfig,
    above: Allowance | None,
) -> Configured:
    process.config = config
    process.allowance = Allowance(process.pid, config, above)
    return process
