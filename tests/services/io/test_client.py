"""``ergopy.io``: asking devices, here and on another node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
import etf
from ergopy import io
from ergopy.testing import captured_io, node_pair, stand_in
from etf import Atom
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Node, Process

A = Atom


@pytest.fixture
async def nodes() -> AsyncIterator[tuple[Node, Node]]:
    async with node_pair() as pair:
        yield pair


async def test_a_process_prints_to_its_group_leader(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    async with captured_io(there) as device, stand_in(here) as process:
        process.set_group_leader(device.pid)
        assert io.group_leader(process) == device.pid
        await io.print("a", 1, sep="-", caller=process)
        await io.put_chars([b"gr", [0xFC], b"\xc3\x9f"], caller=process)
        await io.format("~n~p ~ts ~w", [[97], "\u20ac", b"x"], caller=process)
        assert device.text == 'a-1\ngr\u00fc\u00df\n"a" \u20ac <<120>>'


async def test_what_a_process_starts_prints_to_the_same(
    nodes: tuple[Node, Node],
) -> None:
    here, there = nodes

    async def parent(process: Process, device: Any) -> None:
        process.set_group_leader(device)
        await process.spawn(child)
        process.start_soon(helper)
        await trio.sleep_forever()

    async def child(process: Process) -> None:
        await io.print("child")

    async def helper() -> None:
        await io.print("helper")

    async with captured_io(there) as device:
        await here.spawn(parent, device.pid)
        await settle()
        assert sorted(device.text.split()) == ["child", "helper"]


async def test_input_comes_from_another_node(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    text = "line\n{a, [1,2]}. dropped\nno term(. \n5.\n"
    async with captured_io(there, text, name="desk") as device:
        desk: Any = {"device": ("desk", there.name), "caller": here}
        assert await io.get_line("? ", **desk) == "line\n"
        assert await io.read("t ", **desk) == (A("a"), [1, 2])
        with pytest.raises(etf.ParseError):
            await io.read(**desk)
        assert await io.get_chars("", 2, **desk) == "5."
        assert await io.get_line(**desk) == "\n"
        with pytest.raises(EOFError):
            await io.read(**desk)
        assert device.prompts[:2] == ["? ", "t "]


async def test_a_device_that_is_not_there_is_an_error(
    nodes: tuple[Node, Node],
) -> None:
    here, there = nodes
    async with captured_io(there) as device:
        pid = device.pid
    await settle()
    for dest in (pid, ("nobody", there.name), ("nobody", here.name), "nobody"):
        with pytest.raises(ergopy.NoProcess):
            await io.print("x", device=dest, caller=here)
    with pytest.raises(ergopy.NodeDown):
        await io.print("x", device=("user", "nobody@nowhere"), caller=here)


async def test_a_device_that_ends_meanwhile_is_an_error(
    nodes: tuple[Node, Node],
) -> None:
    here, there = nodes
    async with captured_io(there, None) as device, trio.open_nursery() as nursery:

        async def ask() -> None:
            with pytest.raises(ergopy.CallExit) as caught:
                await io.get_line(device=device.pid, caller=here)
            assert caught.value.reason == "killed"

        nursery.start_soon(ask)
        await settle()
        await there.exit(device.pid, "kill")


async def test_a_lost_connection_is_an_error(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    async with captured_io(there, None) as device, trio.open_nursery() as nursery:

        async def ask() -> None:
            with pytest.raises(ergopy.NodeDown):
                await io.get_line(device=device.pid, caller=here)

        nursery.start_soon(ask)
        await settle()
        here.disconnect(there.name)


async def test_a_request_that_is_given_up_leaves_nothing(
    nodes: tuple[Node, Node],
) -> None:
    here, there = nodes
    async with captured_io(there, None) as device, stand_in(here) as process:
        with trio.move_on_after(0.01) as scope:
            await io.get_line(device=device.pid, caller=process)
        assert scope.cancelled_caught
        device.feed("late\n")
        await settle()
        assert not here.runtime.root.monitors
        assert process.messages() == []


async def test_an_error_of_the_device_has_its_reason(nodes: tuple[Node, Node]) -> None:
    here, there = nodes
    async with captured_io(there) as device:
        with pytest.raises(ergopy.IoError, match="format") as caught:
            await io.format("~p", [], device=device.pid, caller=here)
        assert caught.value.reason == "format"
        assert caught.value.dest == device.pid
        with pytest.raises(TypeError, match="not text"):
            await io.put_chars(5, device=device.pid, caller=here)


async def test_a_device_does_not_wait_for_itself(nodes: tuple[Node, Node]) -> None:
    here, _ = nodes
    failures: list[Any] = []

    class Loop(ergopy.IoDevice):
        async def put_chars(self, text: str) -> None:
            try:
                await io.print(text, device=self.pid)
            except ergopy.CallExit as error:
                failures.append(error.reason)

    pid = await here.start(Loop)
    await io.print("x", device=pid, caller=here)
    assert failures == [A("calling_self")]


async def test_outside_of_a_process_somebody_has_to_be_named() -> None:
    with pytest.raises(ergopy.LocalProtocolError, match="caller"):
        await io.print("x", device="user")


async def test_replies_that_nobody_waits_for_are_dropped(
    nodes: tuple[Node, Node],
) -> None:
    here, there = nodes
    async with captured_io(here) as device:
        await io.print("x", device=device.pid, caller=here)
        root = here.runtime.root
        for junk in (1, (A("io_reply"), 1, 2), (b"io_reply", 1, 2)):
            await there.send(root.pid, junk)
        await there.send(root.pid, (A("io_reply"), root.new_ref(), A("ok")))
        await there.ping(here.name)
        await io.print("y", device=device.pid, caller=here)
        assert device.text == "x\ny\n"


async def test_a_process_that_may_not_leave_its_node_asks_no_device_elsewhere(
    nodes: tuple[Node, Node],
) -> None:
    here, there = nodes
    caught: list[Exception] = []

    async def body(process: Process, device: Any) -> None:
        try:
            await io.print("x", device=device)
        except ergopy.NotPermitted as error:
            caught.append(error)

    async with captured_io(there) as device:
        config = ergopy.ProcessConfig(may_distribute=False)
        await here.spawn(body, device.pid, config=config)
        await settle()
        assert len(caught) == 1
        assert device.text == ""
