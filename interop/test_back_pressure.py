"""A peer that takes little, and one that takes nothing: who waits, and who does not."""

from __future__ import annotations

import time
from typing import Any

import pytest
import trio

from ergopy import Atom, Node
from ergopy.dist.network import TcpNetwork

from .servers import Desk, inside, until

MIB = 1 << 20
LONG = 40
ARRIVALS = """
    register(arrivals, spawn(fun() ->
        process_flag(trap_exit, true),
        Loop = fun F(All) ->
            receive
                {tell, To} -> To ! {arrived, lists:reverse(All)}, F(All);
                {'EXIT', _, Why} -> F([Why | All]);
                {Tag, Data} when is_binary(Data) -> F([Tag | All])
            end
        end,
        Loop([])
    end)), whereis(arrivals)
"""
TELL = """
    Ask = fun F() ->
        arrivals ! {tell, self()},
        receive {arrived, All} when length(All) >= Count -> All;
                {arrived, _} -> timer:sleep(10), F() end
    end,
    Ask()
"""


async def blocked(node, peer) -> None:
    """Wait until large messages are queued and the kernel takes no more of them."""
    numbers = []
    while len(numbers) < 5 or len(set(numbers[-5:])) > 1:
        await trio.sleep(0.02)
        numbers.append(node.statistics().connections[peer.name].queued_large)
    assert numbers[-1] > 0


async def test_200_megabytes_on_their_way_to_a_frozen_node_hold_up_no_other_sender(
    new_beam, node
):
    beam, other = new_beam(), new_beam()
    arrivals = await beam.run(ARRIVALS)
    await other.run("ergopy_peer_server:start(echo), ok")
    await node.connect(beam.name)
    waited = []

    async def bulky(proc, tag):
        await proc.send(arrivals, (tag, bytes(100 * MIB)))
        with pytest.raises(trio.WouldBlock):
            proc.send_nowait(arrivals, (Atom("nowait"), b""))
        waited.append(("begin", tag))
        await proc.send(arrivals, (Atom(f"{tag}_after"), b""))
        waited.append(("end", tag))

    async def small(proc):
        for number in range(3):
            await proc.send(arrivals, (Atom(f"small{number}"), b""))
        await proc.exit(arrivals, Atom("bang"))
        return await proc.call(("echo", other.name), (Atom("echo"), 1))

    beam.pause()
    try:
        for tag in (Atom("big0"), Atom("big1")):
            await node.spawn(bulky, tag)
        await blocked(node, beam)
        with trio.fail_after(5):
            assert await inside(node, small) == 1
        numbers = node.statistics().connections[beam.name]
        assert sorted(waited) == [("begin", "big0"), ("begin", "big1")]
        assert numbers.queued < numbers.high_water
        assert (numbers.waiting, numbers.waits) == (2, 2)
    finally:
        beam.resume()
    await until(lambda: len(waited) == 4)
    arrived = await beam.run(TELL, LONG, Count=8)
    # What was small passed the others on the way; each sender's own order is kept.
    assert arrived[:4] == ["small0", "small1", "small2", "bang"]
    assert sorted(arrived[4:]) == ["big0", "big0_after", "big1", "big1_after"]
    for tag in ("big0", "big1"):
        assert arrived.index(tag) < arrived.index(f"{tag}_after")
    numbers = node.statistics().connections[beam.name]
    assert (numbers.queued, numbers.queued_large, numbers.waiting) == (0, 0, 0)
    assert numbers.fragments_out >= 200 * MIB // 65536


class SlowSocket:
    """A connection that takes two megabytes in a second."""

    STEP = 0.05

    def __init__(self, tcp: Any) -> None:
        self._tcp = tcp
        self._left = 0
        self.recv_into = tcp.recv_into
        self.wait_readable = tcp.wait_readable
        self.start, self.close, self.check_name = tcp.start, tcp.close, tcp.check_name

    def send(self, data: Any) -> int:
        if not self._left:
            raise BlockingIOError
        sent = self._tcp.send(memoryview(data)[: self._left])
        self._left -= sent
        return sent

    async def wait_writable(self) -> None:
        await self._tcp.wait_writable()
        await trio.sleep(self.STEP)
        self._left = int(2 * MIB * self.STEP)


class SlowNetwork(TcpNetwork):
    async def connect(self, node: str, host: str, port: int) -> Any:
        return SlowSocket(await super().connect(node, host, port))


async def test_a_transfer_that_takes_longer_than_net_ticktime_keeps_both_sides_alive(
    new_beam, node_options
):
    beam = new_beam(args=("-kernel", "net_ticktime", "3"))
    async with Node(**node_options, net_ticktime=3, network=SlowNetwork()) as node:
        arrivals = await beam.run(ARRIVALS)
        connections = set()
        await node.connect(beam.name)

        async def send(proc):
            await proc.send(arrivals, (Atom("large"), bytes(12 * MIB)))

        await node.spawn(send)
        arrived = []
        while not arrived:
            connections.add(node.connections.peers[beam.name].connection_id)
            assert await node.ping(beam.name)
            assert await beam.run("nodes()") == [node.name]
            await trio.sleep(0.5)
            arrived = await beam.run(
                "arrivals ! {tell, self()}, receive {_, A} -> A end"
            )
        assert arrived == ["large"]
        assert len(connections) == 1


async def test_a_sender_on_the_beam_is_suspended_while_nobody_reads_and_goes_on(
    beam, node
):
    counts = []

    async def take(proc):
        for _ in range(2000):
            await proc.receive()
        counts.append(True)

    inbox = await node.spawn(take)
    source = """
        Watch = spawn(fun() ->
            erlang:system_monitor(self(), [busy_dist_port]),
            receive {monitor, _, busy_dist_port, _} = M -> M end,
            receive {tell, To} -> To ! busy end
        end),
        Data = binary:copy(<<1>>, 30000),
        spawn(fun() -> [Inbox ! Data || _ <- lists:seq(1, 2000)] end),
        Watch
    """
    watch = await beam.run(source, Inbox=inbox)
    # Nothing of ours runs meanwhile, and so nobody reads.
    time.sleep(1)  # noqa: ASYNC251
    source = "Watch ! {tell, self()}, receive busy -> ok after 5000 -> never end"
    assert await beam.run(source, Watch=watch) == "ok"
    await until(lambda: counts)
    assert await node.ping(beam.name)


async def test_a_large_answer_to_a_slow_node_holds_up_only_who_gave_it(new_beam, node):
    slow = new_beam()

    class Store(Desk):
        async def handle_call(self, request, from_):
            return bytes(50 * MIB) if request == "much" else request

    await node.start(Store, name="store")
    await node.start(Desk, name="desk")
    await slow.run(
        """
        Host = self(),
        spawn(fun() ->
            Host ! asked,
            {store, Py} ! {'$gen_call', {self(), make_ref()}, much},
            receive {_, Data} -> register(got_it, self()), byte_size(Data) end,
            receive never -> ok end
        end), receive asked -> ok end
        """,
        Py=node.name,
    )
    slow.pause()
    try:
        with trio.fail_after(5):
            assert await node.call("desk", (Atom("echo"), 1)) == 1
    finally:
        slow.resume()
    await slow.run("ergopy_peer:until(fun() -> whereis(got_it) =/= undefined end)")
