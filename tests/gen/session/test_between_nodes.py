"""Sessions of processes on two nodes: the same, with text and structs over the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy import Atom, SessionClosed, WrongStep, session
from ergopy.gen.session import Again, Choose, End, Rec, Recv, Send
from tests.runtimes import inside

if TYPE_CHECKING:
    from ergopy import Node, Process
    from ergopy.gen.session import Channel


@etf.struct("Elixir.Shop.Order")
@dataclass
class Order:
    sku: str
    count: int = 1


SHOP = Rec("go", Choose(buy=Send(Order) >> Recv(str) >> Again("go"), leave=End))


async def shop(process: Process) -> None:
    async with session.accept(SHOP.dual) as channel:
        while await channel.offer() == "buy":
            order = await channel.recv()
            await channel.send(f"{order.count} x {order.sku}")


async def buying(process: Process, dest: Any) -> list[str]:
    said = []
    async with session.open(dest, SHOP) as channel:
        for count in (1, 2):
            await channel.choose("buy")
            await channel.send(Order("gyöngy", count))
            said.append(await channel.recv())
        await channel.choose("leave")
    return said


@pytest.mark.parametrize("by_name", [False, True])
async def test_a_session_goes_over_the_wire(
    pair: tuple[Node, Node], by_name: bool
) -> None:
    ours, theirs = pair
    pid = await theirs.spawn(shop, name="shop")
    dest = ("shop", theirs.name) if by_name else pid

    async def body(process: Process) -> Any:
        said = await buying(process, dest)
        return said, process.messages(), process.monitors

    said = ["1 x gyöngy", "2 x gyöngy"]
    assert await inside(ours.runtime, body) == (said, [], {})


async def test_who_leaves_early_is_heard_of_on_the_other_node(
    pair: tuple[Node, Node],
) -> None:
    ours, theirs = pair
    heard: list[Any] = []
    done = trio.Event()

    async def acceptor(process: Process) -> None:
        try:
            async with session.accept(Recv(int) >> End) as channel:
                await channel.recv()
        except SessionClosed as error:
            heard.append(error.reason)
        done.set()

    pid = await theirs.spawn(acceptor)

    async def body(process: Process) -> None:
        async with session.open(pid, Send(int) >> End):
            pass

    with pytest.raises(WrongStep):
        await inside(ours.runtime, body)
    await done.wait()
    [(word, text)] = heard
    assert word == "left"
    assert b"Send(int)" in text


async def test_the_loss_of_the_node_ends_the_session(pair: tuple[Node, Node]) -> None:
    ours, theirs = pair

    async def acceptor(process: Process) -> None:
        async with session.accept(Send(int) >> End):
            ours.disconnect(theirs.name)
            await trio.sleep_forever()

    pid = await theirs.spawn(acceptor)

    async def body(process: Process) -> Any:
        try:
            async with session.open(pid, Recv(int) >> End) as channel:
                await channel.recv()
        except SessionClosed as error:
            return error.reason

    assert await inside(ours.runtime, body) == Atom("noconnection")


async def test_an_unknown_name_there_is_said_at_once(pair: tuple[Node, Node]) -> None:
    ours, theirs = pair

    async def body(process: Process) -> Any:
        try:
            async with session.open(("nobody", theirs.name), Send(int) >> End):
                pass
        except SessionClosed as error:
            return error.reason

    assert await inside(ours.runtime, body) == "noproc"


async def test_the_sides_of_a_session_can_swap_nodes(pair: tuple[Node, Node]) -> None:
    async def other(process: Process, channel: Channel) -> None:
        await channel.send(await channel.recv() + 1)

    ours, theirs = pair
    protocol = Send(int) >> Recv(int) >> End

    async def acceptor(process: Process) -> None:
        async with session.accept(protocol.dual) as channel:
            await other(process, channel)

    for one, two in ((ours, theirs), (theirs, ours)):
        pid = await two.spawn(acceptor)

        async def body(process: Process, pid: Any = pid) -> int:
            async with session.open(pid, protocol) as channel:
                await channel.send(1)
                return int(await channel.recv())

        assert await inside(one.runtime, body) == 2
