"""A peer that is gone, or silent, after any step of a handshake, in either role."""

from __future__ import annotations

import contextlib
import gc
import socket
import struct
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy.dist.flags import offered
from ergopy.dist.handshake import Acceptor, Connected, Connector, Identity
from tests.node.raw_node import until
from tests.nodes import COOKIE, open_files, unique_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trio.testing import MockClock

    MakeNode = Callable[..., Awaitable[ergopy.Node]]

LINGER = struct.pack("ii", 1, 0)
HOW = ["closes", "resets", "is silent"]


async def end(stream: trio.SocketStream, how: str) -> None:
    if how == "resets":
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    if how == "is silent":
        while await stream.receive_some():
            pass
    await stream.aclose()


class Mortal:
    """A node that is dialled, and ends after so many steps."""

    def __init__(self, name: str, steps: int, how: str) -> None:
        self.name = name
        self.steps = steps
        self.how = how

    async def serve(self, *, task_status: trio.TaskStatus[int]) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        task_status.started(listeners[0].socket.getsockname()[1])
        await trio.serve_listeners(self.answer, listeners)

    async def answer(self, stream: trio.SocketStream) -> None:
        machine = Acceptor(Identity(self.name, 7, offered()), challenge=1)
        try:
            for step in range(self.steps):
                await self._take(step, machine, stream)
        except trio.BrokenResourceError:
            return
        await end(stream, self.how)

    async def _take(
        self, step: int, machine: Acceptor, stream: trio.SocketStream
    ) -> None:
        match step:
            case 0:
                machine.receive_data(await stream.receive_some())
            case 1:
                machine.accept("ok", cookie=COOKIE)
                self.rest = machine.data_to_send()
                await stream.send_all(self.rest[:5])
            case 2:
                await stream.send_all(self.rest[5:])
            case 3:
                machine.receive_data(await stream.receive_some())


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("steps", range(5))
async def test_a_node_that_we_dial_may_end_at_any_step(
    make_node: MakeNode, loopback_clock: MockClock, steps: int, how: str
) -> None:
    name = unique_name("mortal")
    async with trio.open_nursery() as nursery:
        port = await nursery.start(Mortal(name, steps, how).serve)
        routes = {name: ("127.0.0.1", port)}
        node = await make_node(epmd="off", routes=routes)
        before = open_files()
        for _ in range(3):
            with pytest.raises(ergopy.ConnectError) as caught:
                await node.connect(name)
            assert caught.value.peer == name
            if how == "is silent":
                assert isinstance(caught.value, ergopy.HandshakeTimeout)
            elif how == "closes" and steps == 4:
                assert isinstance(caught.value, ergopy.CookieMismatch)
        del caught
        check_nothing_is_left(node)
        await until(lambda: open_files() <= before)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("steps", range(4))
async def test_a_node_that_dials_us_may_end_at_any_step(
    make_node: MakeNode, loopback_clock: MockClock, steps: int, how: str
) -> None:
    node = await make_node()
    before = open_files()
    for number in range(3):
        name = unique_name(f"mortal{number}")
        machine = Connector(
            Identity(name, 7, offered()), node.name, COOKIE, challenge=1
        )
        stream = await trio.open_tcp_stream("127.0.0.1", node.port)
        try:
            for step in range(steps):
                await _dial_step(step, machine, stream)
            await end(stream, how)
        except trio.BrokenResourceError:
            await stream.aclose()
    await until(lambda: not node.connections._guests._over)
    await until(lambda: not node.nodes())
    check_nothing_is_left(node)
    await until(lambda: open_files() <= before)
    other = await make_node()
    assert await other.ping(node.name)


async def _dial_step(step: int, machine: Connector, stream: trio.SocketStream) -> None:
    match step:
        case 0:
            await stream.send_all(machine.data_to_send()[:5])
        case 1:
            whole = Connector(machine._me, machine.peer, COOKIE, challenge=1)
            await stream.send_all(whole.data_to_send()[5:])
        case 2:
            while not (reply := machine.data_to_send()):
                machine.receive_data(await stream.receive_some())
            await stream.send_all(reply[:3])


