"""A peer that cannot be reached, or does not read, holds up nobody but its callers."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from etf import Atom, Pid
from tests.nodes import Echo

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    MakeNode = Callable[..., Awaitable[ergopy.Node]]

DEAD = "dead@127.0.0.1"


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Accept connections, and say nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


async def test_a_server_answers_others_while_one_caller_cannot_be_reached(
    make_node: MakeNode, silent_port: int
) -> None:
    node = await make_node(routes={DEAD: ("127.0.0.1", silent_port)}, setup_time=60)
    await node.start(Echo, name="echo")
    gone = Pid(Atom(DEAD), 1, 0, 1)
    for number in range(3):
        node.send_nowait("echo", (Atom("$gen_call"), (gone, b"tag"), number))
    with trio.fail_after(30):
        assert await node.call("echo", b"still there") == b"still there"


class Relay(ergopy.GenServer):
    """Does to a node that cannot be reached whatever can be done to one."""

    async def handle_call(self, request: Any, from_: Any) -> Any:
        there = Pid(Atom(DEAD), 1, 0, 1)
        self.trap_exit = True
        await self.send(there, 1)
        await self.send([there, ("x", DEAD)], 1)
        await self.cast(("x", DEAD), 2)
        await self.monitor(there)
        await self.link(there)
        await self.exit(there, "shutdown")
        return b"done"

    async def handle_info(self, message: Any) -> None:
        pass


async def test_a_process_is_not_held_up_by_a_node_that_is_being_dialled(
    make_node: MakeNode, silent_port: int
) -> None:
    node = await make_node(routes={DEAD: ("127.0.0.1", silent_port)}, setup_time=60)
    pid = await node.start(Relay)
    with trio.fail_after(30):
        assert await node.call(pid, 1) == b"done"


@pytest.mark.parametrize("verb", ["call", "stop"])
async def test_the_timeout_of_a_request_covers_the_connection(
    make_node: MakeNode, silent_port: int, verb: str
) -> None:
    node = await make_node(routes={DEAD: ("127.0.0.1", silent_port)}, setup_time=60)
    request = getattr(node, verb)
    with trio.fail_after(30), pytest.raises(ergopy.CallTimeout) as caught:
        await request(("x", DEAD), "normal", timeout=0.05)
    assert caught.value.seconds == 0.05


async def test_why_there_is_no_connection_is_part_of_the_error(
    make_node: MakeNode,
) -> None:
    here, there = await make_node(), await make_node(cookie="another")
    with pytest.raises(ergopy.NodeDown, match="cookie"):
        await here.call(("echo", there.name), 1)
    with pytest.raises(ergopy.NodeDown, match="no such name"):
        await here.call(("echo", "absent@127.0.0.1"), 1)
