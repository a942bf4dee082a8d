"""Processes that one node of ours starts on another, or on itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import Down, ExitMessage
from ergopy.errors import StartError
from tests.node.wanted import OOPS
from tests.runtimes import inside, mail, settle

if TYPE_CHECKING:
    from ergopy import Process
    from tests.nodes import MakeNode

Pair = tuple[ergopy.Node, ergopy.Node]


async def idle(process: Process) -> None:
    await trio.sleep_forever()


@pytest.mark.parametrize("where", ["there", "here"])
async def test_a_name_is_held_before_the_function_begins(
    pair: Pair, where: str
) -> None:
    here, there = pair
    node = there if where == "there" else here
    names: list[Any] = []

    async def program(process: Process) -> None:
        names.append(list(process.names))
        await trio.sleep_forever()

    node.provide_spawn("worker", program)
    pid = await here.remote_spawn(node.name, "worker", "start", name="w")
    await settle()
    assert names == [["w"]]
    assert node.whereis("w") == pid
    with pytest.raises(ergopy.NameTaken) as caught:
        await here.remote_spawn(node.name, "worker", "start", name="w")
    assert caught.value.name == "w"
    assert len(names) == 1
    other, ref = await here.remote_spawn(
        node.name, "worker", "start", options=["monitor"]
    )
    assert (other.node, ref.node) == (node.name, here.name)
    with pytest.raises(StartError) as refused:
        await here.remote_spawn(
            node.name, "worker", "start", name="x", options=["nonsense"]
        )
    assert refused.value.reason == "badopt"


@pytest.mark.parametrize("where", ["there", "here"])
async def test_a_request_is_answered_by_a_node_of_this_kind(
    pair: Pair, where: str
) -> None:
    here, there = pair
    node = there if where == "there" else here
    node.provide_spawn("worker", idle)

    async def body(proc: Process) -> None:
        proc.trap_exit = True
        ref = await proc.spawn_request(
            node.name, "worker", "start", link=True, monitor=True
        )
        tag, request, kind, pid = await proc.receive()
        assert (tag, request, kind) == ("spawn_reply", ref, "ok")
        assert not proc.spawn_request_abandon(ref)
        assert pid in proc.links
        await proc.exit(pid, OOPS)
        got = [await proc.receive() for _ in range(2)]
        assert Down(ref, pid, OOPS) in got
        assert ExitMessage(pid, OOPS) in got
        ref = await proc.spawn_request(
            node.name, "worker", "start", options=["x"], reply_tag="no"
        )
        assert await proc.receive() == ("no", ref, "error", "badopt")
        await proc.spawn_request(node.name, "worker", "start", reply="no", link=True)

    await inside(here.runtime, body)


async def test_a_request_to_a_node_that_is_not_there_is_answered(
    make_node: MakeNode,
) -> None:
    node = await make_node()

    async def body(proc: Process) -> Any:
        ref = await proc.spawn_request("nobody@127.0.0.1", "worker", "start")
        return await proc.receive() == ("spawn_reply", ref, "error", "noconnection")

    assert await inside(node.runtime, body)


async def test_an_abandoned_start_ends_over_there(pair: Pair) -> None:
    here, there = pair
    ended: list[Any] = []
    there.provide_spawn("worker", idle)
    await here.connect(there.name)

    async def body(proc: Process) -> None:
        ref = await proc.spawn_request(there.name, "worker", "start", link=True)
        assert proc.spawn_request_abandon(ref)
        # The answer is behind the request, and the exit signal behind the answer.
        while there.runtime.spawned == before:
            await trio.lowlevel.checkpoint()
        process = max(there.runtime.processes.values(), key=lambda p: p.pid.id)
        process.watchers[body] = Watcher(ended)
        while not ended:
            await trio.lowlevel.checkpoint()
        assert not mail(proc)

    before = there.runtime.spawned
    await inside(here.runtime, body)
    assert ended == ["abandoned"]


class Watcher:
    def __init__(self, reasons: list[Any]) -> None:
        self.fire = reasons.append


@pytest.mark.parametrize(
    "wrong",
    [{"reply": "maybe"}, {"options": [("link", [])]}, {"options": [("name", "x")]}],
)
async def test_a_wrong_argument_is_refused_before_anything_is_sent(
    pair: Pair, wrong: dict[str, Any]
) -> None:
    here, there = pair

    async def body(proc: Process) -> None:
        with pytest.raises(ValueError, match=r"reply=|argument"):
            await proc.spawn_request(there.name, "m", "f", **wrong)

    await inside(here.runtime, body)
    assert here.nodes() == []


async def test_an_argument_that_is_no_term_is_refused_and_leaves_nothing(
    pair: Pair,
) -> None:
    here, there = pair
    await here.connect(there.name)

    async def body(proc: Process) -> None:
        with pytest.raises(ValueError, match="object"):
            await proc.spawn_request(there.name, "m", "f", [object()])
        with pytest.raises(ValueError, match="object"):
            await proc.remote_spawn(there.name, "m", "f", [object()])

    await inside(here.runtime, body)
    assert not here.connections.peer(there.name).spawns
