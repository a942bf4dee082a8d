"""Connections that come and go: nothing is left of them."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import ergopy
from ergopy import Atom
from ergopy.testing import MemoryNetwork
from tests.node.raw_node import until
from tests.nodes import COOKIE, Echo, open_files, tasks, unique_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    MakeNode = Callable[..., Awaitable[ergopy.Node]]

ROUNDS = 100
settle = trio.testing.wait_all_tasks_blocked


@pytest.fixture(autouse=True)
def only_new_garbage() -> Iterator[None]:
    """What there is already, of a thousand other tests, is not looked through."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def residue(node: ergopy.Node) -> dict[str, int]:
    """How much there is in every table that a peer has a part in."""
    gc.collect()
    connections, runtime = node.connections, node.runtime
    processes = list(runtime.processes.values())
    return {
        "peers": len(connections.peers),
        "others": len(connections._others),
        "attempts": len(connections._attempts),
        "guests": len(connections._guests._over),
        "given": len(connections._given._used),
        "processes": len(processes),
        "aliases": len(runtime.aliases),
        "links": sum(len(process.links or ()) for process in processes),
        "monitors": sum(len(process.monitors or ()) for process in processes),
        "watchers": sum(len(process.watchers or ()) for process in processes),
    }


async def traffic(here: ergopy.Node, there: ergopy.Node, number: int) -> None:
    """Calls, messages, links and monitors, some of which outlive the connection."""
    assert await here.call(("echo", there.name), number) == number
    await here.cast(("echo", there.name), number)
    far = there.whereis("echo")
    assert far is not None

    async def depend(proc: ergopy.Process) -> None:
        proc.trap_exit = True
        await proc.link(far)
        await proc.monitor(far)
        await proc.monitor(("nobody", there.name))
        assert (await proc.receive()).reason == "noproc"
        ready.set()
        ends = {str((await proc.receive()).reason) for _ in range(2)}
        assert ends == {"noconnection"}

    ready = trio.Event()
    pid = await here.spawn(depend)
    await ready.wait()
    assert here.runtime.find(pid) is not None


@pytest.mark.parametrize("dialler", ["here", "there"])
async def test_a_hundred_connections_leave_nothing(
    make_node: MakeNode, dialler: str
) -> None:
    here, there = await make_node(), await make_node()
    for node in (here, there):
        await node.start(Trapping, name="echo")
    await traffic(here, there, 0)
    here.disconnect(there.name)
    await until(lambda: not there.nodes())
    await settle()
    before = [residue(here), residue(there), tasks(), open_files()]
    for number in range(ROUNDS):
        if dialler == "there":
            await there.connect(here.name)
        await traffic(here, there, number)
        ender, other = (here, there) if number % 2 else (there, here)
        assert ender.disconnect(other.name)
        await until(lambda: not here.nodes() and not there.nodes())
    await settle()
    await until(lambda: open_files() <= before[3])
    assert [residue(here), residue(there), tasks(), open_files()] == before


class Trapping(Echo):
    """Lives on when those that it is linked to are gone."""

    async def init(self) -> None:
        await super().init()
        self.trap_exit = True


async def test_connections_that_are_cut_leave_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    network = MemoryNetwork()
    async with network.node("a") as here, network.node("b") as there:
        for node in (here, there):
            await node.start(Trapping, name="echo")
        before: Any = None
        for number in range(20):
            await traffic(here, there, number)
            network.cut(here, there)
            await trio.sleep(90)
            assert here.nodes() == there.nodes() == []
            network.heal(here, there)
            left = [residue(here), residue(there), tasks()]
            before = before or left
            assert left == before


async def test_nodes_that_come_and_go_leave_nothing_in_those_that_stay(
    make_node: MakeNode,
) -> None:
    node = await make_node()
    await node.start(Echo, name="echo")
    await settle()
    before = [residue(node), tasks(), open_files()]
    for number in range(30):
        async with ergopy.Node(unique_name(), cookie=COOKIE) as guest:
            assert await guest.call(("echo", node.name), number) == number
        await until(lambda: not node.nodes())
    await settle()
    # EPMD, which is ours, closes the last registration in its own time.
    await until(lambda: open_files() <= before[2])
    assert [residue(node), tasks(), open_files()] == before


async def test_attempts_that_fail_leave_nothing(make_node: MakeNode) -> None:
    node, stranger = await make_node(), await make_node(cookie="another")
    await settle()
    before = [residue(node), tasks(), open_files()]
    for number in range(50):
        peer = stranger.name if number % 2 else unique_name("absent")
        node.send_nowait(("x", peer), number)
        assert not await node.ping(peer)
    await settle()
    await until(lambda: open_files() <= before[2])
    assert [residue(node), tasks(), open_files()] == before


async def test_disconnecting_while_others_wait_for_the_connection(
    make_node: MakeNode,
) -> None:
    """Each gets an answer: a connection that was there, or why there is none."""
    here, there = await make_node(), await make_node()
    await there.start(Echo, name="echo")
    outcomes: list[Any] = []

    async def ask(number: int) -> None:
        try:
            outcomes.append(await here.call(("echo", there.name), number))
        except ergopy.NodeDown:
            outcomes.append(Atom("down"))

    for _ in range(10):
        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(ask, number)
            while here.disconnect(there.name):
                pass
            await trio.lowlevel.checkpoint()
            await until(lambda: here.nodes() or not nursery.child_tasks)
            here.disconnect(there.name)
    assert len(outcomes) == 100
    assert await here.call(("echo", there.name), 1) == 1


@pytest.mark.parametrize(("count", "size"), [(300, 60_000), (1, 20_000_000)])
async def test_what_is_queued_for_a_peer_leaves_before_a_node_does(
    make_node: MakeNode, count: int, size: int
) -> None:
    there = await make_node()
    pid = await there.start(Echo, name="echo")
    blob = bytes(size)
    name = unique_name()
    async with ergopy.Node(name, cookie=COOKIE, high_water=50_000_000) as here:
        await here.connect(there.name)
        for _ in range(count):
            here.send_nowait(pid, blob)
    await until(lambda: not there.nodes())
    assert len(await there.call(pid, Atom("seen"))) == count


async def test_a_peer_that_does_not_read_delays_the_end_of_a_node_by_a_second(
    autojump_clock: trio.testing.MockClock,
) -> None:
    network = MemoryNetwork(window=1000)
    async with network.node("b") as there:
        async with network.node("a", grace=30) as here:
            await here.connect(there.name)
            network.stall(here, there)
            here.send_nowait(("nobody", there.name), bytes(100_000))
            left = trio.current_time()
        assert trio.current_time() - left == pytest.approx(1, abs=0.1)
