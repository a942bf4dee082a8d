"""Looking at processes through the node, from here and from another node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio.testing

import ergopy
from ergopy import Atom, Pid, RpcError

if TYPE_CHECKING:
    from tests.nodes import MakeNode


async def idle(proc: ergopy.Process) -> None:
    await proc.receive()


@pytest.fixture
async def node(make_node: MakeNode) -> ergopy.Node:
    return await make_node(services=[])


async def test_processes_are_all_that_live(node: ergopy.Node) -> None:
    pids = [await node.spawn(idle) for _ in range(3)]
    assert node.processes() == pids
    assert all(map(node.is_process_alive, pids))


async def test_the_dead_have_no_info(node: ergopy.Node) -> None:
    pid = await node.spawn(idle)
    await node.send(pid, "end")
    await trio.testing.wait_all_tasks_blocked()
    assert not node.is_process_alive(pid)
    assert node.process_info(pid) is None
    assert node.process_info(pid, ["links"]) is None
    with pytest.raises(ValueError, match="no item"):
        node.process_info(pid, "nothing")


@pytest.mark.parametrize("what", [Pid("x@y", 1, 0, 1), "name", None])
async def test_only_pids_of_this_node_are_looked_at(
    node: ergopy.Node, what: Any
) -> None:
    with pytest.raises(ValueError, match="no process of this node"):
        node.process_info(what)
    with pytest.raises(ValueError, match="no process of this node"):
        node.is_process_alive(what)


async def test_nothing_can_be_looked_at_from_outside_that_was_turned_off(
    pair: tuple[ergopy.Node, ergopy.Node],
) -> None:
    one, other = pair
    other.unexport("erlang", "processes")
    with pytest.raises(RpcError) as caught:
        await one.rpc(other.name, "erlang", "processes", [])
    assert caught.value.reason == "undef"


async def test_a_look_from_outside_gives_what_otp_gives(
    pair: tuple[ergopy.Node, ergopy.Node],
) -> None:
    one, other = pair
    pid = await other.spawn(idle, name="x")
    none = Pid(other.name, 9999, 0, other.creation)

    async def ask(function: str, *args: Any) -> Any:
        return await one.rpc(other.name, "erlang", function, args)

    assert pid in await ask("processes")
    assert Atom("x") in await ask("registered")
    assert await ask("whereis", Atom("x")) == pid
    assert await ask("whereis", Atom("y")) == "undefined"
    assert await ask("is_process_alive", pid) is True
    assert await ask("is_process_alive", none) is False
    assert await ask("process_info", pid, Atom("links")) == ("links", [])
    assert await ask("process_info", none, Atom("links")) == "undefined"
    assert dict(await ask("process_info", pid))["registered_name"] == "x"
    assert await ask("node") == other.name
    assert await ask("nodes") == [one.name]
