"""What a node says about its connections: who waits, and what went over the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio
import trio.testing

from etf import Atom
from tests.nodes import Echo

if TYPE_CHECKING:
    import ergopy

    Pair = tuple[ergopy.Node, ergopy.Node]


def numbers(node: ergopy.Node, peer: ergopy.Node) -> Any:
    return node.statistics().connections[peer.name]


async def test_signals_and_packets_are_counted_on_both_sides(pair: Pair) -> None:
    here, there = pair
    await there.start(Echo, name="echo")
    await here.ping(there.name)
    await trio.testing.wait_all_tasks_blocked(0.01)
    before, theirs = numbers(here, there), numbers(there, here)
    for number in range(10):
        await here.call(("echo", there.name), number)
    await here.call(("echo", there.name), bytes(1_000_000))
    after = numbers(here, there)
    pieces = 1_000_000 // 65536 + 1
    # Each call is a monitor, a request and the end of the monitor.
    assert after.signals_out - before.signals_out == 33
    assert after.signals_in - before.signals_in == 11
    assert after.fragments_out - before.fragments_out == pieces
    assert after.packets_out - before.packets_out == 32 + pieces
    assert after.packets_in - before.packets_in == 10 + pieces
    assert (after.queued, after.queued_large, after.waiting, after.waits) == (0,) * 4
    while numbers(there, here).signals_in - theirs.signals_in < 33:
        await trio.lowlevel.checkpoint()
    assert numbers(there, here).packets_in - theirs.packets_in == 32 + pieces
    assert numbers(there, here).bytes_in == after.bytes_out


async def test_who_waits_is_counted(pair: Pair) -> None:
    here, there = pair
    await there.start(Echo, name="echo")
    await here.ping(there.name)
    transport = here.connections.peers[there.name].transport
    assert transport is not None
    send: Any = transport._send
    stalled = True

    def refuse(data: Any) -> int:
        if stalled:
            raise BlockingIOError
        return int(send(data))

    transport._send = refuse
    transport._sendmsg = None
    done = trio.Event()

    async def talk(proc: ergopy.Process) -> None:
        await proc.send(("echo", there.name), (Atom("x"), bytes(300_000)))
        await proc.send(("echo", there.name), Atom("y"))
        done.set()

    await here.spawn(talk)
    while not numbers(here, there).waiting:
        await trio.lowlevel.checkpoint()
    waiting = numbers(here, there)
    # The services of the nodes talk to each other, too.
    assert (waiting.waiting, waiting.waits) == (1, 1)
    assert 0 < waiting.queued_large <= 300_100
    stalled = False
    await done.wait()
    over = numbers(here, there)
    assert (over.waiting, over.waits, over.queued_large) == (0, 1, 0)


async def test_ticks_are_counted(make_node: Any) -> None:
    here, there = await make_node(net_ticktime=0.2), await make_node(net_ticktime=0.2)
    await here.connect(there.name)

    def both() -> bool:
        seen = numbers(here, there)
        return bool(seen.ticks_in and seen.ticks_out)

    while not both():
        await trio.lowlevel.checkpoint()
