"""Two nodes with events, and processes that read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from ergopy import Events, events

if TYPE_CHECKING:
    from collections.abc import Callable

    from ergopy import Node, Process
    from tests.nodes import MakeNode


class Reader:
    """A process that subscribes, and notes what it gets."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.got: list[Any] = []
        self.process: Process = None  # type: ignore[assignment]

    async def begin(self) -> Reader:
        up = trio.Event()

        async def body(me: Process) -> None:
            self.process = me
            up.set()
            while True:
                self.got.append(await me.receive())

        await self.node.spawn(body)
        await up.wait()
        return self

    async def follow(self, where: Node) -> Reader:
        """Begin, and subscribe to the event of *where*."""
        await self.begin()
        await self.subscribe(where)
        return self

    async def subscribe(self, where: Node) -> None:
        await events.subscribe("prices", where.name, caller=self.process)

    async def unsubscribe(self, where: Node) -> None:
        await events.unsubscribe("prices", where.name, caller=self.process)

    def has_last(self, value: Any) -> bool:
        return self.values[-1:] == [value]

    @property
    def values(self) -> list[Any]:
        return [message[2] for message in self.got]


async def until(condition: Callable[[], object]) -> None:
    with trio.fail_after(30):
        while not condition():  # noqa: ASYNC110 - of things that have no event
            await trio.sleep(0.002)


async def two_nodes(make_node: MakeNode, **options: Any) -> tuple[Node, Node]:
    """Return two nodes with an event server each; the first one has events.

    *options* are those of the server on the second one.
    """
    ours, theirs = await make_node(), await make_node()
    await ours.start(Events, name="events")
    await theirs.start(Events, name="events", **options)
    return ours, theirs


async def subscribers(node: Node) -> int:
    known = await events.info("prices", caller=node)
    return known["subscribers"]  # type: ignore[no-any-return]


def server_of(node: Node) -> Process:
    process = node.runtime.find("events")
    assert process is not None
    return process
