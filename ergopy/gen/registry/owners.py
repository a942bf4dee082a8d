"""Who has entries: each process is linked to the registry, and watched by it.

The watch on a process of this node is a claim: the entries are gone in the very step
in which it is known that it ends, before anybody hears of it. One on another node is
watched with a monitor; what is taken out with its ``DOWN`` was known to be dead no
earlier. The link is Elixir's: nobody stays registered in a registry that has crashed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from ...errors import NoProcess
from ...process.links import is_active

if TYPE_CHECKING:
    from collections.abc import Callable

    from etf import Pid, Reference

    from ...process.process import Process
    from ..supervisor.children import Child


@final
class Owner:
    """Ties a process that has entries to the process of the registry.

    Args:
        server: The process of the registry.
        pid: The other one.
        gone: Is told, once, when that has ended, and why.

    Raises:
        NoProcess: It has ended already.
    """

    __slots__ = ("_gone", "_linked", "_ref", "_server", "child", "pid")

    def __init__(
        self, server: Process, pid: Pid, gone: Callable[[Owner, Any], object]
    ) -> None:
        self._server = server
        self._gone = gone
        self.pid = pid
        self.child: Child | None = None
        """How it was started, if the registry has started it."""
        self._ref: Reference | None = None
        runtime = server.runtime
        way = runtime.remote(pid)
        if way is None:
            process = runtime.find(pid)
            if process is None or not process.alive:
                raise NoProcess(pid)
            process.claim(self, self)
        else:
            self._ref = runtime.new_reference()
            way.monitor(server.pid, pid, self._ref, self)
        self._linked = pid != server.pid and not is_active(server.links.get(pid))
        if self._linked:
            server.link_nowait(pid)

    def adopt(self, child: Child) -> None:
        """Note that the registry has started it, with a link."""
        self.child = child
        self._linked = True

    def release(self) -> None:
        """Let it live without the registry."""
        self.forget()
        if self._linked:
            self._server.unlink(self.pid)

    def forget(self) -> None:
        """Stop watching it; a link stays."""
        runtime = self._server.runtime
        if self._ref is not None:
            way = runtime.remote_node(self.pid.node)
            way.demonitor(self._server.pid, self.pid, self._ref)
            return
        process = runtime.find(self.pid)
        if process is not None:
            process.unclaim(self)

    def fire(self, reason: Any) -> None:
        """Hear of its end."""
        self._gone(self, reason)
