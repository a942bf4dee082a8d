"""Room in the way out: who waits, how much leaves at once, and the end of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import trio

from ergopy.dist import outbox
from ergopy.dist.fragmenting import FRAGMENT_SIZE
from tests.dist.outboxes import LARGE, TO, A, B, C, Way, running, settle

if TYPE_CHECKING:
    from etf import Pid


async def test_only_the_sender_of_a_large_message_has_no_room() -> None:
    async with running(high_water=1000) as way:
        way.send(A, bytes(LARGE))
        await settle()
        box = way.outbox
        assert box.has_room(B)
        assert not box.has_room(A)
        assert box.queued == 0
        assert box.large.queued >= LARGE - 2 * outbox.MIX_SIZE
        with trio.fail_after(0):
            await box.room(B)
        went: list[str] = []

        async def wait(sender: Pid) -> None:
            await box.room(sender)
            went.append(str(sender))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, A)
            await settle()
            assert (box.waiting, box.waits) == (1, 1)
            way.sock.allow(LARGE // 3)
            await settle()
            assert went == []
            way.sock.allow(LARGE)
        assert went == [str(A)]
        assert (box.waiting, box.waits, box.large.queued) == (0, 1, 0)


async def test_small_messages_make_everybody_wait_by_their_bytes() -> None:
    async with running(high_water=1000) as way:
        for _ in range(11):
            way.send(A, bytes(100))
        box = way.outbox
        assert not box.has_room(B)
        async with trio.open_nursery() as nursery:
            for sender in (A, B, C):
                nursery.start_soon(box.room, sender)
            await settle()
            assert box.waiting == 3
            way.sock.allow(300)
            await settle()
            # It goes on at half of the mark.
            assert box.waiting == 3
            way.sock.allow(1000)
        assert (box.waiting, box.waits) == (0, 3)


async def test_a_sender_who_gives_up_waiting_is_forgotten() -> None:
    async with running(high_water=1000) as way:
        way.send(A, bytes(LARGE))
        for sender in (A, B):
            way.send(B, bytes(2000))
            with trio.move_on_after(0) as scope:
                await way.outbox.room(sender)
            assert scope.cancelled_caught
        assert (way.outbox.waiting, way.outbox.waits) == (0, 2)


async def test_one_turn_hands_over_about_a_megabyte_at_most() -> None:
    async with running(allowed=1 << 30) as way:
        turns: list[int] = []
        way.send(A, bytes(20 << 20))
        turns.append(len(way.sock.taken))
        while way.outbox.pending():
            await trio.lowlevel.checkpoint()
            turns.append(len(way.sock.taken))
        steps = [after - before for before, after in itertools.pairwise(turns)]
        limit = outbox.TURN_SIZE + outbox.MIX_SIZE + 4 * FRAGMENT_SIZE
        assert 0 < turns[0] <= limit
        # The writer may have had two turns between two of ours.
        assert max(steps) <= 2 * limit
        assert way.arrived() == [(A, bytes(20 << 20))]


async def test_one_step_that_sends_much_hands_over_a_megabyte_and_then_waits() -> None:
    async with running(allowed=1 << 30) as way:
        sent = 0
        while way.outbox.has_room(A):
            way.send(A, bytes(10_000))
            sent += 1
        assert len(way.sock.taken) <= outbox.TURN_SIZE + 2 * outbox.FLUSH_SIZE
        assert way.outbox.queued >= outbox.HIGH_WATER
        assert await way.drained() == [(A, bytes(10_000))] * sent


async def test_the_end_lets_everybody_go_on_and_keeps_nothing() -> None:
    async with running(high_water=1000) as way:
        way.send(A, bytes(LARGE))
        way.send(A, bytes(LARGE))
        way.send(B, bytes(5000))
        async with trio.open_nursery() as nursery:
            for sender in (A, B):
                nursery.start_soon(way.outbox.room, sender)
            await settle()
            way.outbox.close("over")
        box = way.outbox
        assert (box.queued, box.large.queued, box.waiting) == (0, 0, 0)
        assert not box.pending()
        # What is sent now vanishes; but who goes on has to wait for the loss.
        box.post(way.plain.frame((22, A, TO), bytes(LARGE)), A)
        assert not box.pending()
        assert not box.has_room(B)
        await box.room(B)


async def test_a_broken_socket_ends_it_amid_a_large_message() -> None:
    async with running(allowed=100_000) as way:
        way.send(A, bytes(LARGE))
        way.sock.broken = True
        way.sock.allow(1)
        await settle()
        assert way.outbox.closed == "cannot send: gone"
        assert not way.outbox.unfinished


async def test_drain_hands_over_all_that_is_taken_at_once() -> None:
    way = Way(allowed=1 << 30)
    way.hub.current = "a process"
    way.send(A, bytes(30 << 20))
    way.send(B, 1)
    way.outbox.drain()
    assert not way.outbox.pending()
    assert len(way.arrived()) == 2
    full = Way(allowed=5_000_000)
    full.send(A, bytes(30 << 20))
    full.outbox.drain()
    assert len(full.sock.taken) == 5_000_000
