"""The behaviour that stands for a hosted node on the node that started it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import etf
from etf import Atom

from ..gen.returns import NOREPLY, Stop
from ..gen.server import GenServer
from ..process import reasons
from ..process.atoms import BADARG
from ..process.messages import NodeDownMessage
from ..process.refusals import refuse
from .carriers import Carrier, SubprocessCarrier, ThreadCarrier
from .program import check

if TYPE_CHECKING:
    from collections.abc import Mapping

Where = Literal["subprocess", "thread"]

_CARRIERS: dict[str, type[Carrier]] = {
    "subprocess": SubprocessCarrier,
    "thread": ThreadCarrier,
}

HOSTED_ENDED = Atom("hosted_ended")
HOSTED_UP = Atom("hosted_up")


class HostedNode(GenServer):
    """A whole node, in a process of the system or in a thread, as one child.

    ::

        ChildSpec(HostedNode, "shop.models:Models", named="ml@127.0.0.1")

    It is up when the program is: a behaviour or an application after its start, an
    ``async def main(node)`` when it is called. It ends when that node ends: with
    ``normal`` if the program returned, or its behaviour ended cleanly, ``{exit_status,
    N}`` if the process of the system ended otherwise, the exception of a thread, or
    ``{nodedown, Name}`` if the connection was lost. When it is told to end, the node
    shuts down in order; for how long is up to the supervisor, whose kill ends a process
    of the system at once. Nothing can end a thread: one that does not heed is logged
    and left behind.

    The cookie and all else is handed over on a pipe, not by the command line. If this
    node disappears the pipe ends, and the hosted node with it.

    Args:
        target: ``"module:object"``, as ``ergopy run`` takes it.
        args: Terms, for ``init`` or ``main``.
        named: The name of the hosted node; another one of this host.
        where: ``"subprocess"``, or ``"thread"``: then it shares the global lock.
        register: The name for its behaviour, on that node; by default that of the
            class, in lower case.
        options: More options of that node, as terms: ``hidden``, ``grace``,
            ``net_ticktime``, ``listen``; and ``tls_folder`` for
            ``Tls.from_folder``. EPMD and cookie are those of this node.
        python: The interpreter for a subprocess; None is the one that runs this.
    """

    child_defaults: ClassVar[Mapping[str, Any]] = {"type": "supervisor"}

    def __init__(
        self,
        *,
        named: str,
        where: Where = "subprocess",
        register: str | None = None,
        options: Mapping[str, Any] | None = None,
        python: str | None = None,
    ) -> None:
        if where not in _CARRIERS:
            raise ValueError(f"where= is subprocess or thread, not {where!r}")
        self._hosted = Atom(named)
        self._register = register
        self._options = dict(options or {})
        self._carrier = _CARRIERS[where](python)
        self._running = False

    async def init(self, target: str, *args: Any) -> Any:
        check(target)
        self.trap_exit = True
        up = self.new_ref()
        plan = {
            "target": target,
            "name": self._hosted,
            "register": self._register,
            "options": {**self._given(), **self._options},
            "parent": self.pid,
            "up": (HOSTED_UP, up),
        }
        self._running = True
        # Apart: text is to be text in the one, and bytes to be bytes in the other.
        parts = (etf.encode(plan), etf.encode(list(args)))
        self.start_soon(self._carry, etf.encode(parts))
        match await self.receive(lambda message: _is_news(message, up)):
            case ("hosted_ended", reason):
                return Stop(reason)
        self.monitor_node(self._hosted)
        return None

    def _given(self) -> dict[str, Any]:
        """Return what the hosted node has from this one."""
        node = self.node
        mode = node.epmd_mode
        return {
            "cookie": node.get_cookie(),
            "epmd": mode if mode == "off" else "client",
            "epmd_port": None if mode == "off" else node.epmd_port,
            # It finds this node without asking anybody.
            "routes": {node.name: (node.name.partition("@")[2], node.port)},
        }

    async def _carry(self, plan: bytes) -> None:
        try:
            reason = await self._carrier.carry(plan)
        except Exception as error:
            reason = reasons.from_exception(error)
        self._running = False
        await self.send(self.pid, (HOSTED_ENDED, reason))

    async def handle_call(self, request: Any, from_: Any) -> Any:
        """Answer ``node``: its name."""
        if request == "node":
            return self._hosted
        # A mistake of one who asks is no reason to end a whole node.
        refuse(self.process, from_, BADARG)
        return NOREPLY

    async def handle_cast(self, request: Any) -> None:
        await super().handle_info(request)

    async def handle_info(self, message: Any) -> Any:
        match message:
            case (Atom("hosted_ended"), reason):
                return Stop(reason)
            case NodeDownMessage(node=node) if node == self._hosted:
                return await self._lost()
        return None

    async def _lost(self) -> Any:
        """Say why the connection was lost: most often since the node has ended."""
        match await self.receive(_is_end, timeout=self._carrier.patience):
            case (_, reason):
                return Stop(reason)
        return Stop((Atom("nodedown"), self._hosted))

    async def terminate(self, reason: Any) -> None:
        if self._running:
            self._carrier.stop()
            await self.receive(_is_end)

    def format_state(self) -> Any:
        return {Atom("node"): self._hosted, Atom("running"): self._running}


def _is_news(message: Any, up: Any) -> bool:
    return _is_end(message) or (
        isinstance(message, tuple) and message == (HOSTED_UP, up)
    )


def _is_end(message: Any) -> bool:
    return isinstance(message, tuple) and message[:1] == (HOSTED_ENDED,)
