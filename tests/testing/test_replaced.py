"""Another process under a name."""

from __future__ import annotations

from typing import Any

import pytest

import ergopy
from ergopy import Atom, Registry, testing
from tests.nodes import Echo


async def test_it_has_the_name_meanwhile_and_the_former_one_after(
    node: ergopy.Node,
) -> None:
    echo = await node.start(Echo, name="echo")
    async with testing.stand_in(node) as me:
        with testing.replaced(node, "echo", me.pid) as former:
            assert (former, node.whereis("echo")) == (echo, me.pid)
            await node.send("echo", 1)
            assert await me.receive(timeout=60) == 1
        assert node.whereis("echo") == echo
        assert await node.call("echo", Atom("seen")) == []


async def test_a_name_that_nobody_had_is_free_again(node: ergopy.Node) -> None:
    async with testing.stand_in(node, "me") as me:
        with testing.replaced(node, "echo", me.pid) as former:
            assert (former, node.whereis("echo")) == (None, me.pid)
        assert node.whereis("echo") is None
        assert node.whereis("me") == me.pid


async def test_a_replacement_that_ends_gives_the_name_back(node: ergopy.Node) -> None:
    echo = await node.start(Echo, name="echo")
    other = await node.start(Echo)
    with testing.replaced(node, "echo", other):
        await node.stop("echo")
        assert node.whereis("echo") is None
    assert node.whereis("echo") == echo


async def test_a_former_one_that_has_ended_is_not_brought_back(
    node: ergopy.Node,
) -> None:
    echo = await node.start(Echo, name="echo")
    other = await node.start(Echo)
    with testing.replaced(node, "echo", other):
        await node.stop(echo)
    assert node.whereis("echo") is None
    assert await node.call(other, 1) == 1


async def test_who_took_the_name_meanwhile_keeps_it(node: ergopy.Node) -> None:
    await node.start(Echo, name="echo")
    other = await node.start(Echo)
    with testing.replaced(node, "echo", other):
        await node.stop(other)
        third = await node.start(Echo, name="echo")
    assert node.whereis("echo") == third


async def test_a_key_of_a_registry_is_replaced_and_found_again(
    node: ergopy.Node,
) -> None:
    await node.start(Registry, name="users")
    via = ergopy.Via("users", 7, b"value")
    echo = await node.start(Echo, name=via)
    async with testing.stand_in(node) as me:
        with testing.replaced(node, via, me.pid) as former:
            assert former == echo
            await node.send(via, 1)
            assert await me.receive(timeout=60) == 1
        users = Registry.of("users", node)
        assert users.lookup(7) == echo
    await node.stop(echo)
    assert users.lookup(7) is None


async def test_who_does_not_live_here_cannot_replace_anybody(node: ergopy.Node) -> None:
    echo = await node.start(Echo, name="echo")
    other = await node.start(Echo)
    await node.stop(other)
    with (
        pytest.raises(ergopy.LocalProtocolError),
        testing.replaced(node, "echo", other),
    ):
        pass
    assert node.whereis("echo") == echo


class Stubborn:
    """Keeps one name, and for whom is not for others to say."""

    def __init__(self, owner: Any) -> None:
        self.owner = owner

    def register_name(self, name: Any, pid: Any, /) -> bool:
        return False

    def unregister_name(self, name: Any, /) -> None:
        pass

    def whereis_name(self, name: Any, /) -> Any:
        return self.owner


async def test_a_keeper_of_names_may_refuse_it(node: ergopy.Node) -> None:
    echo = await node.start(Echo)
    via = ergopy.Via(Stubborn(echo), "echo")
    async with testing.stand_in(node) as me:
        with (
            pytest.raises(ergopy.NameTaken),
            testing.replaced(node, via, me.pid),
        ):
            pass
    assert await node.call(via, 1) == 1
