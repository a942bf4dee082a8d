"""One established connection, on a socket pair: bytes, room, ticks and its end."""

from __future__ import annotations

import itertools
import socket
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from ergopy.dist import outbox
from ergopy.dist import transport as module
from ergopy.dist.limits import LinkLimits
from ergopy.dist.link import LinkDecoder, LinkEncoder
from ergopy.dist.network import TcpSocket
from ergopy.dist.transport import TICK, Transport
from etf import Atom, Pid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

settle = trio.testing.wait_all_tasks_blocked

ENCODER = LinkEncoder(header=True)
A, B = Pid(Atom("a@h"), 1, 0, 1), Pid(Atom("b@h"), 2, 0, 1)
T = 60.0
QUARTER = T / 4


def frame(message: Any) -> bytes:
    return ENCODER.frame((22, A, B), message)


class Hub:
    def __init__(self) -> None:
        self.current: object = None
        self.dirty: list[Any] = []
        self.starting = False


class Sock:
    """A socket that notes what each ``send`` was given."""

    def __init__(self, sock: socket.socket) -> None:
        self.sends: list[int] = []
        self.sock = sock
        tcp = TcpSocket(sock)
        self.fileno, self.close, self.start = sock.fileno, tcp.close, tcp.start
        self.recv_into = tcp.recv_into
        self.wait_readable, self.wait_writable = tcp.wait_readable, tcp.wait_writable

    def send(self, data: bytes) -> int:
        self.sends.append(len(data))
        return self.sock.send(data)


class Link:
    """A transport that runs, and the raw other end of its socket."""

    def __init__(
        self,
        buffer: int | None = None,
        limits: LinkLimits | None = None,
        **options: Any,
    ) -> None:
        ours, self.far = socket.socketpair()
        for sock in (ours, self.far):
            sock.setblocking(False)
            if buffer is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.sock: Any = Sock(ours)
        self.hub = Hub()
        self.got: list[Any] = []
        self.batches: list[int] = []
        self.ended: str | None = None
        self.over = trio.Event()
        self.transport = Transport(
            self.sock,
            LinkDecoder(header=True, limits=limits),
            self.deliver,
            self.hub,
            **({"net_ticktime": T} | options),
        )

    def deliver(self, packets: list[Any]) -> None:
        assert self.hub.current is self.transport
        self.batches.append(len(packets))
        self.got += [message for _, message in packets]

    async def run(self, surplus: bytes = b"") -> None:
        self.ended = await self.transport.run(surplus)
        self.over.set()

    async def read(self, size: int) -> bytes:
        """Read exactly *size* bytes at the far end."""
        data = bytearray()
        while len(data) < size:
            try:
                more = self.far.recv(min(65536, size - len(data)))
            except BlockingIOError:
                await trio.lowlevel.wait_readable(self.far)
                continue
            assert more, "closed"
            data += more
        return bytes(data)

    def waiting(self) -> bytes:
        """What has arrived at the far end, without waiting."""
        data = b""
        while True:
            try:
                more = self.far.recv(65536)
            except BlockingIOError:
                return data
            if not more:
                return data
            data += more


@asynccontextmanager
async def running(surplus: bytes = b"", **options: Any) -> AsyncIterator[Link]:
    link = Link(**options)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.run, surplus)
        await settle()
        yield link
        link.transport.close("the test is over")
    link.far.close()


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
    views = [module._read_buffer(), module._read_buffer()]
    thread = threading.Thread(target=lambda: views.append(module._read_buffer()))
    thread.start()
    thread.join()
    assert views[0] is views[1]
    assert views[0].obj is not views[2].obj


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
