"""Two nodes that dial each other at once: one connection comes of it.

The greater name's attempt goes first: "zz" is greater than "py", "aa" is not.
"""

from __future__ import annotations

import random
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import ergopy
from ergopy.node import attempts
from ergopy.testing import MemoryNetwork
from tests.node.raw_node import until
from tests.nodes import unique_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.node.raw_node import MakeRaw, RawNode

    MakeNode = Callable[..., Awaitable[ergopy.Node]]

settle = trio.testing.wait_all_tasks_blocked


async def routed(
    make_raw: MakeRaw, make_node: MakeNode, prefix: str, **options: Any
) -> tuple[RawNode, ergopy.Node]:
    """A node by hand, and one that knows where it is."""
    raw = await make_raw(unique_name(prefix), **options)
    return raw, await make_node(epmd="off", routes={raw.name: raw.address})


@asynccontextmanager
async def dialling(node: ergopy.Node, raw: RawNode) -> AsyncIterator[trio.Nursery]:
    """Do something while the node dials the other, which has heard of it."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.connect, raw.name)
        await until(lambda: raw.asked)
        yield nursery


@pytest.fixture
def no_courtesy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes on because time passes."""
    monkeypatch.setattr(attempts, "COURTESY", 60)


async def test_a_hundred_times_there_is_one_connection(make_node: MakeNode) -> None:
    first, second = await make_node(), await make_node()
    changes: list[Any] = []
    first.runtime.node_watchers.append(lambda *change: changes.append(change))
    for number in range(100):
        pair = [first, second] if number % 2 else [second, first]
        async with trio.open_nursery() as nursery:
            for one, other in (pair, pair[::-1]):
                nursery.start_soon(one.connect, other.name)
                one.send_nowait(("nobody", other.name), number)
        assert first.nodes() == [second.name]
        assert second.nodes() == [first.name]
        assert await first.ping(second.name)
        assert changes == [(second.name, True)]
        assert first.disconnect(second.name)
        await until(lambda: not second.nodes())
        changes.clear()


