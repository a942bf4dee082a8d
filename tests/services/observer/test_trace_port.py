"""The port at which etop reads how long processes have run."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.lowlevel

import ergopy
import etf
from ergopy import Atom, Down, RpcError
from ergopy.services.observer import trace_port
from ergopy.testing.ports import free_port
from tests.nodes import epmd_port as epmd_port
from tests.nodes import make_node as make_node
from tests.nodes import pair as connected

if TYPE_CHECKING:
    from ergopy import Process

pair = connected
Nodes = tuple[ergopy.Node, ergopy.Node]


def opener(node: ergopy.Node, *free: int) -> Any:
    """Make what ``dbg:trace_port/2`` gives."""
    pid = node.runtime.root.pid
    fun = etf.Fun(Atom("dbg"), 0, bytes(16), 14, 14, 1, pid, free)
    return (Atom("port"), fun)


class Tracer:
    """What ``dbg`` is on the other node: it starts a relay, linked, and is told.

    From OTP 27 on it gives the name of a trace session, and is told which one it has.
    """

    def __init__(self, viewer: ergopy.Node, node: ergopy.Node, *session: Atom) -> None:
        self._viewer, self._node = viewer, node
        self._name = session
        self.session: Any = None
        self._end = trio.Event()
        self.ended = trio.Event()

    async def start(self, what: Any) -> Any:
        started: list[Any] = []
        told = trio.Event()

        async def dbg(process: Process) -> None:
            arguments = [*self._name, process.pid, what]
            pid = await process.remote_spawn(
                self._node.name, "dbg", "do_relay", arguments, link=True
            )
            word, relay, *session = await process.receive()
            assert (word, relay) == ("started", pid)
            assert len(session) == len(self._name)
            self.session = session
            started.append(pid)
            told.set()
            await self._end.wait()

        await self._viewer.spawn(dbg)
        await told.wait()
        return started[0]

    async def stop(self, relay: Any) -> None:
        async def wait(process: Process) -> None:
            await process.monitor(relay)
            self._end.set()
            assert isinstance(await process.receive(), Down)
            self.ended.set()

        await self._viewer.spawn(wait)
        await self.ended.wait()


async def read(stream: trio.SocketStream) -> Any:
    head = await exactly(stream, 5)
    tag, size = struct.unpack(">BI", head)
    assert tag == 0
    return etf.decode(await exactly(stream, size))


async def exactly(stream: trio.SocketStream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = await stream.receive_some(size - len(data))
        assert more
        data += more
    return data


@pytest.mark.parametrize("name", [[], [Atom("etop_tr")]], ids=["alone", "session"])
async def test_times_are_told_in_pairs_while_the_tracer_lives(
    name: list[Atom], pair: Nodes
) -> None:
    viewer, node = pair
    port = free_port()
    tracer = Tracer(viewer, node, *name)
    relay = await tracer.start(opener(viewer, 5000, port))
    assert node.whereis(trace_port.NAME) == relay
    flags = [(Atom("tracer"), relay), Atom("running"), Atom("timestamp")]
    arguments = [*tracer.session, Atom("all"), True, flags]
    count = await viewer.rpc(node.name, "dbg", "erlang_trace", arguments)
    assert count >= len(node.processes())

    async def busy(process: Process) -> None:
        while True:
            sum(range(20_000))
            await trio.lowlevel.checkpoint()

    pid = await node.spawn(busy)
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    spent = {}
    while pid not in spent:
        begin, end = await read(stream), await read(stream)
        assert (begin[0], begin[2], begin[3]) == ("trace_ts", "in", 0)
        assert (end[1], end[2]) == (begin[1], "out")
        (mega, second, micro), (mega2, second2, micro2) = begin[4], end[4]
        elapsed = (mega2 - mega) * 10**12 + (second2 - second) * 10**6 + micro2 - micro
        spent[begin[1]] = elapsed
    assert spent[pid] > 0
    await stream.aclose()
    await tracer.stop(relay)
    assert node.whereis(trace_port.NAME) is None
    with pytest.raises(OSError, match="connect"):
        await trio.open_tcp_stream("127.0.0.1", port)


@pytest.mark.parametrize("free", [(), (5000,), (5000, 22), (5000, 70_000), (5000, b"")])
async def test_other_ports_are_not_opened_and_the_tracer_is_told(
    pair: Nodes, free: Any
) -> None:
    viewer, node = pair
    tracer = Tracer(viewer, node)
    relay = await tracer.start(opener(viewer, *free))
    assert node.whereis(trace_port.NAME) is None
    await tracer.stop(relay)


async def test_there_is_one_such_port_at_a_time(pair: Nodes) -> None:
    viewer, node = pair
    first, second = Tracer(viewer, node), Tracer(viewer, node)
    one, other = free_port(), free_port()
    relay = await first.start(opener(viewer, one, 5000))
    another = await second.start(opener(viewer, 5000, other))
    with pytest.raises(OSError, match="connect"):
        await trio.open_tcp_stream("127.0.0.1", other)
    await second.stop(another)
    await first.stop(relay)


async def test_nothing_else_is_traced(pair: Nodes) -> None:
    viewer, node = pair
    for whom, flags in [("all", ["call"]), ("new", ["running"]), ("all", ["send"])]:
        arguments = [Atom(whom), True, [Atom(flag) for flag in flags]]
        with pytest.raises(RpcError) as caught:
            await viewer.rpc(node.name, "dbg", "erlang_trace", arguments)
        assert caught.value.reason == "badarg"
    arguments = [Atom("all"), False, [Atom("all")]]
    assert await viewer.rpc(node.name, "dbg", "erlang_trace", arguments) > 0
