"""Nodes without a name: given one by us, and getting one from a peer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import ergopy
from ergopy.errors import NodeNameError
from ergopy.testing import MemoryNetwork
from tests.node.raw_node import until
from tests.nodes import COOKIE, Echo, unique_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.node.raw_node import MakeRaw

    MakeNode = Callable[..., Awaitable[ergopy.Node]]

UNNAMED = "undefined@127.0.0.1"


def unnamed(named_by: Any, **options: Any) -> ergopy.Node:
    return ergopy.Node(UNNAMED, **({"cookie": COOKIE, "named_by": named_by} | options))


async def test_a_node_without_a_name_gets_one_and_is_a_hidden_member(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    node = await make_node()
    nameless = await make_raw("127.0.0.1")
    socks = [await nameless.dial(node, nameless=True) for _ in range(2)]
    await until(lambda: len(node.nodes("hidden")) == 2)
    names = [link.name for link in nameless.links]
    assert sorted(names) == sorted(node.nodes("hidden"))
    assert len(set(names)) == 2
    assert node.nodes() == []
    for link, name in zip(nameless.links, names, strict=True):
        assert name.endswith("@127.0.0.1")
        assert link.own_creation >= 4
        assert node.connections.peer(name).creation == link.own_creation
    for sock in socks:
        sock.close()
    await until(lambda: not node.connections.peers)
    with pytest.raises(ergopy.NodeNotFound):
        await node.connect(names[0])


async def test_the_name_of_a_node_that_left_is_given_to_the_next_of_its_host(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    node = await make_node()
    nameless = await make_raw("127.0.0.1")
    for _ in range(5):
        sock = await nameless.dial(node, nameless=True)
        await until(lambda: node.nodes("hidden"))
        sock.close()
        await until(lambda: not node.nodes("hidden"))
    links = nameless.links
    assert len({link.name for link in links}) == 1
    first = links[0].own_creation
    assert [link.own_creation - first for link in links] == [0, 1, 2, 3, 4]


async def test_nodes_without_the_cookie_are_given_no_memory_of_ours(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    node = await make_node()
    stranger = await make_raw("127.0.0.1", cookie="another")
    for _ in range(5):
        with pytest.raises(ergopy.CookieMismatch):
            await stranger.dial(node, nameless=True)
    given = node.connections._given
    await until(lambda: not given._used)
    assert not given._free
    assert not node.connections._others


async def test_an_allow_list_lets_nameless_nodes_in_by_host(
    make_node: MakeNode, make_raw: MakeRaw
) -> None:
    node = await make_node(allow=["127.0.0.1"])
    for host, fine in (("127.0.0.1", True), ("127.0.0.2", False)):
        nameless = await make_raw(host)
        if fine:
            await nameless.dial(node, nameless=True)
        else:
            with pytest.raises(ergopy.NotAllowed):
                await nameless.dial(node, nameless=True)


async def test_a_node_takes_its_name_from_the_peer_that_it_enters_by(
    make_node: MakeNode,
) -> None:
    giver, other = await make_node(), await make_node()
    await giver.start(Echo, name="echo")
    await other.start(Echo, name="echo")
    node = unnamed(giver.name)
    assert node.name == "nonode@nohost"
    async with node:
        name, creation = node.name, node.creation
        assert name.endswith("@127.0.0.1")
        assert node.pid.node == name
        assert node.hidden
        assert node.port == 0
        assert node.nodes("hidden") == [giver.name]
        assert giver.nodes("hidden") == [name]
        pid = await node.start(Echo, name="echo")
        assert await giver.call(pid, 1) == 1
        assert await giver.call(("echo", name), 2) == 2
        assert await node.call(("echo", giver.name), pid) == pid
        assert await node.call(("echo", other.name), 3) == 3
        assert other.nodes("hidden") == [name]
        assert await other.ping(name)
    assert node.name == "nonode@nohost"
    await until(lambda: not giver.nodes("hidden") and not other.nodes("hidden"))
    async with node:
        assert (node.name, node.creation) == (name, creation + 1)
        assert await giver.ping(name)


@pytest.mark.parametrize("side", ["giver", "node"])
async def test_without_who_named_it_a_node_has_no_connection_at_all(
    make_node: MakeNode, side: str
) -> None:
    giver, other = await make_node(), await make_node()
    async with unnamed(giver.name) as node:
        name = node.name
        pid = await node.start(Echo)
        await node.connect(other.name)
        if side == "giver":
            giver.disconnect(name)
        else:
            node.disconnect(giver.name)
        with trio.fail_after(30):
            await node.wait_closed()
        await until(lambda: not other.nodes("hidden") and not node.nodes("hidden"))
        for peer in (giver, other):
            with pytest.raises(ergopy.ConnectError, match="gave this node its name"):
                await node.connect(peer.name)
            await node.send(("echo", peer.name), 1)
            assert not await peer.ping(name)
        assert await node.call(pid, 1) == 1


async def test_losing_another_peer_costs_no_name(make_node: MakeNode) -> None:
    giver, other = await make_node(), await make_node()
    async with unnamed(giver.name) as node:
        await node.connect(other.name)
        node.disconnect(other.name)
        assert node.nodes("connected") == [giver.name]
        assert await node.ping(other.name)


async def test_of_several_the_first_that_lets_us_in_gives_the_name(
    make_node: MakeNode,
) -> None:
    absent, stranger = unique_name("absent"), await make_node(cookie="another")
    giver, last = await make_node(), await make_node()
    names = [absent, stranger.name, giver.name, last.name]
    async with unnamed(names) as node:
        assert node.nodes("connected") == [giver.name]
    with pytest.raises(ergopy.ConnectError) as caught:
        await unnamed(names[:2]).__aenter__()
    assert "no such name" in str(caught.value)
    assert "cookie" in str(caught.value)
    with pytest.raises(ergopy.NodeNotFound):
        await unnamed(absent).__aenter__()


async def test_a_node_that_did_not_get_a_name_leaves_nothing(
    make_node: MakeNode,
) -> None:
    giver = await make_node(cookie="another")
    await trio.testing.wait_all_tasks_blocked()
    before = trio.lowlevel.current_statistics().tasks_living
    node = unnamed(giver.name)
    with pytest.raises(ergopy.CookieMismatch):
        await node.__aenter__()
    await trio.testing.wait_all_tasks_blocked()
    assert trio.lowlevel.current_statistics().tasks_living == before
    node.set_cookie("nonode@nohost", "another")
    async with node:
        assert node.nodes("connected") == [giver.name]


async def test_a_service_that_fails_leaves_no_connection(make_node: MakeNode) -> None:
    giver = await make_node()

    async def fail(node: Any) -> None:
        await until(lambda: giver.nodes("hidden"))
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await unnamed(giver.name, services=[fail]).__aenter__()
    await until(lambda: not giver.nodes("hidden"))


@pytest.mark.parametrize(
    ("name", "named_by", "words"),
    [
        (UNNAMED, None, "named_by="),
        ("py@127.0.0.1", "shop@127.0.0.1", "is a name already"),
        (UNNAMED, [], "no node"),
        (UNNAMED, "shop", "has no host"),
        (UNNAMED, "shop@host", "short"),
        ("undefined", "shop@127.0.0.1", "has no host"),
    ],
)
def test_names_that_do_not_fit_each_other_are_refused(
    name: str, named_by: Any, words: str
) -> None:
    with pytest.raises(NodeNameError, match=words):
        ergopy.Node(name, cookie=COOKIE, named_by=named_by)


async def test_a_name_is_given_over_any_network(
    autojump_clock: trio.testing.MockClock,
) -> None:
    network = MemoryNetwork(chunk=1)
    async with network.node("giver") as giver:
        node = network.node("undefined", named_by=giver.name)
        async with node:
            assert node.name.endswith("@memory")
            assert giver.nodes("hidden") == [node.name]
            network.cut(node, giver)
            network.cut("undefined", giver)
            await node.wait_closed()
            assert 45 <= trio.current_time() <= 76
        await trio.sleep(20)
        assert giver.nodes("hidden") == []
