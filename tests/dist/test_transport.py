"""One established connection, on a socket pair: what it reads, and its end."""

from __future__ import annotations

import itertools
import socket
import threading
from typing import Any

import pytest
import trio
import trio.testing

from ergopy.dist import transport as module
from ergopy.dist.limits import LinkLimits
from ergopy.dist.transport import TICK
from tests.dist.transports import (
    ENCODER,
    QUARTER,
    A,
    B,
    Link,
    T,
    frame,
    running,
    settle,
)


async def test_after_the_end_frames_vanish_and_the_first_reason_stays() -> None:
    async with running() as link:
        link.transport.close("first")
        link.transport.close("second")
        assert link.transport.has_room()
        link.transport.write(frame(1))
        link.transport.flush()
        await settle()
        assert link.far.recv(10) == b""
    assert link.ended == "first"
    assert link.transport.error is None


async def test_the_end_of_the_peer_is_the_end() -> None:
    async with running() as link:
        link.far.send(frame(1))
        link.far.shutdown(socket.SHUT_WR)
        await settle()
        assert link.ended == "the peer closed it"
        assert link.got == [1]


async def test_a_peer_that_is_gone_is_noticed_by_sending() -> None:
    async with running() as link:
        link.far.close()
        link.hub.current = "a process"
        link.transport.write(frame(1))
        link.hub.current = None
        link.transport.flush()
        assert (link.transport.closed or "").startswith("cannot send")


async def test_cancelling_it_closes_the_socket() -> None:
    link = Link()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.run)
        await settle()
        nursery.cancel_scope.cancel()
    assert link.far.recv(10) == b""
    assert link.transport.closed == "this node closed it"
    link.far.close()


async def test_the_surplus_of_the_handshake_comes_first() -> None:
    async with running(surplus=frame(1) + frame(2)[:9]) as link:
        link.far.send(frame(2)[9:] + frame(3))
        await settle()
        assert link.got == [1, 2, 3]


async def test_a_connection_that_ended_before_it_ran_delivers_nothing() -> None:
    link = Link()
    link.transport.close("replaced")
    link.far.send(frame(1))
    await link.run(frame(2))
    assert link.got == []
    assert link.ended == "replaced"
    link.far.close()


async def test_what_came_before_a_broken_packet_counts() -> None:
    async with running() as link:
        link.far.send(frame(1) + frame(2) + b"\0\0\0\2\x70\x83" + frame(3))
        await settle()
        assert link.got == [1, 2]
        assert link.ended
        assert str(link.transport.error) == link.ended


async def test_a_failing_receiver_leaves_the_hub_as_it_was() -> None:
    link = Link()

    def fail(_: Any) -> None:
        link.transport.write(frame(b"an answer"))
        raise LookupError("a bug")

    link.transport._deliver = fail
    link.far.send(frame(1))
    with pytest.raises(ExceptionGroup) as caught:
        await link.run()
    assert caught.group_contains(LookupError, match="a bug")
    assert link.hub.current is None
    assert link.hub.dirty == []
    assert link.waiting() == frame(b"an answer")
    link.far.close()


async def test_answers_leave_when_the_batch_is_done() -> None:
    async with running() as link:

        def answer(packets: list[Any]) -> None:
            for _ in packets:
                link.transport.write(frame(b"yes"))

        link.transport._deliver = answer
        link.far.send(frame(1) * 20)
        await settle()
        assert link.waiting() == frame(b"yes") * 20
        assert len(link.sock.sends) == 1


async def test_answers_wait_for_a_process_that_the_batch_started() -> None:
    async with running() as link:

        def start(_: Any) -> None:
            link.hub.starting = True
            link.transport.write(frame(b"its pid"))

        link.transport._deliver = start
        link.far.send(frame(1))
        await settle()
        assert link.waiting() == b""
        link.hub.dirty.pop().flush()
        assert link.waiting() == frame(b"its pid")


async def test_a_flood_keeps_nobody_else_from_running() -> None:
    async with running() as link:
        blob = frame(bytes(100_000))
        turns: list[int] = []
        done = False

        async def bystander() -> None:
            while not done:
                turns.append(len(link.got))
                await trio.lowlevel.checkpoint()

        async def flood() -> None:
            for _ in range(100):
                data = memoryview(blob)
                while data:
                    try:
                        data = data[link.far.send(data) :]
                    except BlockingIOError:
                        await trio.lowlevel.wait_writable(link.far)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(bystander)
            nursery.start_soon(flood)
            while len(link.got) < 100:
                await trio.lowlevel.checkpoint()
            done = True
        # Whatever arrived, it ran again before three more reads' worth had.
        steps = [after - before for before, after in itertools.pairwise(turns)]
        assert max(steps) <= 3 * module.READ_SIZE // 100_000 + 1
        assert max(link.batches) <= module.READ_SIZE // 100_000 + 1


def test_each_thread_reads_into_a_buffer_of_its_own() -> None:
    views = [module._buffer.view, module._buffer.view]
    thread = threading.Thread(target=lambda: views.append(module._buffer.view))
    thread.start()
    thread.join()
    assert views[0] is views[1]
    assert views[0].obj is not views[2].obj


async def test_bytes_are_counted_both_ways() -> None:
    async with running() as link:
        link.far.send(frame(1))
        link.transport.write(frame(b"two"))
        await settle()
        assert link.transport.bytes_in == len(frame(1))
        assert link.transport.bytes_out == len(frame(b"two"))


def first_fragment(sequence: int) -> bytes:
    control = ENCODER.control((22, A, B))[6:]
    head = b"\x83E" + sequence.to_bytes(8, "big") + (3).to_bytes(8, "big")
    return (
        (len(head) + len(control) + 10).to_bytes(4, "big") + head + control + b"x" * 10
    )


async def test_a_message_that_never_goes_on_ends_the_connection(
    autojump_clock: trio.testing.MockClock,
) -> None:
    began = trio.current_time()
    limits = LinkLimits(max_fragment_pause=2 * T)
    async with running(limits=limits) as link:
        link.far.send(first_fragment(7))
        while link.ended is None:
            link.far.send(TICK)
            await trio.sleep(1)
        assert "fragment sequence 7 for 120 s" in link.ended
        assert link.transport.error is not None
        assert 2 * T <= trio.current_time() - began <= 2 * T + QUARTER + 1


async def test_the_end_gives_back_what_unfinished_messages_hold() -> None:
    async with running() as link:
        link.far.send(first_fragment(7))
        await settle()
        decoder: Any = link.transport._decoder
        assert decoder.unfinished == 1
        link.transport.close("enough")
        await link.over.wait()
        assert decoder.unfinished == 0


async def test_packets_signals_and_ticks_are_counted() -> None:
    async with running() as link:
        link.far.send(frame(1) + TICK + frame(2) + TICK)
        await settle()
        link.far.send(TICK)
        await settle()
        transport = link.transport
        assert (transport.packets_in, transport.signals_in) == (2, 2)
        assert (transport.ticks_in, transport.ticks_out) == (3, 1)
