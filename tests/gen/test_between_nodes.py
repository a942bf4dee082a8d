"""Tasks, agents and pools of one Python node, used from another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    NOREPLY,
    Agent,
    Atom,
    CallExit,
    Exit,
    GenServer,
    NoProcess,
    Pool,
    Task,
    TaskExit,
    TaskSupervisor,
    agent,
    pool,
)
from tests.nodes import epmd_port, make_node

if TYPE_CHECKING:
    from ergopy import Node
    from tests.nodes import MakeNode

__all__ = ["epmd_port", "make_node"]


def double(n: int) -> int:
    return 2 * n


async def hang() -> None:
    await trio.sleep_forever()


async def fail() -> None:
    raise Exit("boom")


@pytest.fixture
async def nodes(make_node: MakeNode) -> tuple[Node, Node]:
    """Two nodes; the first has the servers, and exports three functions."""
    ours, theirs = await make_node(), await make_node()
    ours.export("m", {"double": double, "hang": hang, "fail": fail})
    ours.export("m", {"object": lambda _: object()})
    return ours, theirs


async def test_a_task_under_a_supervisor_of_another_node(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    await ours.start(TaskSupervisor, name="tasks")
    under = ("tasks", ours.name)
    task = await Task.async_(("m", "double"), 21, under=under, caller=theirs)
    assert task.pid is not None
    assert task.pid.node == ours.name
    assert await task.await_() == 42
    task = await Task.async_nolink(("m", "fail"), under=under, caller=theirs)
    assert await task.yield_() == ("exit", "boom")
    task = await Task.async_nolink(("m", "hang"), under=under, caller=theirs)
    assert await task.shutdown() is None
    stream = Task.async_stream(range(5), ("m", "double"), under=under, caller=theirs)
    assert [outcome async for outcome in stream] == [("ok", 2 * n) for n in range(5)]
    with pytest.raises(TypeError, match="another node cannot run"):
        await Task.async_(double, 1, under=under, caller=theirs)


async def test_a_lost_connection_is_the_end_of_a_task(
    nodes: tuple[Node, Node],
) -> None:
    ours, theirs = nodes
    await ours.start(TaskSupervisor, name="tasks")
    under = ("tasks", ours.name)
    task = await Task.async_nolink(("m", "hang"), under=under, caller=theirs)
    theirs.disconnect(ours.name)
    with pytest.raises(TaskExit) as caught:
        await task.yield_()
    assert caught.value.reason == ("nodedown", ours.name)


async def test_an_agent_of_another_node(nodes: tuple[Node, Node]) -> None:
    ours, theirs = nodes
    await ours.start(Agent, 5, name="five")
    five = ("five", ours.name)
    assert await agent.get(five, ("m", "double"), caller=theirs) == 10
    for function, word in [(("m", "no"), "undef"), (("m", "object"), "python")]:
        with pytest.raises(CallExit) as caught:
            await agent.get(five, function, caller=theirs)
        assert caught.value.reason[0] == word
    await agent.update(five, ("m", "double"), caller=theirs)
    assert await agent.get(five, ("m", "double"), caller=theirs) == 20


class Worker(GenServer):
    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case Atom("wait"):
                return NOREPLY
            case Atom("exit"):
                raise Exit("boom")
        return (from_[0], request)


async def test_a_pool_of_another_node(nodes: tuple[Node, Node]) -> None:
    ours, theirs = nodes
    await ours.start(Pool, Worker, size=1, max_waiting=0, name="workers")
    workers = ("workers", ours.name)
    assert await theirs.call(workers, b"hi") == (theirs.pid, b"hi")
    with pytest.raises(CallExit, match="boom"):
        await theirs.call(workers, Atom("exit"))
    async with pool.worker(workers, caller=theirs) as mine:
        assert await theirs.call(mine, b"me") == (theirs.pid, b"me")
        with pytest.raises(CallExit, match="overloaded"):
            await theirs.call(workers, b"hi")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(theirs.call, workers, Atom("wait"), None)
        while not (await pool.statistics(workers, caller=theirs)).busy:  # noqa: ASYNC110
            await trio.sleep(0.001)
        with pytest.raises(CallExit, match="overloaded"):
            await theirs.call(workers, b"hi")
        nursery.cancel_scope.cancel()
    numbers = await pool.statistics(workers, caller=ours)
    assert (numbers.rejected, numbers.failed) == (2, 1)
    with pytest.raises(NoProcess):
        await theirs.call(("nobody", ours.name), 1)
