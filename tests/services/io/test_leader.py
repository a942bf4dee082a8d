"""Whose output it is: the group leaders of exported functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import io
from ergopy.testing import captured_io, node_pair, stand_in
from etf import Atom
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Node

A = Atom


@pytest.fixture
async def nodes() -> AsyncIterator[tuple[Node, Node]]:
    async with node_pair() as (here, there):
        here.export("desk", {"say": say})
        yield here, there


async def say(text: Any) -> Any:
    await io.print("said", text.decode())
    return A("done")


async def test_erpc_has_the_group_leader_of_the_caller(
    nodes: tuple[Node, Node],
) -> None:
    here, there = nodes
    async with captured_io(there) as device, stand_in(there) as caller:
        caller.set_group_leader(device.pid)
        answer = await caller.rpc(here.name, "desk", "say", [b"erpc"])
        assert (answer, device.text) == ("done", "said erpc\n")


async def test_rex_has_the_group_leader_that_it_is_given(
    nodes: tuple[Node, Node],
) -> None:
    here, there = nodes
    async with captured_io(there) as device, captured_io(there) as other:
        mfa = (A("desk"), A("say"))
        for kind, leader in (("call", device.pid), ("block_call", other.pid)):
            request = (A(kind), *mfa, [kind.encode()], leader)
            assert await there.call(("rex", here.name), request) == "done"
        await there.cast(("rex", here.name), (A("cast"), *mfa, [b"cast"], device.pid))
        await settle()
        assert device.text == "said call\nsaid cast\n"
        assert other.text == "said block_call\n"


async def test_without_a_leader_it_is_that_of_the_node(
    nodes: tuple[Node, Node], capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = nodes
    request = (A("call"), A("desk"), A("say"), [b"here"], A("user"))
    await there.call(("rex", here.name), request)
    assert capsys.readouterr().out == "said here\n"


async def test_a_c_node_gets_what_was_printed_before_the_answer(
    nodes: tuple[Node, Node],
) -> None:
    here, there = nodes
    async with stand_in(there) as c_node:
        call = (A("call"), A("desk"), A("say"), [b"it"], A("send_stdout_to_caller"))
        await c_node.send(("rex", here.name), (c_node.pid, call))
        got = [await c_node.receive(timeout=5) for _ in range(2)]
        assert got == [(A("rex_stdout"), b"said it\n"), (A("rex"), A("done"))]
        count = len(here.processes())
        await c_node.send(("rex", here.name), (c_node.pid, call))
        await c_node.receive(timeout=5)
        await c_node.receive(timeout=5)
        assert len(here.processes()) == count


async def test_the_leader_of_a_call_is_not_that_of_what_runs_beside_it(
    nodes: tuple[Node, Node],
) -> None:
    here, there = nodes
    leaders: list[Any] = []

    async def spawns() -> None:
        leaders.append(io.group_leader())
        await here.spawn(body)

    async def body(_: Any) -> None:
        leaders.append(io.group_leader())

    here.export("desk", {"spawns": spawns})
    async with captured_io(there) as device:
        request = (A("call"), A("desk"), A("spawns"), [], device.pid)
        await there.call(("rex", here.name), request)
        await settle()
        assert leaders == [device.pid, here.whereis("user")]


async def test_another_node_sets_the_group_leader(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    async with captured_io(there) as device, stand_in(here) as process:
        there.runtime.root.set_group_leader(device.pid, process.pid)
        await there.ping(here.name)
        await settle()
        assert process.group_leader == device.pid
