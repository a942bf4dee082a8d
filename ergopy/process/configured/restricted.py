"""Processes that may not do everything: each verb asks first.

What is looked at is the verb of the process, and what it does through its node while it
runs: so ``node.spawn`` is no way around. What the tasks of a nursery of its own do
through the node is not seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Pid

from ..process import Process
from .permissions import require, require_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from etf import Reference

    from ..signals import RemoteNode


class Restricted(Process):
    """A process as one with rights. Answers it may give to everybody."""

    __slots__ = ()

    def register(self, name: str, pid: Pid | None = None) -> None:
        require(self, "may_register")
        super().register(name, pid)

    def unregister(self, name: str) -> None:
        require(self, "may_register")
        super().unregister(name)

    async def run_sync(
        self, function: Callable[..., Any], *args: Any, **options: Any
    ) -> Any:
        require(self, "may_run_sync")
        return await super().run_sync(function, *args, **options)

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
        self.way_to(dest)
        return await super().call(dest, request, timeout)

    async def send_request(self, dest: Any, request: Any) -> Any:
        self.way_to(dest)
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

    def _nodes(self, nodes: Iterable[str] | None) -> list[str]:
        several = list(super()._nodes(nodes))
        for node in several:
            self._require_node(node)
        return several

    def _require_node(self, node: str) -> None:
        if not self.runtime.is_local(node):
            require(self, "may_distribute")
