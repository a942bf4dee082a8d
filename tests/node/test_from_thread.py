"""The verbs for other threads: outcomes, timeouts, and the end of the node."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import Atom, LocalProtocolError, NodeStopped
from tests.nodes import COOKIE, Echo, unique_name
from tests.threads import in_thread, result

if TYPE_CHECKING:
    from concurrent.futures import Future

    from tests.nodes import MakeNode


@pytest.fixture
async def node(make_node: MakeNode) -> ergopy.Node:
    return await make_node(services=[])


async def test_a_thread_calls_casts_and_sends(node: ergopy.Node) -> None:
    pid = await node.start(Echo, name="echo")

    def work() -> Any:
        threads = node.from_thread
        threads.cast("echo", 1)
        threads.send(pid, 2)
        return threads.call("echo", Atom("seen")), threads.call(pid, (3, 4))

    assert await result(in_thread(work)) == ([1, 2], (3, 4))


async def test_a_thread_of_run_sync_does_so_as_well(node: ergopy.Node) -> None:
    await node.start(Echo, name="echo")

    class Asks(ergopy.GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            return await self.run_sync(self.node.from_thread.call, "echo", request)

    pid = await node.start(Asks)
    assert await node.call(pid, 5) == 5


async def test_a_thread_starts_and_stops(node: ergopy.Node) -> None:
    done = trio.Event()

    async def body(process: ergopy.Process, number: int) -> None:
        assert process.node is node
        assert process.names == ("mine",)
        assert number == 7
        done.set()

    def work() -> None:
        threads = node.from_thread
        threads.spawn(body, 7, name="mine")
        pid = threads.start(Echo, name="echo")
        assert threads.run_sync(node.whereis, "echo") == pid
        threads.stop("echo")
        assert threads.run_sync(node.whereis, "echo") is None

    await result(in_thread(work))
    await done.wait()


async def test_a_thread_runs_what_is_exported(make_node: MakeNode) -> None:
    node = await make_node()
    node.export("tools", {"double": lambda x: 2 * x})

    def work() -> Any:
        return node.from_thread.rpc(node.name, "tools", "double", [4])

    assert await result(in_thread(work)) == 8


async def test_errors_are_raised_in_the_thread(node: ergopy.Node) -> None:
    await node.start(Echo, name="echo")
    threads = node.from_thread
    with pytest.raises(ergopy.NoProcess):
        await result(in_thread(threads.call, "nobody", 1))
    with pytest.raises(ergopy.CallTimeout):
        await result(in_thread(threads.call, "echo", Atom("wait"), 0.01))
    with pytest.raises(ergopy.NotRegistered):
        await result(in_thread(threads.send, "nobody", 1))

    async def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        await result(in_thread(threads.run, leave))
    assert await result(in_thread(threads.call, "echo", 1)) == 1


async def test_run_has_a_timeout_that_cancels(node: ergopy.Node) -> None:
    cancelled = trio.Event()

    async def forever() -> None:
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()

    def work() -> None:
        node.from_thread.run(forever, timeout=0.01)

    with pytest.raises(TimeoutError, match="within"):
        await result(in_thread(work))
    await cancelled.wait()


async def test_in_its_own_thread_it_is_refused(node: ergopy.Node) -> None:
    with pytest.raises(LocalProtocolError, match="with await"):
        node.from_thread.call("echo", 1)


async def test_many_threads_at_once(node: ergopy.Node) -> None:
    await node.start(Echo, name="echo")
    outcomes = [in_thread(node.from_thread.call, "echo", n) for n in range(30)]
    assert [await result(outcome) for outcome in outcomes] == list(range(30))


async def test_a_node_that_does_not_run_says_so(epmd_port: int) -> None:
    node = ergopy.Node(unique_name(), cookie=COOKIE, epmd="off", services=[])
    with pytest.raises(NodeStopped) as caught:
        node.from_thread.call("echo", 1)
    assert caught.value.node == node.name
    async with node:
        pass
    with pytest.raises(NodeStopped):
        await result(in_thread(node.from_thread.call, "echo", 1))


async def test_who_waits_when_the_node_ends_is_told(epmd_port: int) -> None:
    started = trio.Event()

    async def forever() -> None:
        started.set()
        await trio.sleep_forever()

    node = ergopy.Node(unique_name(), cookie=COOKIE, epmd="off", services=[])
    async with node:
        waiting = in_thread(node.from_thread.run, forever)
        await started.wait()
    with pytest.raises(NodeStopped):
        await result(waiting)


async def test_a_request_that_comes_while_the_node_ends_is_refused(
    epmd_port: int,
) -> None:
    outcomes: list[Future[Any]] = []

    class Slow(ergopy.GenServer):
        async def init(self) -> None:
            self.trap_exit = True

        async def terminate(self, reason: Any) -> None:
            outcomes.append(in_thread(self.node.from_thread.call, "slow", 1))
            with pytest.raises(NodeStopped):
                await result(outcomes[0])

    async with ergopy.Node(
        unique_name(), cookie=COOKIE, epmd="off", services=[]
    ) as node:
        await node.start(Slow, name="slow")
    assert len(outcomes) == 1
    assert isinstance(outcomes[0].exception(0), NodeStopped)


async def test_a_request_under_way_may_be_finished_within_the_grace(
    epmd_port: int,
) -> None:
    started = trio.Event()

    class Slow(ergopy.GenServer):
        async def init(self) -> None:
            self.trap_exit = True

        async def handle_call(self, request: Any, from_: Any) -> Any:
            self.asked = from_
            started.set()
            return ergopy.NOREPLY

        async def terminate(self, reason: Any) -> None:
            await self.reply(self.asked, "at last")

    async with ergopy.Node(
        unique_name(), cookie=COOKIE, epmd="off", services=[]
    ) as node:
        await node.start(Slow, name="slow")
        asked = in_thread(node.from_thread.call, "slow", 1)
        await started.wait()
    assert await result(asked) == "at last"


def test_a_node_in_a_thread_serves_a_program_without_trio(epmd_port: int) -> None:
    with ergopy.NodeThread(unique_name(), cookie=COOKIE, epmd="off") as node:
        node.start(Echo, name="echo")
        assert node.call("echo", 5) == 5
        assert node.node.name.endswith("@127.0.0.1")
    with pytest.raises(NodeStopped):
        node.call("echo", 5)


def has_ended(thread: ergopy.NodeThread) -> bool:
    """Tell whether the node's own thread is gone."""
    return thread._thread is not None and not thread._thread.is_alive()


