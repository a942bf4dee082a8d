"""Nodes over a network in memory that belong to one cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from ergopy import Atom, GenServer

if TYPE_CHECKING:
    from ergopy import Node

DESK = Atom("desk")


class Desk(GenServer):
    """Keeps what it is told."""

    async def init(self) -> None:
        self.heard: list[Any] = []

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return self.heard if request == Atom("heard") else request

    async def handle_cast(self, request: Any) -> None:
        self.heard.append(request)

    async def handle_info(self, message: Any) -> None:
        self.heard.append(message)


async def joined(*nodes: Node) -> None:
    for node in nodes[1:]:
        await node.connect(nodes[0].name)
    for node in nodes:
        await node.globals.sync([other.name for other in nodes])
    await settled(*nodes)


async def settled(*nodes: Node) -> None:
    """Wait until each knows all others, and nothing is locked."""
    for _ in range(500):
        names = {node.name for node in nodes}
        if all({n.name, *n.globals.known()} == names for n in nodes) and not any(
            node.globals.is_locked() for node in nodes
        ):
            return
        await trio.sleep(0.1)
    raise AssertionError([node.globals.known() for node in nodes])


def owners(nodes: list[Node], name: Any) -> set[Any]:
    return {node.globals.whereis(name) for node in nodes}
