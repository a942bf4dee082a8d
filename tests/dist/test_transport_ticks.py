"""Ticks of a connection, and the silence that ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from ergopy.dist.transport import TICK
from tests.dist.transports import QUARTER, Link, T, frame, running, settle

if TYPE_CHECKING:
    import socket


async def test_an_idle_connection_ticks_each_quarter(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with running() as link:
        for quarter in range(1, 4):
            await trio.sleep(QUARTER - 0.5)
            assert link.waiting() == b"", quarter
            await trio.sleep(0.5)
            await settle()
            assert link.waiting() == TICK, quarter


async def test_silence_ends_the_connection_after_net_ticktime(
    autojump_clock: trio.testing.MockClock,
) -> None:
    began = trio.current_time()
    async with running() as link:
        await link.over.wait()
        assert trio.current_time() - began == pytest.approx(T)
        assert "net_ticktime" in (link.ended or "")


@pytest.mark.parametrize("sign", [TICK, frame(1), frame(1)[:1]])
async def test_any_byte_of_the_peer_is_a_sign_of_life(
    autojump_clock: trio.testing.MockClock, sign: bytes
) -> None:
    async with running() as link:
        link.far.send(sign)
        for _ in range(3):
            await trio.sleep(0.9 * T)
            assert link.ended is None
            link.far.send(sign if len(sign) > 1 else TICK)
            link.waiting()


async def test_no_tick_leaves_while_there_is_something_to_say(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with running() as link:
        for _ in range(30):
            await trio.sleep(QUARTER / 2)
            link.transport.write(frame(1))
            link.far.send(frame(2))
            await settle()
            assert link.waiting() == frame(1)


async def test_no_tick_is_queued_behind_bytes_that_the_peer_does_not_take(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with running(buffer=4096) as link:
        big = frame(bytes(1_000_000))
        link.transport.write(big)
        await settle()
        for _ in range(8):
            await trio.sleep(QUARTER)
            link.far.send(TICK)
        await settle()
        assert await link.read(len(big)) == big
        await settle()
        assert link.waiting() == b""


async def test_a_peer_with_a_shorter_net_ticktime_is_kept_up_by_answers(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with running() as link:
        unanswered = 0
        for second in range(1, 200):
            await trio.sleep(1)
            link.far.send(TICK)
            await settle()
            if not link.waiting():
                unanswered += 1
                # What left just before was answer enough.
                assert (second - 1) % QUARTER == 0
        assert unanswered <= 200 / QUARTER + 1


async def test_many_ticks_at_once_get_one_answer() -> None:
    async with running() as link:
        link.far.send(TICK)
        await settle()
        link.far.send(TICK * 1000)
        await settle()
        assert link.waiting() == TICK


async def test_two_idle_nodes_do_not_keep_ticking_at_each_other(
    autojump_clock: trio.testing.MockClock,
) -> None:
    here, there = Link(), Link(net_ticktime=T * 0.7)
    pump_tasks = ((here.far, there.far), (there.far, here.far))
    passed: list[int] = []

    async def pump(source: socket.socket, sink: socket.socket) -> None:
        while True:
            await trio.lowlevel.wait_readable(source)
            data = source.recv(65536)
            passed.append(len(data))
            sink.send(data)

    quarters = 400
    async with trio.open_nursery() as nursery:
        for link in (here, there):
            nursery.start_soon(link.run)
        for source, sink in pump_tasks:
            nursery.start_soon(pump, source, sink)
        await trio.sleep(quarters * QUARTER)
        assert here.ended is there.ended is None
        nursery.cancel_scope.cancel()
    for link in (here, there):
        link.far.close()
    ticks = sum(passed) / len(TICK)
    own = quarters + quarters / 0.7
    # Each sends its own, and at most answers each one of the other.
    assert quarters <= ticks <= 2 * own