def check_nothing_is_left(node: ergopy.Node) -> None:
    gc.collect()
    connections = node.connections
    assert not connections.peers
    assert not connections._attempts
    assert not connections._guests._over
    assert not connections._others


async def test_bytes_that_come_one_by_one_are_as_good(make_node: MakeNode) -> None:
    node = await make_node()
    me = Identity(unique_name("slow"), 7, offered())
    machine = Connector(me, node.name, COOKIE, challenge=1)
    stream = await trio.open_tcp_stream("127.0.0.1", node.port)
    events: list[Any] = []
    while not events:
        for byte in machine.data_to_send():
            await stream.send_all(bytes([byte]))
        events = machine.receive_data(await stream.receive_some(1))
    assert isinstance(events[0], Connected)
    await until(node.nodes)
    assert node.nodes() == [me.name]
    await stream.aclose()


async def test_what_the_peer_claims_is_what_the_table_says(
    make_node: MakeNode,
) -> None:
    """A name that is no name at all is refused before it gets into any table."""
    node = await make_node()
    for claim in ("", "noname", "a@b@c", "a b@h", "@h", "a@", "x" * 300 + "@h"):
        stream = await trio.open_tcp_stream("127.0.0.1", node.port)
        name = claim.encode()
        body = struct.pack(">cQIH", b"N", offered(), 7, len(name)) + name
        await stream.send_all(struct.pack(">H", len(body)) + body)
        with contextlib.suppress(trio.BrokenResourceError):
            assert await stream.receive_some() == b""
        await stream.aclose()
    check_nothing_is_left(node)


async def test_who_dials_us_is_asked_something_new_each_time(
    make_node: MakeNode,
) -> None:
    """So that a proof that was overheard proves nothing the next time."""
    node = await make_node()
    asked: set[int] = set()
    overheard = b""
    for number in range(20):
        me = Identity(unique_name(f"thief{number}"), 7, offered())
        machine = Connector(me, node.name, COOKIE, challenge=1)
        stream = await trio.open_tcp_stream("127.0.0.1", node.port)
        await stream.send_all(machine.data_to_send())
        said = b""
        while len(said) < 5 + 2 or len(said) < 5 + 2 + int.from_bytes(said[5:7], "big"):
            said += await stream.receive_some()
        assert said[:5] == b"\0\3sok"
        asked.add(struct.unpack_from(">I", said, 5 + 2 + 1 + 8)[0])
        machine.receive_data(said)
        proof = machine.data_to_send()
        if overheard:
            await stream.send_all(overheard)
            with contextlib.suppress(trio.BrokenResourceError):
                assert await stream.receive_some() == b""
        overheard = overheard or proof
        await stream.aclose()
    assert len(asked) == 20
    assert not node.nodes()


async def test_whom_we_dial_is_asked_something_new_each_time(
    make_node: MakeNode,
) -> None:
    asked: list[int] = []

    async def answer(stream: trio.SocketStream) -> None:
        machine = Acceptor(Identity(name, 7, offered()), challenge=1)
        machine.receive_data(await stream.receive_some())
        machine.accept("ok", cookie=COOKIE)
        await stream.send_all(machine.data_to_send())
        reply = await stream.receive_some()
        asked.append(struct.unpack_from(">I", reply, 2 + 1)[0])
        await stream.aclose()

    name = unique_name("curious")
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, answer, listeners)
        node = await make_node(epmd="off", routes={name: ("127.0.0.1", port)})
        for _ in range(20):
            with pytest.raises(ergopy.CookieMismatch):
                await node.connect(name)
        nursery.cancel_scope.cancel()
    assert len(set(asked)) == len(asked) == 20
