"""The way out, on a socket that takes little or nothing: turns, order and room."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy.dist import outbox
from ergopy.dist.fragmenting import FRAGMENT_SIZE
from ergopy.dist.link import LinkDecoder, LinkEncoder
from ergopy.dist.outbox import Outbox
from etf import Atom, Pid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

settle = trio.testing.wait_all_tasks_blocked

SENDERS = [Pid(Atom("here@h"), number, 0, 1) for number in range(6)]
A, B, C = SENDERS[:3]
TO = Pid(Atom("there@h"), 9, 0, 1)
LARGE = 10 * FRAGMENT_SIZE


class Sock:
    """Takes what it is allowed to, and notes it."""

    def __init__(self, allowed: int = 0) -> None:
        self.allowed = allowed
        self.taken = bytearray()
        self.sends: list[int] = []
        self.broken = False
        self._more = trio.Event()

    def send(self, data: Any) -> int:
        if self.broken:
            raise BrokenPipeError("gone")
        self.sends.append(len(data))
        size = min(len(data), self.allowed)
        if size == 0:
            raise BlockingIOError
        self.taken += data[:size]
        self.allowed -= size
        return size

    def sendmsg(self, parts: list[Any]) -> int:
        return self.send(b"".join(parts))

    def allow(self, size: int) -> None:
        self.allowed += size
        self._more.set()
        self._more = trio.Event()

    async def wait_writable(self) -> None:
        while not self.allowed:
            await self._more.wait()

    def close(self) -> None: ...


class Hub:
    def __init__(self) -> None:
        self.current: object = None
        self.dirty: list[Any] = []
        self.starting = False


class Way:
    """An outbox with encoders, as a peer has them, and what has arrived."""

    def __init__(
        self,
        allowed: int = 0,
        high_water: int = outbox.HIGH_WATER,
        gathers: bool = True,
    ) -> None:
        self.sock = Sock(allowed)
        if not gathers:
            # As that of TLS, which takes only bytes in one place.
            self.sock.sendmsg = None  # type: ignore[assignment, method-assign]
        self.hub = Hub()
        self.outbox = Outbox(self.sock, self.hub, high_water)  # type: ignore[arg-type]
        self.cached = LinkEncoder(header=True, cache=True, fragments=True)
        self.plain = LinkEncoder(header=True, fragments=True)
        self.decoder = LinkDecoder(header=True)
        self.decoded = 0

    def send(self, sender: Pid, message: Any) -> None:
        behind = sender in self.outbox.unfinished
        encoder = self.plain if behind else self.cached
        self.outbox.post(encoder.frame((22, sender, TO), message), sender)

    def arrived(self) -> list[tuple[Pid, Any]]:
        """What has come over since the last time, by sender."""
        data = bytes(self.sock.taken[self.decoded :])
        self.decoded += len(data)
        operations = self.decoder.receive_data(data)
        assert self.decoder.error is None, self.decoder.error
        return [(control[1], message) for control, message in operations]

    async def drained(self, step: int = 1 << 30) -> list[tuple[Pid, Any]]:
        """Let everything leave, *step* bytes at a time."""
        while self.outbox.pending():
            self.sock.allow(step)
            await settle()
        return self.arrived()


@asynccontextmanager
async def running(allowed: int = 0, **options: Any) -> AsyncIterator[Way]:
    way = Way(allowed, **options)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(way.outbox._write_blocked)
        await settle()
        yield way
        nursery.cancel_scope.cancel()


async def test_small_messages_of_others_pass_a_large_one() -> None:
    async with running() as way:
        way.send(A, bytes(LARGE))
        for number in range(10):
            way.send(B, number)
        # What the socket was offered before they came has to leave first.
        way.sock.allow(outbox.MIX_SIZE + 2 * FRAGMENT_SIZE)
        await settle()
        assert way.arrived() == [(B, number) for number in range(10)]
        assert await way.drained() == [(A, bytes(LARGE))]


async def test_what_a_sender_says_after_its_large_message_comes_after_it() -> None:
    async with running() as way:
        way.send(A, 1)
        way.send(A, bytes(LARGE))
        way.send(A, 2)
        way.send(A, [Atom("new"), Atom("atoms")])
        way.send(A, b"x" * LARGE)
        way.send(A, 3)
        way.send(B, 1)
        expected = [1, bytes(LARGE), 2, ["new", "atoms"], b"x" * LARGE, 3]
        arrived = await way.drained(step=10_000)
        assert [message for sender, message in arrived if sender == A] == expected
        assert [message for sender, message in arrived if sender == B] == [1]
        assert not way.outbox.unfinished
        # From now on it may rely on the cache again.
        way.send(A, Atom("new"))
        assert await way.drained() == [(A, "new")]


async def test_large_messages_take_turns() -> None:
    async with running() as way:
        for sender in (A, B, C):
            way.send(sender, bytes(LARGE))
        way.send(SENDERS[3], bytes(2 * FRAGMENT_SIZE))
        arrived = await way.drained(step=FRAGMENT_SIZE)
        # The short one is done first, although it came last; the others end together.
        assert [sender for sender, _ in arrived] == [SENDERS[3], A, B, C]


async def test_a_flood_of_small_messages_does_not_stop_a_large_one() -> None:
    async with running() as way:
        way.send(A, bytes(LARGE))
        got: list[Any] = []
        for _ in range(50):
            while way.outbox.has_room(B):
                way.send(B, bytes(1000))
            way.sock.allow(FRAGMENT_SIZE)
            await settle()
            got += way.arrived()
            if (A, bytes(LARGE)) in got:
                break
        assert (A, bytes(LARGE)) in got
        assert sum(sender == B for sender, _ in got) > 100


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


async def test_large_messages_of_nobody_are_apart_from_each_other() -> None:
    async with running() as way:
        for number in range(3):
            way.outbox.write(way.plain.frame((22, A, TO), [number, bytes(LARGE)]))
        assert sorted(m[0] for _, m in await way.drained(100_000)) == [0, 1, 2]


async def test_what_the_socket_refused_is_offered_again_as_it_was() -> None:
    async with running(allowed=10) as way:
        way.send(A, bytes(LARGE))
        await settle()
        offered = way.sock.sends[-1]
        way.send(B, 1)
        way.outbox.flush()
        for _ in range(2):
            way.sock.allow(1)
            await settle()
        assert way.sock.sends[-3:] == [offered, offered - 10, offered - 11]


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


async def test_very_many_frames_behind_a_large_message_leave_as_one() -> None:
    # The system takes only so many parts in one call.
    async with running(allowed=1 << 30) as way:
        way.hub.current = "a process"
        way.outbox._blocked = True
        way.send(A, bytes(2 * FRAGMENT_SIZE))
        for number in range(3 * outbox.MAX_PARTS):
            way.send(A, number)
        way.outbox._blocked = False
        way.outbox.flush()
        await settle()
        assert len(way.arrived()) == 1 + 3 * outbox.MAX_PARTS


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


async def test_fragments_and_messages_are_counted() -> None:
    async with running(allowed=1 << 30) as way:
        way.send(A, b"small")
        way.send(A, bytes(3 * FRAGMENT_SIZE))
        way.send(B, bytes(FRAGMENT_SIZE))
        await way.drained()
        large = way.outbox.large
        assert (large.messages_out, large.fragments_out) == (2, 4 + 2)
        assert way.cached.frames + way.plain.frames == 3
        assert way.decoder.packets == 1 + 4 + 2


@st.composite
def plans(draw: st.DrawFn) -> list[tuple[str, int]]:
    """Who sends how much, and how much the socket takes in between."""
    sizes = st.sampled_from([0, 10, 60_000, FRAGMENT_SIZE, 3 * FRAGMENT_SIZE, 500_000])
    step = st.one_of(
        st.tuples(st.integers(0, 5).map("send {}".format), sizes),
        st.tuples(st.just("allow"), st.integers(1, 400_000)),
        st.tuples(st.just("flush"), st.just(0)),
    )
    return draw(st.lists(step, max_size=25))


@settings(max_examples=60, deadline=None)
@given(plan=plans(), step=st.integers(20_000, 300_000), gathers=st.booleans())
def test_whatever_happens_each_sender_s_messages_arrive_whole_and_in_order(
    plan: list[tuple[str, int]], step: int, gathers: bool
) -> None:
    async def main() -> None:
        sent: dict[Pid, list[Any]] = {sender: [] for sender in SENDERS}
        got: dict[Pid, list[Any]] = {sender: [] for sender in SENDERS}
        async with running(gathers=gathers) as way:
            for number, (what, size) in enumerate(plan):
                if what == "allow":
                    way.sock.allow(size)
                    await settle()
                elif what == "flush":
                    way.outbox.flush()
                else:
                    sender = SENDERS[int(what[5:])]
                    message = (Atom(f"atom{number % 7}"), number, bytes(size))
                    sent[sender].append(message)
                    way.send(sender, message)
            for sender, message in way.arrived() + await way.drained(step):
                got[sender].append(message)
            assert way.outbox.queued == way.outbox.large.queued == 0
        assert got == sent

    trio.run(main)


@pytest.mark.parametrize(
    "size", [FRAGMENT_SIZE * n + d for n in (1, 2) for d in (0, 1)]
)
async def test_pieces_have_the_size_of_a_beam_s(size: int) -> None:
    control = len(LinkEncoder(header=True).control((22, A, TO))) - 7
    async with running(allowed=1 << 30) as way:
        way.outbox.post(way.plain.frame((22, A, TO), bytes(size - control - 5)), A)
        await way.drained()
        packets = []
        data = bytes(way.sock.taken)
        while data:
            length = int.from_bytes(data[:4], "big")
            packets.append(data[4 : 4 + length])
            data = data[4 + length :]
        if size == FRAGMENT_SIZE:
            assert [packet[1] for packet in packets] == [68]
            return
        first, *others = packets
        assert len(first) == 19 + FRAGMENT_SIZE
        assert [len(packet) for packet in others[:-1]] == [18 + FRAGMENT_SIZE] * (
            len(others) - 1
        )
        numbers = [int.from_bytes(packet[10:18], "big") for packet in packets]
        assert numbers == list(range(len(packets), 0, -1))
        assert sum(map(len, packets)) == size + 18 * len(packets) + 1
