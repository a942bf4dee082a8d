"""Large messages to another node: whose signals stay behind them, and who waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import etf
from ergopy.dist.flags import OFFERED_VISIBLE, Flag
from ergopy.dist.fragmenting import FRAGMENT_SIZE
from ergopy.dist.link import LinkDecoder, encoder_for
from ergopy.dist.outbox import Outbox
from ergopy.node.ties import Watch
from etf import Atom, Pid
from tests.node.fakes import CREATION, EMPTY, OTHERS, THEIRS, FakePeer, their_ref
from tests.runtimes import sleeper

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

LARGE = bytes(5 * FRAGMENT_SIZE)
BOB = Atom("bob")


class Stalled:
    """A socket that takes nothing until it is told to take everything."""

    def __init__(self) -> None:
        self.open = False
        self.taken = bytearray()

    def send(self, data: Any) -> int:
        if not self.open:
            raise BlockingIOError
        self.taken += data
        return len(data)

    async def wait_writable(self) -> None:
        await trio.sleep_forever()


class Way:
    """A peer whose connection is stalled."""

    def __init__(self, fake: FakePeer, flags: Flag = OFFERED_VISIBLE) -> None:
        self.peer = fake.peer
        self.dialler = fake.dialler
        self.flags = flags
        self.sock: Any = Stalled()
        self.box: Any = Outbox(self.sock, fake.peer.runtime, 1 << 20)

    def connect(self) -> None:
        self.peer.up(self.box, encoder_for(self.flags), CREATION, self.flags)

    def arrived(self) -> list[tuple[Any, ...]]:
        """Let everything leave, and return what it was."""
        self.sock.open = True
        self.box._blocked = False
        self.box.drain()
        decoder = LinkDecoder(header=True)
        operations = decoder.receive_data(bytes(self.sock.taken))
        assert decoder.error is None, decoder.error
        return [(*control, message) for control, message in operations]


@pytest.fixture
async def way(runtime: Runtime) -> Way:
    return Way(FakePeer(runtime))


@pytest.mark.parametrize("early", [True, False])
async def test_whatever_a_process_says_after_a_large_message_comes_after_it(
    way: Way, runtime: Runtime, early: bool
) -> None:
    bob, ann = sleeper(runtime, name="bob"), sleeper(runtime)
    peer, pid = way.peer, bob.pid
    if not early:
        way.connect()
    peer.send(pid, THEIRS, [Atom("large"), LARGE])
    numbers = []
    for speaker in (bob, ann):
        me = speaker.pid
        peer.send(me, THEIRS, Atom("new_atom"))
        peer.send_name(me, "someone", 1)
        peer.send_alias(me, their_ref(1), 2)
        peer.send_many(me, [THEIRS, "someone"], peer.encode(3))
        peer.monitor(me, THEIRS, runtime.new_reference(), None)  # type: ignore[arg-type]
        peer.link(speaker, THEIRS)
        numbers.append(peer.unlink(speaker, THEIRS))
        peer.exit_signal(me, THEIRS, Atom("reason"))
        peer.exit_link(me, THEIRS, Atom("reason"))
        peer.group_leader(me, THEIRS)
        spawn = (29, runtime.new_reference(), me, me, (BOB, BOB, 0), [])
        peer.spawn(spawn, [], None)  # type: ignore[arg-type]
    if early:
        way.connect()
    peer.call(pid, OTHERS, runtime.new_reference(), 4, None)  # type: ignore[arg-type]
    watch = Watch(peer, bob, THEIRS, their_ref(9), BOB)
    peer.watches[watch.ref.words] = watch
    watch.fire(Atom("bye"))
    arrived = way.arrived()
    speakers = [
        next(item for item in operation[1:4] if isinstance(item, Pid))
        if operation[0] != 28
        else pid
        for operation in arrived
    ]
    ours = [op for op, speaker in zip(arrived, speakers, strict=True) if speaker == pid]
    theirs = [
        op for op, speaker in zip(arrived, speakers, strict=True) if op not in ours
    ]
    assert [op[0] for op in theirs] == [op[0] for op in ours][1 : len(theirs) + 1]
    assert ours[0][-1] == [Atom("large"), LARGE]
    alias = 33 if early else 37
    tail = [19, 22, 28]
    assert [op[0] for op in ours] == [
        *(22, 22, 6, alias, 22, 6, 19, 1, 35, 26, 24, 7, 29),
        *tail,
    ]
    assert ours[-1][-1] == "bye"
    # All of the others came first.
    assert arrived[: len(theirs)] == theirs


async def test_only_who_has_sent_it_has_no_room(way: Way, runtime: Runtime) -> None:
    bob, ann = sleeper(runtime), sleeper(runtime)
    way.connect()
    bob.send_nowait(THEIRS, LARGE)
    assert not way.peer.is_ready(bob.pid)
    assert not way.peer.has_room(bob.pid)
    with pytest.raises(trio.WouldBlock):
        bob.send_nowait(THEIRS, 1)
    with pytest.raises(trio.WouldBlock):
        bob.send_nowait([THEIRS], 1)
    ann.send_nowait(THEIRS, 2)
    with trio.fail_after(60):
        await ann.send(THEIRS, 3)
    with trio.move_on_after(0.01) as scope:
        await bob.send(THEIRS, 4)
    assert scope.cancelled_caught
    assert [op[-1] for op in way.arrived()] == [2, 3, LARGE]
    with trio.fail_after(60):
        await bob.send(THEIRS, 5)


async def test_an_answer_that_is_large_asks_its_server_to_wait(
    way: Way, runtime: Runtime
) -> None:
    bob = sleeper(runtime)
    way.connect()
    assert bob.reply_nowait((THEIRS, b"tag"), 1) is None
    assert bob.reply_nowait((THEIRS, b"tag"), LARGE) is way.peer
    assert bob.reply_nowait((THEIRS, b"tag"), 2) is way.peer
    assert [op[-1] for op in way.arrived()] == [
        (b"tag", 1),
        (b"tag", LARGE),
        (b"tag", 2),
    ]


async def test_a_large_call_is_watched_before_it_is_sent(
    way: Way, runtime: Runtime
) -> None:
    bob = sleeper(runtime)
    way.connect()
    ref = runtime.new_reference()
    way.peer.call(bob.pid, "desk", ref, LARGE, None)  # type: ignore[arg-type]
    desk = Atom("desk")
    assert way.arrived() == [
        (19, bob.pid, desk, ref, None),
        (6, bob.pid, EMPTY, desk, LARGE),
    ]


async def test_a_large_message_that_cannot_be_sent_leaves_nothing(
    way: Way, runtime: Runtime
) -> None:
    bob = sleeper(runtime)
    way.connect()
    new = [Atom(f"unsent_in_bulk_{n}") for n in range(9)]
    for _ in range(2):
        with pytest.raises(etf.EncodeError):
            bob.send_nowait(THEIRS, [*new, LARGE, object()])
        bob.send_nowait(THEIRS, LARGE)
        with pytest.raises(etf.EncodeError):
            way.peer.send(bob.pid, THEIRS, [*new, object()])
        way.peer.send(bob.pid, THEIRS, new)
        way.peer.send(OTHERS, THEIRS, new)
        assert [op[-1] for op in way.arrived()][-2:] in ([new, new], [LARGE, new])


@pytest.mark.parametrize(
    "missing", [Flag.FRAGMENTS, Flag.FRAGMENTS | Flag.DIST_HDR_ATOM_CACHE]
)
async def test_a_peer_without_fragments_gets_it_whole_and_in_its_turn(
    runtime: Runtime, missing: Flag
) -> None:
    way = Way(FakePeer(runtime), OFFERED_VISIBLE & ~missing)
    bob, ann = sleeper(runtime), sleeper(runtime)
    way.connect()
    bob.send_nowait(THEIRS, LARGE)
    ann.send_nowait(THEIRS, 1)
    assert not way.box.unfinished
    assert way.box.queued > len(LARGE)
    way.sock.open, way.box._blocked = True, False
    way.box.drain()
    decoder = LinkDecoder(header=bool(missing == Flag.FRAGMENTS))
    operations = decoder.receive_data(bytes(way.sock.taken))
    assert [message for _, message in operations] == [LARGE, 1]


async def test_a_peer_without_exit_payload_gets_a_large_reason_whole(
    runtime: Runtime,
) -> None:
    way = Way(FakePeer(runtime), OFFERED_VISIBLE & ~Flag.EXIT_PAYLOAD)
    way.connect()
    bob = sleeper(runtime)
    way.peer.exit_signal(bob.pid, THEIRS, LARGE)
    assert not way.box.unfinished
    assert way.arrived() == [(8, bob.pid, THEIRS, LARGE, None)]


async def test_who_floods_a_connection_that_has_ended_waits_until_it_is_lost(
    way: Way, runtime: Runtime
) -> None:
    bob = sleeper(runtime)
    way.connect()
    way.box.close("over")
    way.box.cause = Atom("connection_closed")
    sent = 0

    async def flood() -> None:
        nonlocal sent
        for _ in range(100):
            await bob.send(THEIRS, LARGE)
            sent += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(flood)
        for _ in range(20):
            await trio.lowlevel.checkpoint()
        assert 0 < sent < 10
        nursery.cancel_scope.cancel()


async def test_the_loss_of_the_connection_lets_the_sender_go_on(
    way: Way, runtime: Runtime
) -> None:
    bob = sleeper(runtime)
    way.connect()
    bob.send_nowait(THEIRS, LARGE)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bob.send, THEIRS, 1)
        await trio.testing.wait_all_tasks_blocked()
        assert way.box.waiting == 1
        # It tries to connect again, in vain.
        way.dialler.ended.set()
        way.box.close("lost")
        way.box.cause = Atom("connection_closed")
        way.peer.lost()
    assert way.dialler.dialled == 1
    assert not way.peer.waiting