async def test_ours_gives_way_to_the_attempt_of_a_greater_name(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    raw, node = await routed(make_raw, make_node, "zz", status=None)
    async with dialling(node, raw):
        await raw.dial(node)
    assert node.nodes() == [raw.name]
    assert raw.asked == 1


async def test_the_attempt_of_a_lesser_name_gives_way_to_ours(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    raw, node = await routed(make_raw, make_node, "aa", status=None)
    with trio.move_on_after(5) as scope:
        async with dialling(node, raw) as nursery:
            with pytest.raises(ergopy.AlreadyConnected):
                await raw.dial(node)
            nursery.cancel_scope.cancel()
    assert not scope.cancelled_caught
    assert node.nodes() == []


@pytest.mark.usefixtures("no_courtesy")
@pytest.mark.parametrize("how", ["another cookie", "closed"])
async def test_ours_is_made_again_at_once_when_the_one_that_went_first_fails(
    make_node: MakeNode, make_raw: MakeRaw, how: str
) -> None:
    raw, node = await routed(make_raw, make_node, "zz", status="nok")
    async with dialling(node, raw):
        await settle()
        raw.status = "ok"
        if how == "closed":
            await (await raw.begin_to_dial(node)).aclose()
        else:
            stranger = await make_raw(raw.name, cookie="another")
            with pytest.raises(ergopy.CookieMismatch):
                await stranger.dial(node)
    assert node.nodes() == [raw.name]
    assert len(raw.links) == 1


async def test_who_only_has_the_name_does_not_hold_up_our_attempt(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    raw, node = await routed(make_raw, make_node, "zz", status=None)
    async with dialling(node, raw):
        silent = [await raw.begin_to_dial(node) for _ in range(3)]
        raw.status = "ok"
        raw.go_on.set()
    assert node.nodes() == [raw.name]
    assert raw.asked == 1
    for stream in silent:
        await stream.aclose()
    await node.ping(node.name)
    assert node.nodes() == [raw.name]


@pytest.mark.parametrize("prefix", ["aa", "zz"])
async def test_who_only_has_the_name_and_came_before_holds_us_up_for_a_moment(
    make_node: MakeNode,
    make_raw: MakeRaw,
    loopback_clock: trio.testing.MockClock,
    prefix: str,
) -> None:
    raw, node = await routed(make_raw, make_node, prefix)
    silent = await raw.begin_to_dial(node)
    await node.connect(raw.name)
    assert trio.current_time() == pytest.approx(attempts.COURTESY, abs=0.1)
    await silent.aclose()


@pytest.mark.usefixtures("no_courtesy")
async def test_a_handshake_of_the_peer_under_way_is_waited_for(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    """Else either side could end the one that the other takes into use."""
    raw, node = await routed(make_raw, make_node, "aa")
    stranger = await raw.begin_to_dial(node)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.connect, raw.name)
        await settle()
        assert raw.asked == 0
        await raw.dial(node)
        await until(node.nodes)
        await stranger.aclose()
    assert raw.asked == 0


async def test_our_attempt_ends_before_the_peer_hears_that_it_is_connected(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    """Else the peer would answer ours with a question that ends the connection."""
    raw, node = await routed(make_raw, make_node, "zz", status=None)
    async with dialling(node, raw):
        attempt = node.connections._attempts[raw.name]
        decide = node.connections.replace
        order: list[str] = []

        def replace(name: str) -> None:
            decide(name)
            order.append("cancelled" if attempt._scope.cancel_called else "running")

        node.connections.replace = replace  # type: ignore[method-assign]
        await raw.dial(node)
        order.append("connected")
    assert order == ["cancelled", "connected"]


async def test_a_node_that_goes_first_and_dials_us_ends_our_waiting(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    raw, node = await routed(make_raw, make_node, "zz", status="nok")
    async with dialling(node, raw):
        await settle()
        await raw.dial(node)
    assert node.nodes() == [raw.name]
    assert raw.asked == 1


async def test_a_node_that_says_it_goes_first_and_does_not_is_asked_now_and_then(
    make_node: MakeNode, make_raw: MakeRaw, loopback_clock: trio.testing.MockClock
) -> None:
    raw, node = await routed(make_raw, make_node, "zz", status="nok")
    with pytest.raises(ergopy.AlreadyConnected):
        await node.connect(raw.name)
    assert trio.current_time() == pytest.approx(8, abs=0.1)
    assert raw.asked == 9
    raw.status = "ok"
    await node.connect(raw.name)


async def test_a_node_that_took_somebody_else_for_us_is_reached_when_it_did_not(
    make_node: MakeNode, make_raw: MakeRaw, loopback_clock: trio.testing.MockClock
) -> None:
    """A BEAM of a greater name says no while a stranger shakes hands in our name."""
    raw, node = await routed(make_raw, make_node, "zz", status="nok")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.connect, raw.name)
        await trio.sleep(2.5)
        raw.status = "ok"
    assert trio.current_time() == pytest.approx(3, abs=0.1)
    assert node.nodes() == [raw.name]


@pytest.mark.parametrize("prefix", ["aa", "zz"])
async def test_a_peer_that_thinks_it_is_connected_is_told_that_we_mean_it(
    make_node: MakeNode, make_raw: MakeRaw, prefix: str
) -> None:
    raw, node = await routed(make_raw, make_node, prefix, status="alive")
    await node.connect(raw.name)
    assert raw.replaced == 1


async def test_a_node_with_our_own_name_is_told_no(
    make_node: MakeNode, make_raw: MakeRaw, caplog: pytest.LogCaptureFixture
) -> None:
    node = await make_node()
    twin = await make_raw(node.name)
    with pytest.raises(ergopy.AlreadyConnected):
        await twin.dial(node)
    assert node.nodes("connected") == []
    assert "another node that is called" in caplog.text


async def test_who_dials_in_the_names_of_others_leaves_nothing(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    node = await make_node()
    raw = await make_raw(unique_name("raw"))
    for number in range(20):
        raw.name = f"{secrets.token_hex(4)}@127.0.0.{number}"
        await (await raw.begin_to_dial(node)).aclose()
    connections = node.connections
    await until(lambda: not connections._guests._over)
    assert not connections.peers
    assert not connections._others


async def test_one_that_is_connected_stays_so_while_others_dial_in_its_name(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    node = await make_node()
    raw = await make_raw(unique_name("raw"))
    sock = await raw.dial(node)
    await until(node.nodes)
    stranger = await make_raw(raw.name, cookie="another")
    for _ in range(5):
        with pytest.raises(ergopy.CookieMismatch):
            await stranger.dial(node)
    assert node.nodes() == [raw.name]
    sock.close()
    await until(lambda: not node.nodes())


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_the_delays_are_no_connection_is_lost_again(
    autojump_clock: trio.testing.MockClock, seed: int
) -> None:
    """Both dial, each at its own time, and every message has a delay of its own."""
    chance = random.Random(seed)
    for _ in range(100):
        network = MemoryNetwork()
        async with network.node("a") as a, network.node("b") as b:
            changes: dict[str, list[bool]] = {}
            for node in (a, b):
                _note(node, changes)
            spread = chance.choice([0, 0.1, 0.3])
            async with trio.open_nursery() as weather:
                weather.start_soon(_change, network, chance)
                async with trio.open_nursery() as nursery:
                    for node, peer in ((a, b), (b, a)):
                        for _ in range(chance.randrange(1, 3)):
                            start = chance.random() * spread
                            nursery.start_soon(_connect_at, start, node, peer.name)
                weather.cancel_scope.cancel()
            await trio.sleep(10)
            assert changes == {a.name: [True], b.name: [True]}
            assert await a.ping(b.name)
            assert await b.ping(a.name)
            for node in (a, b):
                assert not node.connections._guests._over
                assert not node.connections._attempts


async def _change(network: MemoryNetwork, chance: random.Random) -> None:
    while True:
        for way in (("a", "b"), ("b", "a")):
            network.delay(*way, chance.choice([0, 0.01, 0.1]) * chance.random())
        await trio.sleep(0.02 * chance.random())


def _note(node: ergopy.Node, changes: dict[str, list[bool]]) -> None:
    seen = changes[node.name] = []
    node.runtime.node_watchers.append(lambda _, up: seen.append(up))


async def _connect_at(start: float, node: ergopy.Node, peer: str) -> None:
    await trio.sleep(start)
    await node.connect(peer)
