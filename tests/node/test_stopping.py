"""How a node ends, as others see it, and what keeps it from ending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio
import trio.testing

import ergopy
from ergopy import Atom, Down
from ergopy.node.stopping import PATIENCE
from tests.nodes import COOKIE, unique_name

if TYPE_CHECKING:
    import pytest

    from tests.nodes import MakeNode

settle = trio.testing.wait_all_tasks_blocked


async def idle(proc: ergopy.Process) -> None:
    await trio.sleep_forever()


async def test_peers_hear_shutdown_and_the_name_is_free_again(
    make_node: MakeNode,
) -> None:
    watching = await make_node()
    ends: list[Any] = []
    told = trio.Event()

    async def watch(proc: ergopy.Process, pid: Any) -> None:
        proc.trap_exit = True
        await proc.monitor(pid)
        await proc.link(pid)
        ends.extend([await proc.receive(), await proc.receive()])
        told.set()

    ending = ergopy.Node(unique_name(), cookie=COOKIE)
    async with ending:
        pid = await ending.spawn(idle)
        assert await watching.ping(ending.name)
        await watching.spawn(watch, pid)
        process = ending.runtime.find(pid)
        assert process is not None
        with trio.fail_after(30):
            while not (process.watchers and process.links):  # noqa: ASYNC110
                await trio.sleep(0.001)
    with trio.fail_after(30):
        await told.wait()
    assert {message[-1] for message in ends} == {"shutdown"}
    assert any(isinstance(message, Down) for message in ends)
    async with ergopy.Node(ending.name, cookie=COOKIE) as again:
        assert await watching.ping(again.name)


async def test_who_asks_for_a_process_while_the_node_ends_hears_that_it_is_gone(
    make_node: MakeNode,
) -> None:
    asking = await make_node()
    outcome: list[Any] = []
    started: list[Any] = []

    async def guest(proc: ergopy.Process) -> None:
        started.append(proc)

    class Last(ergopy.GenServer):
        async def init(self) -> None:
            self.trap_exit = True

        async def terminate(self, reason: Any) -> None:
            nursery.start_soon(ask, self.node.name)
            await settle()
            # The answer comes behind the request: it has been read.
            assert await asking.ping(self.node.name)

    async def ask(name: Atom) -> None:
        try:
            await asking.remote_spawn(name, "guest", "start", [])
        except ergopy.NodeDown as error:
            outcome.append(error.peer)

    async with (
        trio.open_nursery() as nursery,
        ergopy.Node(unique_name(), cookie=COOKIE) as ending,
    ):
        ending.provide_spawn("guest", guest)
        assert await asking.ping(ending.name)
        await ending.start(Last)
    assert outcome == [ending.name]
    assert started == []


async def test_a_task_that_does_not_end_is_logged_with_its_stack(
    epmd_port: int,
    caplog: pytest.LogCaptureFixture,
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def deaf(proc: ergopy.Process) -> None:
        proc.start_soon(shielded)
        await trio.sleep_forever()

    async def shielded() -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(3 * PATIENCE)

    async with ergopy.Node(
        unique_name(), cookie=COOKIE, epmd="off", watchdog=None
    ) as node:
        await node.spawn(deaf)
        await settle()
    assert "cannot end: task" in caplog.text
    assert "await trio.sleep(3 * PATIENCE)" in caplog.text


async def test_a_node_that_ends_cleanly_logs_no_warning(
    epmd_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with ergopy.Node(unique_name(), cookie=COOKIE, epmd="off") as node:
        await node.spawn(idle, name="idle")
        node.register("again", node.runtime.names[Atom("idle")].pid)
    assert [r for r in caplog.records if r.levelname in ("WARNING", "ERROR")] == []
