"""Global names for a node that does not keep them: others are asked, by rpc."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from etf import Atom, Pid

from ...errors import ConnectError, NamesNotKept, NameTaken, RpcError
from ...process.atoms import GLOBAL

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 15.0
"""For each node that is asked."""

_NOBODY = "no other node is connected that could be asked"


@final
class Elsewhere:
    """Asks the connected nodes, one after the other until one answers."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._last: Atom | None = None

    async def whereis(self, name: Any) -> Pid | None:
        """Return who has the name, or None."""
        found = await self._ask("whereis_name", [name])
        return found if isinstance(found, Pid) else None

    async def register(self, name: Any, pid: Pid, method: Any) -> None:
        """Register a name, by another node."""
        if await self._ask("register_name", [name, pid, method]) != "yes":
            raise NameTaken(name, await self.whereis(name))

    async def re_register(self, name: Any, pid: Pid, method: Any) -> None:
        """Give a name to another process, by another node."""
        await self._ask("re_register_name", [name, pid, method])

    async def unregister(self, name: Any) -> None:
        """Take a name away, by another node."""
        await self._ask("unregister_name", [name])

    async def _ask(self, function: str, args: list[Any]) -> Any:
        why: Any = None
        for node in self._nodes():
            try:
                answer = await self._node.rpc(node, GLOBAL, function, args, _SECONDS)
            except (RpcError, ConnectError) as error:
                why = f"asked {node}: {error}"
            else:
                self._last = node
                return answer
        raise NamesNotKept(self._node.name, why or _NOBODY)

    def _nodes(self) -> Iterator[Atom]:
        """Give the connected nodes, first the one that has answered before."""
        nodes = list(self._node.nodes("connected"))
        if self._last in nodes:
            nodes.remove(self._last)
            nodes.insert(0, self._last)
        yield from nodes
