"""Requests whose answers are fetched later, and calls of many nodes at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
import etf
from ergopy import NOREPLY, Atom, GenServer
from ergopy.testing import MemoryNetwork, node_pair
from tests.runtimes import find, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


class Server(GenServer):
    async def init(self) -> None:
        self.trap_exit = True
        self.asked: Any = None

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case "later":
                self.asked = from_
                return NOREPLY
            case "crash":
                raise ValueError("as you wish")
        return request

    async def handle_cast(self, request: Any) -> None:
        await self.reply(self.asked, request)


async def test_answers_are_fetched_in_any_order(runtime: Runtime) -> None:
    pid = await runtime.root.start(Server)
    first = await runtime.root.send_request(pid, "later")
    second = await runtime.root.send_request(pid, 2)
    assert await second.receive_response() == 2
    assert not first.is_done
    await runtime.root.cast(pid, 1)
    assert await first.receive_response() == 1
    assert not runtime.aliases
    assert not find(runtime, pid).watchers


async def test_a_request_outlives_a_wait_that_was_in_vain(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    pid = await runtime.root.start(Server)
    request = await runtime.root.send_request(pid, "later")
    for _ in range(2):
        with pytest.raises(ergopy.CallTimeout):
            await request.wait_response(5)
    with trio.move_on_after(1):
        await request.wait_response()
    assert trio.current_time() == 11
    await runtime.root.cast(pid, "at last")
    assert await request.wait_response() == "at last"
    with pytest.raises(ergopy.LocalProtocolError, match="taken already"):
        await request.wait_response()


@pytest.mark.parametrize("how", ["timeout", "cancel", "abandon"])
async def test_a_request_that_was_given_up_leaves_nothing(
    runtime: Runtime, autojump_clock: trio.testing.MockClock, how: str
) -> None:
    pid = await runtime.root.start(Server)
    request = await runtime.root.send_request(pid, "later")
    if how == "timeout":
        with pytest.raises(ergopy.CallTimeout):
            await request.receive_response(1)
    elif how == "cancel":
        with trio.move_on_after(1):
            await request.receive_response()
    else:
        request.abandon()
    assert not runtime.aliases
    assert not find(runtime, pid).watchers
    await runtime.root.cast(pid, "too late")
    await settle()
    assert not runtime.root.messages()
    with pytest.raises(ergopy.LocalProtocolError):
        await request.wait_response()


async def test_a_request_is_given_up_when_the_process_that_sent_it_ends(
    runtime: Runtime,
) -> None:
    pid = await runtime.root.start(Server)
    sent: list[Any] = []

    async def asks(process: ergopy.Process) -> None:
        sent.append(await process.send_request(pid, "later"))
        await process.receive()

    asker = await runtime.root.spawn(asks)
    await settle()
    failed: list[BaseException] = []

    async def waits() -> None:
        with pytest.raises(ergopy.CallExit) as caught:
            await sent[0].wait_response()
        failed.append(caught.value)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits)
        await settle()
        await runtime.root.exit(asker, "kill")
    assert failed
    assert not runtime.aliases
    assert not find(runtime, pid).watchers


async def test_one_task_at_a_time_waits_for_an_answer(runtime: Runtime) -> None:
    pid = await runtime.root.start(Server)
    request = await runtime.root.send_request(pid, "later")
    heard: list[Any] = []

    async def waits() -> None:
        heard.append(await request.receive_response())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits)
        await settle()
        with pytest.raises(trio.BusyResourceError):
            await request.receive_response()
        await runtime.root.cast(pid, 1)
    assert heard == [1]


async def test_who_waits_for_a_request_that_is_given_up_hears_of_it(
    runtime: Runtime,
) -> None:
    pid = await runtime.root.start(Server)
    request = await runtime.root.send_request(pid, "later")
    async with trio.open_nursery() as nursery:

        async def waits() -> None:
            with pytest.raises(ergopy.LocalProtocolError):
                await request.wait_response()
            request.abandon()

        nursery.start_soon(waits)
        await settle()
        request.abandon()
    assert not runtime.root.watchers


async def test_the_end_of_the_callee_is_an_answer(runtime: Runtime) -> None:
    pid = await runtime.root.start(Server)
    waiting = await runtime.root.send_request(pid, "later")
    crashing = await runtime.root.send_request(pid, "crash")
    await settle()
    assert waiting.is_done
    for request in (waiting, crashing):
        with pytest.raises(ergopy.CallExit) as caught:
            await request.receive_response()
        assert caught.value.reason[1] == b"builtins.ValueError"
    late = await runtime.root.send_request(pid, 1)
    with pytest.raises(ergopy.NoProcess):
        await late.receive_response()
    nobody = await runtime.root.send_request("nobody", 1)
    with pytest.raises(ergopy.NoProcess):
        await nobody.receive_response()


async def test_a_request_to_another_node_and_the_loss_of_it() -> None:
    async with node_pair() as (a, b):
        await b.start(Server, name="server")
        here = ("server", b.name)
        request = await a.send_request(here, 1)
        assert await request.receive_response() == 1
        request = await a.send_request(here, "later")
        a.disconnect(b.name)
        with pytest.raises(ergopy.NodeDown):
            await request.receive_response()
        with pytest.raises(etf.EncodeError):
            await a.send_request(here, object())
        away = await a.send_request(("server", "away@memory"), 1)
        assert away.is_done
        with pytest.raises(ergopy.NodeDown):
            await away.receive_response()


async def test_multi_call_gives_the_answers_by_node_and_names_the_others(
    autojump_clock: trio.testing.MockClock,
) -> None:
    network = MemoryNetwork()
    async with (
        network.node("a") as a,
        network.node("b") as b,
        network.node("c") as c,
        network.node("d") as d,
    ):
        for node in (a, b, c):
            await node.start(Server, name="server")
            await a.connect(node.name) if node is not a else None
        nodes = [a.name, b.name, "away@memory", d.name, c.name]
        replies, bad = await a.multi_call("server", 1, nodes, timeout=5)
        assert replies == {a.name: 1, b.name: 1, c.name: 1}
        assert list(replies) == [a.name, b.name, c.name]
        assert bad == ["away@memory", d.name]
        silent = await a.multi_call("server", Atom("later"), [a.name, b.name], 5)
        assert silent == ({}, [a.name, b.name])
        everybody = await a.multi_call("server", 2)
        assert everybody.replies == {a.name: 2, b.name: 2, c.name: 2}
        assert everybody.bad_nodes == [d.name]
        with pytest.raises(etf.EncodeError):
            await a.multi_call("server", object())


async def test_abcast_reaches_every_node_and_passes_over_who_is_not_there() -> None:
    class Collects(GenServer):
        async def init(self) -> None:
            self.got: list[Any] = []

        async def handle_cast(self, request: Any) -> None:
            self.got.append(request)

        async def handle_call(self, request: Any, from_: Any) -> Any:
            return self.got

    async with node_pair() as (a, b):
        for node in (a, b):
            await node.start(Collects, name="collects")
        await a.abcast("collects", 1, [a.name, b.name, "away@memory"])
        await a.abcast("collects", 2)
        await a.abcast("nobody", 3)
        for node in (a.name, b.name):
            assert await a.call(("collects", node), 0) == [1, 2]
