"""The process behind a scope: a supervisor whose parent is the owner.

So the children end with the owner, however that ends: it traps exits, and that of its
parent ends it in order. Each child is stopped as its specification says, the youngest
first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from etf import Atom

from ...process.messages import ExitMessage
from ..returns import Stop
from ..supervisor import AutoShutdown, Supervisor
from ..supervisor.children import State

if TYPE_CHECKING:
    from .scope import Scope

NEEDED = Atom("needed_child_exited")


@final
class Keeper(Supervisor):
    """Keeps the children of one scope; a needed one is a *significant* one here."""

    auto_shutdown: str = AutoShutdown.ANY_SIGNIFICANT

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._scope = scope

    async def init(self, children: Any = ()) -> Any:
        self.process.label = f"scope of {self._scope.owner.label}"
        self._scope._opened(self)
        return []

    async def handle_info(self, message: Any) -> Any:
        lost = None
        if isinstance(message, ExitMessage):
            lost = self._children.find_running(message.pid)
        over = await super().handle_info(message)
        if lost is None:
            return over
        if over is not None:
            if lost.spec.significant:
                why = (NEEDED, message.pid, message.reason)
                return Stop("shutdown" if self._scope._lost(why) else why)
            return over
        if lost.state is State.STOPPED:
            self._scope._tell(message.pid, message.reason)
        return None
