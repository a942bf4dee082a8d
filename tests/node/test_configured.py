"""Configured processes and other nodes; what a node itself is configured with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import ergopy
from ergopy import Atom, NotPermitted, ProcessConfig, StartError, SystemLimit
from tests.runtimes import idle, inside

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ergopy import Node, Process
    from tests.nodes import MakeNode

    Verb = Callable[[Process, Any, str], Awaitable[Any]]

AT_HOME = ProcessConfig(may_distribute=False)

VERBS: dict[str, Verb] = {
    "send": lambda p, pid, node: p.send(pid, 1),
    "send to several": lambda p, pid, node: p.send([p.pid, pid], 1),
    "send by name": lambda p, pid, node: p.send(("echo", node), 1),
    "cast": lambda p, pid, node: p.cast(pid, 1),
    "call": lambda p, pid, node: p.call(pid, 1),
    "multi_call": lambda p, pid, node: p.multi_call("echo", 1, [node]),
    "abcast": lambda p, pid, node: p.abcast("echo", 1, [node]),
    "call by name": lambda p, pid, node: p.call(("echo", node), 1),
    "send_request": lambda p, pid, node: p.send_request(pid, 1),
    "stop": lambda p, pid, node: p.stop(pid),
    "link": lambda p, pid, node: p.link(pid),
    "monitor": lambda p, pid, node: p.monitor(pid),
    "monitor by name": lambda p, pid, node: p.monitor(("echo", node)),
    "exit": lambda p, pid, node: p.exit(pid, "kill"),
    "rpc": lambda p, pid, node: p.rpc(node, "erlang", "node"),
    "remote_spawn": lambda p, pid, node: p.remote_spawn(node, "m", "f"),
    "spawn_request": lambda p, pid, node: p.spawn_request(node, "m", "f"),
    "connect": lambda p, pid, node: p.node.connect(node),
    "rpc of the node": lambda p, pid, node: p.node.rpc(node, "erlang", "node"),
    "remote_spawn of the node": lambda p, pid, node: p.node.remote_spawn(
        node, "m", "f"
    ),
}


@pytest.mark.parametrize("verb", VERBS)
async def test_a_process_without_the_right_reaches_no_other_node(
    pair: tuple[Node, Node], verb: str
) -> None:
    ours, theirs = pair
    await ours.connect(theirs.name)
    there = await theirs.spawn(idle, name="echo")

    async def body(process: Process) -> Any:
        return await VERBS[verb](process, there, theirs.name)

    with pytest.raises(NotPermitted) as caught:
        await inside(ours.runtime, body, config=AT_HOME)
    assert caught.value.what == "may_distribute"
    process = theirs.runtime.find(there)
    assert process is not None
    assert process.message_count() == 0
    assert not process.links
    assert not process.watchers


async def test_what_does_not_wait_is_refused_as_well(pair: tuple[Node, Node]) -> None:
    ours, theirs = pair
    there = await theirs.spawn(idle)

    async def body(process: Process) -> None:
        for verb in (
            lambda: process.send_nowait(there, 1),
            lambda: process.send_nowait(("echo", theirs.name), 1),
            lambda: process.send_after(0, there, 1),
            lambda: process.monitor_node(theirs.name),
        ):
            with pytest.raises(NotPermitted):
                verb()

    await inside(ours.runtime, body, config=AT_HOME)
    assert ours.nodes() == []


async def test_it_may_answer_who_called_it_from_there(
    pair: tuple[Node, Node], echo: type
) -> None:
    ours, theirs = pair
    pid = await ours.start(echo, config=AT_HOME)
    assert await theirs.call(pid, "hello") == b"hello"


async def test_it_may_use_its_own_node(pair: tuple[Node, Node]) -> None:
    ours, _ = pair
    ours.export("mod", {"one": lambda: 1})

    async def body(process: Process) -> Any:
        return await process.rpc(ours.name, "mod", "one")

    assert await inside(ours.runtime, body, config=AT_HOME) == 1


async def test_functions_of_other_modules_than_allowed_are_refused(
    pair: tuple[Node, Node],
) -> None:
    ours, theirs = pair
    for node in pair:
        node.export("good", {"one": lambda: 1})
        node.export("bad", {"one": lambda: 2})

    async def body(process: Process) -> list[Any]:
        got: list[Any] = []
        for node in (ours.name, theirs.name):
            got.append(await process.rpc(node, "good", "one"))
            with pytest.raises(NotPermitted, match="may_call bad"):
                await process.rpc(node, "bad", "one")
        return got

    config = ProcessConfig(may_call={"good"})
    assert await inside(ours.runtime, body, config=config) == [1, 1]


async def test_a_provided_program_runs_with_its_configuration(
    pair: tuple[Node, Node],
) -> None:
    ours, theirs = pair
    refused: list[str] = []

    async def program(process: Process, to: Any) -> None:
        try:
            await process.spawn(idle)
        except NotPermitted as error:
            refused.append(error.what)
        await process.send(to, Atom("done"))

    config = ProcessConfig(may_spawn=False, environment={"x": 1})
    theirs.provide_spawn("worker", program, config=config)

    async def body(process: Process) -> Any:
        await process.remote_spawn(theirs.name, "worker", "run", [process.pid])
        return await process.receive(timeout=5)

    assert await inside(ours.runtime, body) == "done"
    assert refused == ["may_spawn"]


async def test_what_a_peer_starts_begins_with_the_environment_of_the_node(
    make_node: MakeNode,
) -> None:
    theirs = await make_node(environment={"level": "node"})
    ours = await make_node(environment={"level": "other"})
    seen: list[Any] = []

    async def program(process: Process) -> None:
        seen.append(dict(process.env))

    theirs.provide_spawn("worker", program)

    async def dialling(process: Process) -> None:
        # The connection is made by a process with an environment of its own.
        process.env["level"] = "dialler"
        await theirs.connect(ours.name)

    await inside(theirs.runtime, dialling)

    async def body(process: Process) -> Any:
        process.env["level"] = "asker"
        _, ref = await process.remote_spawn(theirs.name, "worker", "x", monitor=True)
        return await process.receive(ref, timeout=5)

    await inside(ours.runtime, body)
    assert seen == [{"level": "node"}]


async def test_a_node_with_its_most_processes_refuses_peers_and_programs(
    make_node: MakeNode,
) -> None:
    theirs, ours = await make_node(), await make_node()
    theirs.provide_spawn("worker", idle)
    theirs.runtime.max_processes = len(theirs.runtime.processes) + 1
    await ours.remote_spawn(theirs.name, "worker", "x")
    with pytest.raises(StartError) as caught:
        await ours.remote_spawn(theirs.name, "worker", "x")
    assert caught.value.reason == "system_limit"
    with pytest.raises(SystemLimit) as limited:
        await theirs.spawn(idle)
    assert limited.value.who == theirs.name


async def test_a_quota_is_a_system_limit_for_a_spawn_on_the_node_itself(
    make_node: MakeNode,
) -> None:
    node = await make_node()
    node.provide_spawn("worker", idle)

    async def body(process: Process) -> Any:
        await process.remote_spawn(node.name, "worker", "x")
        with pytest.raises(StartError) as caught:
            await process.remote_spawn(node.name, "worker", "x")
        ref = await process.spawn_request(node.name, "worker", "x")
        answer = await process.receive(ref, timeout=5)
        return caught.value.reason, answer[2:]

    config = ProcessConfig(max_processes=1)
    limit = Atom("system_limit")
    expected = (limit, (Atom("error"), limit))
    assert await inside(node.runtime, body, config=config) == expected


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_leaves_no_process_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="max_processes"):
        ergopy.Node("a@127.0.0.1", cookie="x", max_processes=limit)


def test_an_unknown_copy_policy_of_a_node_is_refused() -> None:
    wrong: Any = "shallow"
    with pytest.raises(ValueError, match="copy= is one of"):
        ergopy.Node("a@127.0.0.1", cookie="x", copy=wrong)


async def test_a_node_that_copies_hands_over_copies_and_works_otherwise(
    make_node: MakeNode, echo: type
) -> None:
    node, other = await make_node(copy="etf"), await make_node()
    await node.start(echo, name="echo")
    assert await node.call("echo", "text") == b"text"
    assert await other.call(("echo", node.name), "text") == b"text"
    assert await node.ping(other.name)


async def test_the_options_of_a_node_are_in_its_process_limit(
    make_node: MakeNode,
) -> None:
    node = await make_node(max_processes=500)
    assert node.runtime.max_processes == 500


async def test_environment_of_a_node_is_the_same_in_each_of_its_lives(
    epmd_port: int,
) -> None:
    node = ergopy.Node("env@127.0.0.1", cookie="x", epmd="off", environment={"a": 1})
    for _ in range(2):
        async with node:
            assert dict(node.env) == {"a": 1}
            node.env["b"] = 2
