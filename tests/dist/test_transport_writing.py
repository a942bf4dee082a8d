"""What a connection writes, and when: steps, flushes, and room for senders."""

from __future__ import annotations

import pytest
import trio

from ergopy.dist import outbox
from etf import Atom
from tests.dist.transports import Link, frame, running, settle


async def test_what_a_step_writes_leaves_together_when_it_flushes() -> None:
    async with running() as link:
        link.hub.current = "a process"
        for number in range(10):
            link.transport.write(frame(number))
        link.hub.current = None
        assert link.hub.dirty == [link.transport]
        assert link.waiting() == b""
        link.hub.dirty.pop().flush()
        assert link.waiting() == b"".join(frame(number) for number in range(10))
        assert len(link.sock.sends) == 1


async def test_what_is_written_outside_of_any_step_leaves_without_a_flush() -> None:
    async with running() as link:
        link.transport.write(frame(1))
        assert await link.read(len(frame(1))) == frame(1)
        await settle()
        link.transport.write(frame(2))
        link.transport.write(frame(3))
        both = frame(2) + frame(3)
        assert await link.read(len(both)) == both


async def test_what_was_written_before_it_ran_leaves_when_it_does() -> None:
    link = Link()
    link.transport.write(frame(1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.run)
        assert await link.read(len(frame(1))) == frame(1)
        link.transport.close("over")
    link.far.close()


async def test_much_in_one_step_is_not_kept_until_its_end() -> None:
    async with running() as link:
        link.hub.current = "a process"
        link.transport.write(frame(bytes(outbox.FLUSH_SIZE)))
        assert link.waiting() != b""
        link.hub.current = None


@pytest.mark.parametrize("size", [10, 5_000, 3_000_000])
async def test_nothing_is_lost_or_reordered_when_the_peer_reads_slowly(
    size: int,
) -> None:
    async with running(buffer=4096) as link:
        frames = [frame((n, bytes(size))) for n in range(6_000_000 // (size + 2000))]
        expected = b"".join(frames)
        for one in frames:
            link.transport.write(one)
        link.transport.flush()
        assert link.transport.queued > 0
        assert await link.read(len(expected)) == expected
        await settle()
        assert link.transport.queued == 0
        assert link.transport.bytes_out == len(expected)
        # What comes later is not stuck.
        link.transport.write(frame(Atom("late")))
        assert await link.read(len(frame(Atom("late")))) == frame(Atom("late"))


async def test_a_flush_while_the_socket_is_full_waits_for_the_peer() -> None:
    async with running(buffer=4096) as link:
        big = frame(bytes(500_000))
        link.transport.write(big)
        link.transport.flush()
        await settle()
        sends = len(link.sock.sends)
        for _ in range(50):
            link.transport.write(frame(1))
            link.transport.flush()
        assert len(link.sock.sends) == sends
        rest = big + frame(1) * 50
        assert await link.read(len(rest)) == rest


async def test_a_step_whose_flush_is_refused_wakes_the_writer() -> None:
    async with running(buffer=4096) as link:
        part = frame(bytes(30_000))
        link.hub.current = "a process"
        link.transport.write(part)
        link.transport.write(part)
        link.hub.current = None
        link.hub.dirty.pop().flush()
        assert link.transport.queued > 0
        assert await link.read(2 * len(part)) == 2 * part


async def test_senders_wait_above_the_mark_and_go_on_at_half_of_it() -> None:
    async with running(buffer=4096, high_water=100_000) as link:
        transport = link.transport
        assert transport.has_room()
        transport.write(frame(bytes(300_000)))
        assert not transport.has_room()
        queued_at_wake: list[int] = []

        async def sender() -> None:
            await transport.room()
            queued_at_wake.append(transport.queued)

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(sender)
            await settle()
            assert queued_at_wake == []
            await link.read(300_000)
        assert len(queued_at_wake) == 3
        assert all(queued <= 50_000 for queued in queued_at_wake)


async def test_waiting_for_room_can_be_cancelled() -> None:
    async with running(buffer=4096, high_water=1000) as link:
        link.transport.write(frame(bytes(300_000)))
        with trio.move_on_after(0) as scope:
            await link.transport.room()
        assert scope.cancelled_caught
        await link.read(300_000)
        await link.transport.room()


async def test_the_end_of_a_blocked_connection_lets_its_senders_go_on() -> None:
    async with running(buffer=4096, high_water=1000) as link:
        link.transport.write(frame(bytes(300_000)))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(link.transport.room)
            await settle()
            link.transport.close("enough")
        assert link.transport.queued == 0
    assert link.ended == "enough"
