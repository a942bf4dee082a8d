"""Another node as this one sees it: sending, waiting, and losing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy.dist.flags import OFFERED_VISIBLE, WITH_HEADER, Flag
from ergopy.process.links import LINKED
from etf import Atom, Pid, Reference
from tests.node.fakes import EMPTY, OTHERS, PEER, THEIRS, FakePeer, their_ref
from tests.runtimes import mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime

BOB = Atom("bob")
HI = Atom("hi")
NOCONNECTION = Atom("noconnection")
PASS_THROUGH = OFFERED_VISIBLE & ~WITH_HEADER
ALIAS = Reference(PEER, 3, (7, 8, 9))


@pytest.fixture
async def down(runtime: Runtime) -> FakePeer:
    """A peer that is not connected."""
    return FakePeer(runtime)


@pytest.mark.parametrize("flags", [OFFERED_VISIBLE, PASS_THROUGH])
@pytest.mark.parametrize("early", [True, False])
async def test_each_signal_has_its_form(
    down: FakePeer, runtime: Runtime, flags: Flag, early: bool
) -> None:
    peer, me = down.peer, runtime.root.pid
    bob = sleeper(runtime)
    ref = runtime.new_reference()
    if not early:
        down.connect(flags)
    peer.send(me, THEIRS, HI)
    peer.send_name(me, "bob", HI)
    peer.monitor(me, "bob", ref, Told([], "monitor"))
    peer.demonitor(me, "bob", ref)
    peer.link(bob, THEIRS)
    first = peer.unlink(bob, THEIRS)
    second = peer.unlink(bob, OTHERS)
    peer.exit_signal(me, THEIRS, HI)
    peer.group_leader(me, THEIRS)
    if early:
        down.connect(flags)
    assert down.sent() == [
        (22, me, THEIRS, HI),
        (6, me, EMPTY, BOB, HI),
        (19, me, BOB, ref),
        (20, me, BOB, ref),
        (1, bob.pid, THEIRS),
        (35, first, bob.pid, THEIRS),
        (35, second, bob.pid, OTHERS),
        (26, me, THEIRS, HI),
        (7, me, THEIRS),
    ]
    assert first != second
    assert down.dialler.dialled == (9 if early else 0)
    assert not peer.monitors


async def test_an_alias_takes_the_form_that_the_connection_knows(
    down: FakePeer, runtime: Runtime
) -> None:
    me = runtime.root.pid
    down.connect()
    down.peer.send_alias(me, ALIAS, HI)
    assert down.sent() == [(37, 4, me, ALIAS, HI)]
    down.peer.lost()
    # What waits for the next one must be understood by an older release, too.
    down.peer.send_alias(me, ALIAS, HI)
    down.connect(OFFERED_VISIBLE & ~Flag.ALTACT_SIG)
    down.peer.send_alias(me, ALIAS, HI)
    assert down.sent() == [(33, me, ALIAS, HI)] * 2


@pytest.mark.parametrize("early", [True, False])
async def test_many_destinations_get_the_same_message(
    down: FakePeer, runtime: Runtime, early: bool
) -> None:
    me = runtime.root.pid
    if not early:
        down.connect()
    down.peer.send_many(me, [THEIRS, "bob", ALIAS], down.peer.encode(HI))
    if early:
        down.connect()
    alias = (33, me, ALIAS, HI) if early else (37, 4, me, ALIAS, HI)
    assert down.sent() == [(22, me, THEIRS, HI), (6, me, EMPTY, BOB, HI), alias]


async def test_what_waits_is_what_it_was_when_it_was_sent(
    down: FakePeer, runtime: Runtime
) -> None:
    message = [1]
    down.peer.send(runtime.root.pid, THEIRS, message)
    message.append(2)
    down.connect()
    assert down.sent() == [(22, runtime.root.pid, THEIRS, [1])]


@pytest.mark.parametrize("up", [True, False])
async def test_what_cannot_be_sent_is_the_sender_s_error_and_leaves_nothing(
    down: FakePeer, runtime: Runtime, up: bool
) -> None:
    if up:
        down.connect()
    peer, me = down.peer, runtime.root.pid
    bad = object()
    ref = runtime.new_reference()
    with pytest.raises(etf.EncodeError):
        peer.send(me, THEIRS, bad)
    with pytest.raises(etf.EncodeError):
        peer.send_name(me, "bob", bad)
    with pytest.raises(etf.EncodeError):
        peer.send_alias(me, ALIAS, bad)
    with pytest.raises(etf.EncodeError):
        peer.encode(bad)
    with pytest.raises(etf.EncodeError):
        peer.exit_signal(me, THEIRS, bad)
    with pytest.raises(etf.EncodeError):
        peer.spawn((29, ref, me, me, (BOB, BOB, 1), []), [bad], None)  # type: ignore[arg-type]
    with pytest.raises(ValueError):  # noqa: PT011
        peer.monitor(me, "x" * 256, ref, None)  # type: ignore[arg-type]
    if up:
        with pytest.raises(etf.EncodeError):
            peer.call(me, THEIRS, ref, bad, None)  # type: ignore[arg-type]
    assert down.sent() == []
    assert down.dialler.dialled == 0
    down.assert_nothing_is_kept()


async def test_messages_that_wait_are_bounded_by_bytes_and_signals_are_not(
    down: FakePeer, runtime: Runtime
) -> None:
    peer, root = down.peer, runtime.root
    bob = sleeper(runtime)
    assert peer.has_room(runtime.root.pid)
    assert not peer.is_ready(runtime.root.pid)
    root.send_nowait(THEIRS, bytes(10_000))
    assert not peer.has_room(runtime.root.pid)
    with pytest.raises(trio.WouldBlock):
        root.send_nowait(THEIRS, HI)
    ref = root.monitor_nowait(THEIRS)
    root.demonitor(ref)
    bob.link_nowait(THEIRS)
    bob.unlink(THEIRS)
    down.connect()
    assert peer.has_room(runtime.root.pid)
    assert [operation[0] for operation in down.sent()] == [22, 19, 20, 1, 35]


async def test_the_end_of_a_process_reaches_what_it_linked_to_while_dialling(
    down: FakePeer, runtime: Runtime
) -> None:
    bob = sleeper(runtime)
    earlier = Pid(PEER, 60, 0, 99)
    bob.link_nowait(THEIRS)
    bob.link_nowait(earlier)
    ref = bob.monitor_nowait(OTHERS)
    bob.end(HI)
    await settle()
    down.connect()
    assert down.sent() == [
        (1, bob.pid, THEIRS),
        (19, bob.pid, OTHERS, ref),
        (24, bob.pid, THEIRS, HI),
        (20, bob.pid, OTHERS, ref),
    ]
    down.assert_nothing_is_kept()


async def test_a_reason_that_cannot_be_sent_is_told_as_text(
    fake: FakePeer, runtime: Runtime
) -> None:
    class Nameless:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    bob = sleeper(runtime)
    bob.link_nowait(THEIRS)
    fake.peer.down(BOB, THEIRS, their_ref(1), object())
    fake.peer.exit_link(bob.pid, THEIRS, Nameless())
    _, down, exit_ = fake.sent()
    assert down[-1][0] == exit_[-1][0] == Atom("python")
    assert b"object object" in down[-1][1]
    assert b"no text" in exit_[-1][1]


async def test_ready_waits_for_the_connection_and_for_room(down: FakePeer) -> None:
    results: list[bool] = []

    async def wait() -> None:
        results.append(await down.peer.ready(down.peer.runtime.root.pid))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await settle()
        assert results == []
        wire = down.connect()
        wire.queued = 100
        down.dialler.ended.set()
        for _ in range(10):
            await trio.lowlevel.checkpoint()
        assert results == []
        wire.queued = 99
    assert results == [True]


async def test_ready_is_false_when_dialling_fails(down: FakePeer) -> None:
    down.dialler.ended.set()
    assert not await down.peer.ready(down.peer.runtime.root.pid)
    assert down.dialler.dialled == 1


class Told:
    """Notes what it is told, in the order of the telling."""

    def __init__(self, log: list[Any], name: Any) -> None:
        self.log = log
        self.name = name

    def fire(self, reason: Any) -> None:
        self.log.append((self.name, reason))

    def spawned(self, flags: int, result: Any) -> None:
        self.log.append((self.name, flags, result))


class TellsOf:
    """Notes what is in a mailbox when it is told."""

    def __init__(self, process: Process, log: list[Any]) -> None:
        self.process = process
        self.log = log

    def fire(self, reason: Any) -> None:
        self.log.append(("monitor", reason, mail(self.process)))


@pytest.mark.parametrize("up", [True, False])
async def test_the_loss_is_told_once_to_each_in_the_order_of_a_beam(
    down: FakePeer, runtime: Runtime, up: bool
) -> None:
    log: list[Any] = []
    peer, me = down.peer, runtime.root.pid
    if up:
        down.connect()
    runtime.node_watchers.append(lambda name, is_up: log.append(("node", is_up)))
    bob = sleeper(runtime, trap=True)
    ref, request = runtime.new_reference(), runtime.new_reference()
    peer.spawn((29, request, me, me, (BOB, BOB, 0), []), [], Told(log, "spawn"))
    peer.monitor(me, THEIRS, ref, TellsOf(bob, log))
    bob.link_nowait(THEIRS)
    bob.link_nowait(OTHERS)
    peer.lost()
    peer.lost()
    exits = [(Atom("EXIT"), pid, NOCONNECTION) for pid in (THEIRS, OTHERS)]
    assert log == [
        ("monitor", NOCONNECTION, exits),
        ("spawn", 0, NOCONNECTION),
        *([("node", False)] if up else []),
    ]
    assert mail(bob) == exits
    assert not bob.links
    down.assert_nothing_is_kept()


async def test_the_loss_is_nothing_to_those_who_do_not_depend_on_it(
    fake: FakePeer, runtime: Runtime
) -> None:
    bob, local = sleeper(runtime, trap=True), sleeper(runtime, trap=True)
    other = Pid(Atom("other@test"), 50, 0, 3)
    bob.link_nowait(local.pid)
    bob.links[other] = LINKED
    bob.monitor_nowait(local.pid)
    bob.link_nowait(THEIRS)
    bob.unlink(THEIRS)
    alias = bob.alias()
    fake.peer.lost()
    assert mail(bob) == mail(local) == []
    assert bob.links == {local.pid: LINKED, other: LINKED}
    assert len(bob.monitors) == 1
    assert alias.words in runtime.aliases


async def test_monitors_held_over_there_are_forgotten_with_the_connection(
    fake: FakePeer, runtime: Runtime
) -> None:
    from ergopy.node.dispatch import Dispatcher

    bob = sleeper(runtime)
    dispatcher = Dispatcher(fake.peer, runtime, lambda *_: None)
    dispatcher.deliver([((19, THEIRS, bob.pid, their_ref(1)), None)])
    fake.peer.lost()
    assert not bob.watchers
    fake.connect()
    bob.end(HI)
    await settle()
    assert fake.sent() == []
    assert fake.dialler.dialled == 0


async def test_one_who_cannot_be_told_keeps_the_others_from_nothing(
    fake: FakePeer, runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def fire(self, reason: Any) -> None:
            raise LookupError("a bug")

    def fail(name: str, up: bool) -> None:
        raise LookupError("another bug")

    log: list[Any] = []
    me = runtime.root.pid
    runtime.node_watchers.append(fail)
    runtime.node_watchers.append(lambda name, up: log.append("node"))
    for record in (Broken(), Told(log, "monitor")):
        fake.peer.monitor(me, THEIRS, runtime.new_reference(), record)
    fake.peer.lost()
    assert log == [("monitor", NOCONNECTION), "node"]
    assert "a bug" in caplog.text
    assert "another bug" in caplog.text


async def test_what_the_loss_makes_begin_belongs_to_the_next_connection(
    fake: FakePeer, runtime: Runtime
) -> None:
    log: list[Any] = []
    me = runtime.root.pid
    ref = runtime.new_reference()

    def begin(name: str, up: bool) -> None:
        request = (29, ref, me, me, (BOB, BOB, 0), [])
        fake.peer.spawn(request, [], Told(log, "spawn"))
        fake.peer.send(me, THEIRS, HI)

    runtime.node_watchers.append(begin)
    fake.peer.lost()
    assert log == []
    fake.connect()
    assert [operation[0] for operation in fake.sent()] == [29, 22]
