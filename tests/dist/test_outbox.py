"""The way out, on a socket that takes little or nothing: turns and order."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy.dist import outbox
from ergopy.dist.fragmenting import FRAGMENT_SIZE
from ergopy.dist.link import LinkEncoder
from etf import Atom, Pid
from tests.dist.outboxes import LARGE, SENDERS, TO, A, B, C, running, settle


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


@settings(max_examples=60)
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
