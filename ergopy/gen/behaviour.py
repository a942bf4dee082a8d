"""What all behaviours share: their process, and its verbs under ``self``."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from etf import EncodeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from etf import Pid, Reference

    from ..process.environment import Environment
    from ..process.helpers import HelperTasks
    from ..process.init_ack import Acknowledge
    from ..process.message_queue import Match
    from ..process.message_timers import MessageTimer
    from ..process.process import Process
    from ..process.requests import MultiReply, Request
    from .scope import Scope


class Behaviour:
    """A process with a fixed way to live; subclasses say which.

    The verbs are those of :class:`ergopy.Process`, with this process as the sender.
    """

    process: Process
    """The process that runs this behaviour; there from before ``init``."""

    child_defaults: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """What a supervisor takes for a child of this class where it is not told otherwise:
    options of :class:`ergopy.ChildSpec`, such as ``{"restart": "transient"}``."""

    async def enter(
        self, process: Process, args: tuple[Any, ...], ack: Acknowledge | None = None
    ) -> None:
        """Be the body of *process*. *ack* is told when ``init`` is done."""
        raise NotImplementedError

    @property
    def pid(self) -> Pid:
        """The pid; ``self()``."""
        return self.process.pid

    def __etf__(self) -> Pid:
        # In a message to another node a behaviour is its pid.
        if not hasattr(self, "process"):
            raise EncodeError(
                f"a {type(self).__name__} that was not started has no pid"
            )
        return self.pid

    @property
    def node(self) -> Any:
        """The node this runs on."""
        return self.process.node

    @property
    def nursery(self) -> HelperTasks:
        """Where helper tasks start; they end with the process."""
        return self.process.nursery

    @property
    def dictionary(self) -> dict[Any, Any]:
        """The process dictionary; ``get/1`` and ``put/2``."""
        return self.process.dictionary

    @property
    def env(self) -> Environment:
        """The environment, inherited by whatever is started from here."""
        return self.process.env

    @property
    def group_leader(self) -> Pid:
        """Where the output of processes goes that are started from here."""
        return self.process.group_leader

    async def send(self, dest: Any, message: Any, *, priority: bool = False) -> None:
        await self.process.send(dest, message, priority=priority)

    def send_nowait(self, dest: Any, message: Any) -> None:
        self.process.send_nowait(dest, message)

    async def call(self, dest: Any, request: Any, timeout: float | None = 5.0) -> Any:
        return await self.process.call(dest, request, timeout)

    async def send_request(self, dest: Any, request: Any) -> Request:
        return await self.process.send_request(dest, request)

    async def multi_call(
        self,
        name: str,
        request: Any,
        nodes: Iterable[str] | None = None,
        timeout: float | None = None,
    ) -> MultiReply:
        return await self.process.multi_call(name, request, nodes, timeout)

    async def abcast(
        self, name: str, request: Any, nodes: Iterable[str] | None = None
    ) -> None:
        await self.process.abcast(name, request, nodes)

    async def cast(self, dest: Any, request: Any) -> None:
        await self.process.cast(dest, request)

    async def reply(self, from_: Any, value: Any) -> None:
        await self.process.reply(from_, value)

    async def receive(
        self,
        match: Match = None,
        timeout: float = math.inf,
    ) -> Any:
        return await self.process.receive(match, timeout)

    async def stop(
        self, dest: Any, reason: Any = "normal", timeout: float | None = 5.0
    ) -> None:
        await self.process.stop(dest, reason, timeout)

    async def rpc(
        self,
        peer: str,
        module: str,
        function: str,
        args: list[Any] | tuple[Any, ...] = (),
        timeout: float | None = 5.0,
    ) -> Any:
        return await self.process.rpc(peer, module, function, args, timeout)

    def scope(self) -> Scope:
        """Make a scope of this process; see ``Process.scope``."""
        # A scope is made of behaviours itself.
        from .scope import Scope

        return Scope(self.process)

    async def spawn(
        self, function: Callable[..., Awaitable[Any]], *args: Any, **options: Any
    ) -> Any:
        return await self.process.spawn(function, *args, **options)

    async def start(self, behaviour: Any, *args: Any, **options: Any) -> Pid:
        return await self.process.start(behaviour, *args, **options)

    def register(self, name: str, pid: Pid | None = None) -> None:
        self.process.register(name, pid)

    def unregister(self, name: str) -> None:
        self.process.unregister(name)

    def whereis(self, name: str) -> Pid | None:
        return self.process.whereis(name)

    async def remote_spawn(
        self,
        peer: str,
        module: str,
        function: str,
        args: list[Any] | tuple[Any, ...] = (),
        **options: Any,
    ) -> Any:
        return await self.process.remote_spawn(peer, module, function, args, **options)

    async def spawn_request(
        self,
        peer: str,
        module: str,
        function: str,
        args: list[Any] | tuple[Any, ...] = (),
        **options: Any,
    ) -> Reference:
        return await self.process.spawn_request(peer, module, function, args, **options)

    def spawn_request_abandon(self, request: Reference) -> bool:
        return self.process.spawn_request_abandon(request)

    async def monitor(self, target: Any, **options: Any) -> Reference:
        return await self.process.monitor(target, **options)

    def demonitor(
        self, ref: Reference, *, flush: bool = True, info: bool = True
    ) -> bool:
        return self.process.demonitor(ref, flush=flush, info=info)

    def monitor_node(self, node: str, flag: bool = True, **options: Any) -> None:
        self.process.monitor_node(node, flag, **options)

    def monitor_nodes(self, flag: bool = True, **options: Any) -> None:
        self.process.monitor_nodes(flag, **options)

    def set_group_leader(self, leader: Pid, of: Pid | None = None) -> None:
        self.process.set_group_leader(leader, of)

    async def link(self, to: Pid, *, priority: bool = False, tag: Any = None) -> None:
        await self.process.link(to, priority=priority, tag=tag)

    def unlink(self, to: Pid) -> None:
        self.process.unlink(to)

    async def exit(
        self, to: Pid | Reference, reason: Any, *, priority: bool = False
    ) -> None:
        await self.process.exit(to, reason, priority=priority)

    def alias(self, *, once: bool = False, priority: bool = False) -> Reference:
        return self.process.alias(once=once, priority=priority)

    def unalias(self, alias: Reference) -> bool:
        return self.process.unalias(alias)

    def send_after(self, seconds: float, dest: Any, message: Any) -> MessageTimer:
        return self.process.send_after(seconds, dest, message)

    def start_timer(self, seconds: float, dest: Any, message: Any) -> MessageTimer:
        return self.process.start_timer(seconds, dest, message)

    def cancel_timer(self, timer: MessageTimer | Reference) -> float | None:
        return self.process.cancel_timer(timer)

    def read_timer(self, timer: MessageTimer | Reference) -> float | None:
        return self.process.read_timer(timer)

    def new_ref(self) -> Reference:
        return self.process.new_ref()

    def start_soon(self, function: Callable[..., Awaitable[Any]], *args: Any) -> None:
        self.process.start_soon(function, *args)

    async def run_sync(
        self, function: Callable[..., Any], *args: Any, **options: Any
    ) -> Any:
        return await self.process.run_sync(function, *args, **options)

    def process_flag(self, name: str, value: Any) -> Any:
        return self.process.process_flag(name, value)

    @property
    def trap_exit(self) -> bool:
        """Whether exit signals arrive as messages; ``process_flag(trap_exit, ..)``."""
        return self.process.trap_exit

    @trap_exit.setter
    def trap_exit(self, value: bool) -> None:
        self.process.trap_exit = value
