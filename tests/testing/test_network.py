"""Nodes on a network in memory, with and without faults."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import ergopy
from ergopy import Atom, testing
from tests.nodes import Echo
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    Clock = trio.testing.MockClock


@asynccontextmanager
async def connected(
    network: testing.MemoryNetwork | None = None, **options: Any
) -> AsyncIterator[tuple[ergopy.Node, ergopy.Node]]:
    async with testing.node_pair(network=network, **options) as (a, b):
        await b.start(Echo, name="echo")
        await a.connect(b.name)
        await settle()
        yield a, b


async def elapsed(a: ergopy.Node, b: ergopy.Node) -> float:
    start = trio.current_time()
    await a.call(("echo", b.name), Atom("hello"), timeout=None)
    return trio.current_time() - start


async def test_a_pair_calls_each_other_and_connects_by_it() -> None:
    async with testing.node_pair() as (a, b):
        await b.start(Echo, name="echo")
        assert a.nodes() == []
        assert await a.call(("echo", "b@memory"), (Atom("hi"), [1.5])) == ("hi", [1.5])
        assert (a.nodes(), b.nodes()) == ([b.name], [a.name])
        assert await b.ping(a.name)


async def test_terms_go_through_the_codec() -> None:
    async with connected() as (a, b):
        assert await a.call(("echo", b.name), "text") == b"text"
        with pytest.raises(ValueError, match="object"):
            await a.call(("echo", b.name), object())


async def test_more_than_two_nodes_share_a_network() -> None:
    network = testing.MemoryNetwork()
    async with (
        network.node("a") as a,
        network.node("b@memory") as b,
        network.node("c") as c,
    ):
        await a.connect("b@memory")
        await c.connect(b.name)
        await settle()
        assert sorted(b.nodes()) == [a.name, c.name]


async def test_two_networks_know_nothing_of_each_other() -> None:
    async with testing.node_pair() as (a, _), testing.node_pair() as (_, b):
        with pytest.raises(ergopy.NodeNotFound):
            await a.connect("c@memory")
        assert not await b.ping("c@memory")


async def test_options_are_those_of_a_node() -> None:
    network = testing.MemoryNetwork()
    async with network.node("a") as a, network.node("b", cookie="other") as b:
        with pytest.raises(ergopy.CookieMismatch):
            await a.connect(b.name)
    async with testing.node_pair(hidden=True) as (a, b):
        await a.connect(b.name)
        assert a.nodes("hidden") == [b.name]


async def test_a_name_is_taken_while_its_node_runs() -> None:
    network = testing.MemoryNetwork()
    async with network.node("a"):
        with pytest.raises(ergopy.ConnectError, match="runs in this network"):
            async with network.node("a"):
                pass
    async with network.node("a") as again:
        assert again.nodes() == []


async def test_a_node_that_ends_is_lost_to_the_other_one() -> None:
    network = testing.MemoryNetwork()
    async with network.node("a") as a:
        async with network.node("b") as b:
            await a.connect(b.name)
        await settle()
        assert a.nodes() == []
        with pytest.raises(ergopy.NodeNotFound):
            await a.connect(b.name)


async def test_a_pair_leaves_no_connection_behind() -> None:
    network = testing.MemoryNetwork()
    async with connected(network):
        assert any(way.streams for way in network._ways.values())
    assert not any(way.streams for way in network._ways.values())


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
async def test_any_chunking_of_reads_gives_the_same(chunk: int) -> None:
    async with connected(testing.MemoryNetwork(chunk=chunk)) as (a, b):
        for size in (0, 1, 300):
            data = b"x" * size
            assert await a.call(("echo", b.name), data) == data


async def test_a_delay_is_one_of_its_direction(autojump_clock: Clock) -> None:
    network = testing.MemoryNetwork()
    async with connected(network) as (a, b):
        assert await elapsed(a, b) == 0
        network.delay(a, b, 2)
        assert await elapsed(a, b) == 2
        network.delay("b", "a", 3)
        assert await elapsed(a, b) == 5
        network.heal(a, b)
        # What was sent before is as late as it was then.
        await trio.sleep(5)
        assert await elapsed(a, b) == 0


async def test_a_delay_slows_connecting_down(autojump_clock: Clock) -> None:
    network = testing.MemoryNetwork()
    network.delay("a", "b", 1)
    async with testing.node_pair(network=network) as (a, b):
        start = trio.current_time()
        await a.connect(b.name)
        # The network's own three-way handshake, then three messages of ours.
        assert trio.current_time() - start == 3
        network.delay("a", "b", 30)
        a.disconnect(b.name)
        with pytest.raises(ergopy.ConnectError):
            await a.connect(b.name)


async def test_a_cut_is_noticed_by_missing_ticks_on_both_sides(
    autojump_clock: Clock,
) -> None:
    network = testing.MemoryNetwork()
    async with connected(network, net_ticktime=8) as (a, b):
        network.cut(a, b)
        await trio.sleep(5.9)
        assert (a.nodes(), b.nodes()) == ([b.name], [a.name])
        await trio.sleep(4.2)
        assert (a.nodes(), b.nodes()) == ([], [])
        with pytest.raises(ergopy.HandshakeTimeout):
            await a.connect(b.name)
        network.heal(a, b)
        await a.connect(b.name)


async def test_an_attempt_goes_on_when_the_cable_is_back(
    autojump_clock: Clock,
) -> None:
    network = testing.MemoryNetwork()
    network.cut("a", "b")
    async with (
        testing.node_pair(network=network) as (a, b),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(a.connect, b.name)
        await trio.sleep(3)
        network.heal(a, b)
        await settle()
        assert a.nodes() == [b.name]


async def test_nothing_is_lost_by_a_cut_that_is_healed_in_time(
    autojump_clock: Clock,
) -> None:
    network = testing.MemoryNetwork()
    async with connected(network) as (a, b):
        network.cut(a, b)
        await a.cast(("echo", b.name), 1)
        await trio.sleep(10)
        network.heal(a, b)
        assert await a.call(("echo", b.name), Atom("seen")) == [1]


async def test_a_reset_is_seen_at_once_and_a_new_connection_works() -> None:
    network = testing.MemoryNetwork()
    async with connected(network) as (a, b):
        network.reset(a, b)
        await settle()
        assert (a.nodes(), b.nodes()) == ([], [])
        assert await a.call(("echo", b.name), 1) == 1


async def test_a_call_fails_when_the_connection_breaks_under_it() -> None:
    network = testing.MemoryNetwork()
    async with connected(network) as (a, b), trio.open_nursery() as nursery:

        async def ask() -> None:
            with pytest.raises(ergopy.NodeDown):
                await a.call(("echo", b.name), Atom("wait"), timeout=None)

        nursery.start_soon(ask)
        await settle()
        network.reset(a, b)


async def test_a_stalled_peer_makes_senders_wait(autojump_clock: Clock) -> None:
    network = testing.MemoryNetwork(window=1000)
    async with connected(network, high_water=10_000) as (a, b):
        network.stall(a, b)
        sent = 0
        with trio.move_on_after(1):
            while True:
                await a.cast(("echo", b.name), bytes(1000))
                sent += 1
        assert 8 <= sent <= 12
        a.send_nowait(("echo", b.name), bytes(1000))
        with pytest.raises(trio.WouldBlock):
            a.send_nowait(("echo", b.name), b"more")
        network.resume(a, b)
        seen = await a.call(("echo", b.name), Atom("seen"))
        assert len(seen) >= sent


async def test_a_stall_is_one_way_and_can_let_some_bytes_through() -> None:
    network = testing.MemoryNetwork()
    async with connected(network) as (a, b):
        await a.start(Echo, name="echo")
        network.stall(b, a)
        await a.cast(("echo", b.name), 1)
        await settle()
        b.send_nowait(("echo", a.name), Atom("x"))
        await settle()
        for _ in range(200):
            network.resume(b, a, 1)
            await settle()
        assert await a.call("echo", Atom("seen")) == [Atom("x")]


async def test_limits_can_be_changed_while_it_runs() -> None:
    network = testing.MemoryNetwork()
    async with connected(network) as (a, b):
        network.limit(a, b, window=10, chunk=3)
        assert await a.call(("echo", b.name), bytes(5000)) == bytes(5000)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        testing.MemoryNetwork(window=0)
    with pytest.raises(ValueError, match="at least 1"):
        testing.MemoryNetwork(chunk=0)
    with pytest.raises(ValueError, match="at least 1"):
        testing.MemoryNetwork().limit("a", "b", window=0)
    with pytest.raises(ValueError, match="seconds"):
        testing.MemoryNetwork().delay("a", "b", -1)


async def test_its_sockets_say_who_is_there(caplog: pytest.LogCaptureFixture) -> None:
    network = testing.MemoryNetwork()
    async with network.node("a", cookie="x") as a, network.node("b") as b:
        with pytest.raises(ergopy.CookieMismatch):
            await a.connect(b.name)
        await settle()
    assert "refused a connection from a@memory" in caplog.text
    assert repr(network) == "<MemoryNetwork: nobody>"


async def test_a_node_that_ends_while_it_is_dialled_is_not_there(
    autojump_clock: Clock,
) -> None:
    network = testing.MemoryNetwork()
    network.delay("a", "b", 1)
    async with network.node("a") as a, trio.open_nursery() as nursery:

        async def connect() -> None:
            with pytest.raises(ergopy.NodeNotFound, match="refused"):
                await a.connect("b@memory")

        async with network.node("b"):
            nursery.start_soon(connect)
            await trio.sleep(0.5)


async def test_a_listener_that_closes_drops_those_that_wait() -> None:
    network = testing.MemoryNetwork()
    listener = network.open("b@memory")
    sock = await network.dial("a@memory", "b@memory")
    listener.close()
    listener.close()
    with pytest.raises(BrokenPipeError):
        sock.send(b"x")
    with pytest.raises(OSError, match="Bad file descriptor"):
        await listener.accept()


async def test_bytes_under_way_are_counted() -> None:
    network = testing.MemoryNetwork()
    async with connected(network) as (a, b):
        network.stall(a, b)
        assert network.under_way(a, b) == 0
        await a.cast(("echo", b.name), bytes(100))
        await settle()
        assert 100 < network.under_way(a, b) < 300
        network.resume(a, b)
        await settle()
        assert network.under_way(a, b) == 0