def test_what_keeps_a_node_from_coming_up_is_raised(epmd_port: int) -> None:
    thread = ergopy.NodeThread(unique_name(), cookie=COOKIE, epmd="client")
    with pytest.raises(ergopy.ConnectError):
        thread.__enter__()
    assert has_ended(thread)


def test_a_node_thread_is_used_once(epmd_port: int) -> None:
    thread = ergopy.NodeThread(unique_name(), cookie=COOKIE, epmd="off")
    with thread:
        pass
    with pytest.raises(ergopy.ErgopyError, match="has run"):
        thread.__enter__()


def test_an_error_of_the_program_ends_the_node(epmd_port: int) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        ergopy.NodeThread(unique_name(), cookie=COOKIE, epmd="off") as node,
    ):
        raise ZeroDivisionError
    with pytest.raises(NodeStopped):
        node.call("echo", 5)


def test_ctrl_c_while_the_node_comes_up_ends_it(
    epmd_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    async def slow(node: ergopy.Node) -> None:
        begun.set()
        await trio.sleep_forever()

    def interrupted() -> None:
        assert begun.wait(10)
        raise KeyboardInterrupt

    thread = ergopy.NodeThread(
        unique_name(), cookie=COOKIE, epmd="off", services=[slow]
    )
    monkeypatch.setattr(thread._up, "result", interrupted)
    with pytest.raises(KeyboardInterrupt):
        thread.__enter__()
    assert has_ended(thread)
