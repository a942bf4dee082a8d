"""What a running node is told and asked about its cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import Atom
from tests.node.raw_node import until
from tests.nodes import COOKIE, unique_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    MakeNode = Callable[..., Awaitable[ergopy.Node]]


async def test_nodes_are_listed_by_kind(make_node: MakeNode) -> None:
    node, seen, unseen = await make_node(), await make_node(), await make_node()
    ghost = await make_node(hidden=True)
    for peer in (seen, ghost):
        await node.connect(peer.name)
    absent = ergopy.Pid(Atom("absent@127.0.0.1"), 1, 0, 1)
    assert node.nodes() == [seen.name]
    assert node.nodes("hidden") == [ghost.name]
    assert set(node.nodes("connected")) == {seen.name, ghost.name}
    assert node.nodes("this") == [node.name]
    assert set(node.nodes("known")) == {node.name, seen.name, ghost.name}
    assert set(node.nodes(["this", "hidden"])) == {node.name, ghost.name}
    assert node.nodes([]) == []
    peer = node.connections.peer(absent.node)
    assert absent.node in node.nodes("known")
    del peer
    assert unseen.nodes("known") == unseen.nodes("this")


@pytest.mark.parametrize("here", [False, True])
@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("dials", ["here", "there"])
async def test_a_connection_is_visible_if_both_sides_want_it(
    make_node: MakeNode, here: bool, there: bool, dials: str
) -> None:
    one, two = await make_node(hidden=here), await make_node(hidden=there)
    if dials == "there":
        await two.connect(one.name)
    else:
        await one.connect(two.name)
    await until(lambda: one.nodes("connected") and two.nodes("connected"))
    kind, other = ("hidden", "visible") if here or there else ("visible", "hidden")
    for node, peer in ((one, two), (two, one)):
        assert node.nodes(kind) == [peer.name]
        assert node.nodes(other) == []
        assert node.nodes("connected", info=True)[peer.name]["node_type"] == kind


async def test_each_connection_has_a_number_of_its_own(make_node: MakeNode) -> None:
    node, peer, other = await make_node(), await make_node(), await make_node()
    numbers = []
    for to in (peer, other, peer):
        await node.connect(to.name)
        numbers.append(node.nodes(info=True)[to.name]["connection_id"])
        node.disconnect(to.name)
    assert len(set(numbers)) == 3
    known = node.nodes("known", info=True)
    assert known[node.name] == {"connection_id": None, "node_type": "this"}


@pytest.mark.parametrize("kind", ["all", "", ["visible", "seen"]])
async def test_a_kind_that_does_not_exist_is_refused(
    make_node: MakeNode, kind: Any
) -> None:
    node = await make_node()
    with pytest.raises(ValueError, match="kind is one of"):
        node.nodes(kind)


async def test_a_cookie_for_a_peer_can_be_set_at_run_time(make_node: MakeNode) -> None:
    here, there = await make_node(), await make_node(cookie="another")
    assert here.get_cookie() == here.get_cookie(there.name) == COOKIE
    assert not await here.ping(there.name)
    here.set_cookie(there.name, "another")
    assert here.get_cookie(there.name) == "another"
    assert here.get_cookie() == COOKIE
    assert await here.ping(there.name)
    here.disconnect(there.name)
    await until(lambda: not there.nodes())
    assert await there.ping(here.name)


async def test_the_cookie_for_all_others_can_be_set_at_run_time(
    make_node: MakeNode,
) -> None:
    old, new = await make_node(), await make_node(cookie="another")
    node = await make_node(cookies={old.name: COOKIE})
    await node.connect(old.name)
    node.set_cookie(node.name, "another")
    assert node.nodes() == [old.name]
    node.disconnect(old.name)
    assert await node.ping(old.name)
    assert await new.ping(node.name)


@pytest.mark.parametrize("cookie", ["", "ü€", "x" * 256, b"secret"])
async def test_an_impossible_cookie_changes_nothing(
    make_node: MakeNode, cookie: Any
) -> None:
    node = await make_node()
    for peer in (node.name, "other@127.0.0.1"):
        with pytest.raises(ValueError, match="Latin-1"):
            node.set_cookie(peer, cookie)
        assert node.get_cookie(peer) == COOKIE


async def test_an_allow_list_can_begin_at_run_time(make_node: MakeNode) -> None:
    node, friend, stranger = await make_node(), await make_node(), await make_node()
    await node.connect(stranger.name)
    assert node.allowed is None
    node.allow([friend.name])
    assert node.allowed == [friend.name]
    assert node.nodes() == [stranger.name]
    assert await friend.ping(node.name)
    stranger.disconnect(node.name)
    await until(lambda: stranger.name not in node.nodes())
    with pytest.raises(ergopy.NotAllowed):
        await stranger.connect(node.name)
    node.allow([stranger.name])
    assert await stranger.ping(node.name)
    with pytest.raises(TypeError, match="one name"):
        node.allow(stranger.name)


async def test_who_is_not_allowed_is_logged_by_name(
    make_node: MakeNode, caplog: pytest.LogCaptureFixture
) -> None:
    node, stranger = await make_node(allow=[]), await make_node()
    assert not await stranger.ping(node.name)
    assert f"{stranger.name} may not connect" in caplog.text


async def test_the_tick_time_can_be_changed_while_connections_are_up(
    make_node: MakeNode,
) -> None:
    here, there = await make_node(), await make_node()
    await here.connect(there.name)
    assert here.net_ticktime == 60
    here.net_ticktime = 8
    assert here.net_ticktime == 8
    transport = here.connections.peer(there.name).transport
    assert transport is not None
    assert transport.net_ticktime == 8
    for impossible in (0, -1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="net_ticktime="):
            here.net_ticktime = impossible


async def test_what_was_set_lives_through_the_next_start(epmd_port: int) -> None:
    node = ergopy.Node(unique_name(), cookie=COOKIE)
    async with node:
        node.set_cookie("other@127.0.0.1", "another")
        node.allow(["other@127.0.0.1"])
        node.net_ticktime = 8
    async with node:
        assert node.get_cookie("other@127.0.0.1") == "another"
        assert node.allowed == ["other@127.0.0.1"]
        assert node.connections.net_ticktime == 8


async def test_several_nodes_of_one_program_can_be_in_different_clusters(
    make_node: MakeNode,
) -> None:
    """And one that is in both keeps them apart."""
    red = [await make_node(cookie="red") for _ in range(2)]
    blue = [await make_node(cookie="blue") for _ in range(2)]
    both = await make_node(cookie="red", cookies={n.name: "blue" for n in blue})
    async with trio.open_nursery() as nursery:
        for node in (*red, *blue):
            nursery.start_soon(node.connect, both.name)
        nursery.start_soon(red[0].connect, red[1].name)
        nursery.start_soon(blue[0].connect, blue[1].name)
    assert not await red[0].ping(blue[0].name)
    assert not await blue[1].ping(red[1].name)
    assert set(red[0].nodes()) == {red[1].name, both.name}
    assert set(blue[0].nodes()) == {blue[1].name, both.name}
    assert len(both.nodes()) == 4
