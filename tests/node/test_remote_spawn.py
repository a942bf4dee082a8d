"""Processes that we start on another node, or on this one as if it were another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import ergopy
from ergopy import Atom, Down, Exit, ExitMessage
from ergopy.dist.flags import OFFERED_VISIBLE, Flag
from ergopy.errors import NodeDown, StartError
from ergopy.node.exports import Exports
from ergopy.node.patience import Patience
from ergopy.node.remote_spawn import (
    Asked,
    Wanted,
    abandon,
    remote_spawn,
    send_request,
    spawn_here,
)
from ergopy.process.links import LINKED
from tests.node.fakes import PEER, THEIRS, FakePeer
from tests.runtimes import inside, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime
    from tests.nodes import MakeNode

M, F = Atom("worker"), Atom("start")
LINK, MONITOR = Atom("link"), Atom("monitor")
OOPS, KILL = Atom("oops"), Atom("kill")
TAG = Atom("spawn_reply")


def wanted(flags: int = 0) -> Wanted:
    options = [MONITOR] * bool(flags & 2) + [LINK] * (flags & 1)
    return Wanted(M, F, [1], options)


class Asking:
    """A process of ours that starts one over there, and waits."""

    def __init__(self, fake: FakePeer, runtime: Runtime) -> None:
        self.fake = fake
        self.runtime = runtime
        self.caller: Process | None = None

    async def start(self, flags: int = 0, timeout: float | None = 5.0) -> Any:
        """Return pid, reference, links and monitors, once there is an answer."""

        async def body(process: Process) -> Any:
            self.caller = process
            process.trap_exit = True
            pid, ref = await remote_spawn(
                process, self.fake.peer, wanted(flags), Patience(timeout)
            )
            return pid, ref, dict(process.links), dict(process.monitors)

        return await inside(self.runtime, body)

    async def request(self) -> tuple[Any, ...]:
        await settle()
        (request,) = self.fake.sent()
        assert request[0] == 29
        return request

    async def answer(self, result: Any, flags: int = 0) -> tuple[Any, ...]:
        request = await self.request()
        self.fake.peer.spawns.pop(request[1].words).spawned(flags, result)
        return request


@pytest.fixture
async def asking(fake: FakePeer, runtime: Runtime) -> Asking:
    return Asking(fake, runtime)


@pytest.mark.parametrize("flags", [0, 1, 2, 3])
async def test_a_process_over_there_is_asked_for_with_its_options(
    asking: Asking, flags: int
) -> None:
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def check() -> None:
            await settle()
            (request,) = asking.fake.wire.sent
            caller = asking.caller
            assert caller is not None
            pid, leader, options = caller.pid, caller.group_leader, wanted(flags)[3]
            assert request == (29, request[1], pid, leader, (M, F, 1), options, [1])
            await asking.answer(THEIRS, flags)

        pid, ref, links, monitors = await asking.start(flags)
    assert pid == THEIRS
    assert links == ({THEIRS: LINKED} if flags & 1 else {})
    assert list(monitors) == ([ref] if flags & 2 else [])


@pytest.mark.parametrize("reason", ["badopt", "system_limit", "notsup"])
async def test_a_refusal_is_an_error_with_its_reason(
    asking: Asking, reason: str
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(asking.answer, Atom(reason))
        with pytest.raises(StartError) as caught:
            await asking.start()
    assert caught.value.reason == reason
    assert "worker:start/1 on peer@test" in str(caught.value)


async def test_the_loss_of_the_node_is_an_error(asking: Asking) -> None:
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def cut() -> None:
            await settle()
            asking.fake.peer.lost()

        with pytest.raises(NodeDown):
            await asking.start(3)
    asking.fake.assert_nothing_is_kept()


async def test_a_node_that_cannot_spawn_says_notsup(asking: Asking) -> None:
    asking.fake.connect(OFFERED_VISIBLE & ~Flag.SPAWN)
    with pytest.raises(StartError) as caught:
        await asking.start()
    assert caught.value.reason == Atom("notsup")
    assert asking.fake.sent() == []


async def test_one_timeout_covers_the_connection_and_the_answer(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    asking = Asking(FakePeer(runtime), runtime)
    began = trio.current_time()
    for _ in range(2):
        with pytest.raises(StartError) as caught:
            await asking.start(timeout=3.0)
        assert caught.value.reason == Atom("timeout")
        asking.fake.connect()
    assert trio.current_time() - began == pytest.approx(6.0)


ABANDONED = Atom("abandoned")


@pytest.mark.parametrize("flags", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("end", "reason"),
    [("timeout", ABANDONED), ("cancel", ABANDONED), ("exit", OOPS), ("kill", "killed")],
)
async def test_a_late_answer_takes_back_what_was_set_up(
    asking: Asking,
    autojump_clock: trio.testing.MockClock,
    flags: int,
    end: str,
    reason: Atom,
) -> None:
    scope = trio.CancelScope()

    async def body(process: Process) -> None:
        with scope:
            try:
                way = asking.fake.peer
                await remote_spawn(process, way, wanted(flags), Patience(1.0))
            except StartError:
                assert end == "timeout"
        await trio.sleep_forever()

    caller = asking.runtime.spawn(body, ())
    await settle()
    if end == "timeout":
        await trio.sleep(2.0)
    elif end == "cancel":
        scope.cancel()
    else:
        caller.exit_from(THEIRS, KILL if end == "kill" else OOPS, link=False)
    await settle()
    request = await asking.answer(THEIRS, flags)
    expected: list[Any] = []
    if flags & 2:
        expected.append((20, caller.pid, THEIRS, request[1]))
    if flags & 1:
        expected.append((24, caller.pid, THEIRS, reason))
    assert asking.fake.sent() == expected
    asking.fake.assert_nothing_is_kept()
    assert not mail(caller)


class Requester:
    """A process that asks and does not wait."""

    def __init__(self, fake: FakePeer, runtime: Runtime) -> None:
        self.fake = fake
        self.caller = sleeper(runtime, trap=True)

    def ask(self, flags: int = 0, reply: str = "yes", tag: Any = TAG) -> Asked:
        record = Asked(self.caller, self.fake.peer, reply, tag)
        send_request(self.caller, self.fake.peer, wanted(flags), record)
        return record

    def answer(self, record: Asked, flags: int, result: Any) -> None:
        self.fake.sent()
        self.fake.peer.spawns.pop(record.ref.words).spawned(flags, result)

    def abandon(self, record: Asked, caller: Process | None = None) -> bool:
        return abandon(caller or self.caller, [self.fake.peer], record.ref)


@pytest.fixture
async def requester(fake: FakePeer, runtime: Runtime) -> Requester:
    return Requester(fake, runtime)


async def test_the_answer_of_a_request_is_a_message_ahead_of_all_others(
    requester: Requester,
) -> None:
    record = requester.ask(3)
    ref = record.ref
    requester.answer(record, 3, THEIRS)
    requester.fake.peer.monitors.pop(ref.words).fire(OOPS)
    requester.caller.break_link(THEIRS, OOPS)
    assert mail(requester.caller) == [
        (TAG, ref, "ok", THEIRS),
        Down(ref, THEIRS, OOPS),
        ExitMessage(THEIRS, OOPS),
    ]


@pytest.mark.parametrize("reason", ["notsup", "badopt", "noconnection"])
async def test_a_refused_request_sets_nothing_up(
    requester: Requester, reason: str
) -> None:
    record = requester.ask(3)
    requester.answer(record, 0, Atom(reason))
    assert mail(requester.caller) == [(TAG, record.ref, "error", reason)]
    requester.fake.assert_nothing_is_kept()


@pytest.mark.parametrize(
    ("reply", "answers"),
    [
        ("yes", ["ok", "error"]),
        ("no", []),
        ("success_only", ["ok"]),
        ("error_only", ["error"]),
    ],
)
async def test_only_the_answers_that_are_wanted_come(
    requester: Requester, reply: str, answers: list[str]
) -> None:
    tag = (Atom("my"), 1)
    requester.answer(requester.ask(0, reply, tag), 0, THEIRS)
    requester.answer(requester.ask(0, reply, tag), 0, Atom("badopt"))
    got = mail(requester.caller)
    assert [message[2] for message in got] == answers
    assert all(message[0] == tag for message in got)


async def test_the_loss_of_the_node_answers_each_request_once(
    requester: Requester,
) -> None:
    records = [requester.ask(flags) for flags in range(4)]
    requester.fake.peer.lost()
    requester.fake.peer.lost()
    assert mail(requester.caller) == [
        (TAG, record.ref, "error", "noconnection") for record in records
    ]
    requester.fake.assert_nothing_is_kept()


@pytest.mark.parametrize("flags", [0, 1, 2, 3])
async def test_an_abandoned_request_is_heard_of_no_more(
    requester: Requester, flags: int
) -> None:
    record = requester.ask(flags)
    assert requester.abandon(record)
    assert not requester.abandon(record)
    requester.answer(record, flags, THEIRS)
    me = requester.caller.pid
    expected: list[Any] = [(20, me, THEIRS, record.ref)] if flags & 2 else []
    expected += [(24, me, THEIRS, ABANDONED)] if flags & 1 else []
    assert requester.fake.sent() == expected
    assert not mail(requester.caller)
    requester.fake.assert_nothing_is_kept()
    assert not requester.abandon(record)


async def test_a_request_that_is_answered_cannot_be_abandoned(
    requester: Requester, runtime: Runtime
) -> None:
    record = requester.ask()
    assert not requester.abandon(record, caller=sleeper(runtime))
    requester.answer(record, 0, THEIRS)
    assert not requester.abandon(record)
    assert len(mail(requester.caller)) == 1


@pytest.mark.parametrize("flags", [0, 1, 2, 3])
async def test_the_end_of_the_asking_process_ends_what_was_to_be_linked(
    requester: Requester, flags: int
) -> None:
    record = requester.ask(flags)
    caller = requester.caller
    caller.kill()
    await settle()
    requester.answer(record, flags, THEIRS)
    expected: list[Any] = [(20, caller.pid, THEIRS, record.ref)] if flags & 2 else []
    expected += [(24, caller.pid, THEIRS, "killed")] if flags & 1 else []
    assert requester.fake.sent() == expected
    requester.fake.assert_nothing_is_kept()


async def test_a_request_waits_for_the_connection_and_is_refused_by_an_old_node(
    runtime: Runtime,
) -> None:
    requester = Requester(FakePeer(runtime), runtime)
    record = requester.ask(3)
    assert not mail(requester.caller)
    requester.fake.connect(OFFERED_VISIBLE & ~Flag.SPAWN)
    assert mail(requester.caller) == [(TAG, record.ref, "error", "notsup")]
    again = requester.ask()
    assert mail(requester.caller)[1:] == [(TAG, again.ref, "error", "notsup")]
    assert requester.fake.sent() == []
    requester.fake.assert_nothing_is_kept()


async def test_a_node_starts_its_own_programs_without_a_connection(
    runtime: Runtime,
) -> None:
    exports = Exports()

    async def program(process: Process, value: Any) -> None:
        raise Exit(value)

    exports.provide("worker", program, "start")

    async def body(process: Process) -> None:
        process.trap_exit = True
        over = Wanted(M, F, [Atom("over")], [MONITOR, LINK])
        pid, ref = spawn_here(process, exports, over)
        assert ref is not None
        other, none = spawn_here(process, exports, Wanted(M, Atom("x"), [], [LINK]))
        assert none is None
        got = [await process.receive() for _ in range(3)]
        assert ExitMessage(pid, Atom("over")) in got
        assert Down(ref, pid, Atom("over")) in got
        assert ExitMessage(other, (Atom("undef"), [(M, "x", [], [])])) in got
        assert not mail(process)

    await inside(runtime, body)
    assert PEER not in runtime.names


async def test_a_node_refuses_its_own_programs_as_it_would_a_peer(
    runtime: Runtime,
) -> None:
    with pytest.raises(StartError) as caught:
        spawn_here(runtime.root, Exports(), Wanted(M, F, [], [Atom("x")]))
    assert caught.value.reason == "badopt"


async def test_a_node_that_stops_refuses_its_own_programs(runtime: Runtime) -> None:
    runtime.closing = True
    with pytest.raises(NodeDown):
        spawn_here(runtime.root, Exports(), Wanted(M, F, [], []))


Pair = tuple[ergopy.Node, ergopy.Node]


async def idle(process: Process) -> None:
    await trio.sleep_forever()


@pytest.mark.parametrize("where", ["there", "here"])
async def test_a_name_is_held_before_the_function_begins(
    pair: Pair, where: str
) -> None:
    here, there = pair
    node = there if where == "there" else here
    names: list[Any] = []

    async def program(process: Process) -> None:
        names.append(list(process.names))
        await trio.sleep_forever()

    node.provide_spawn("worker", program)
    pid = await here.remote_spawn(node.name, "worker", "start", name="w")
    await settle()
    assert names == [["w"]]
    assert node.whereis("w") == pid
    with pytest.raises(ergopy.NameTaken) as caught:
        await here.remote_spawn(node.name, "worker", "start", name="w")
    assert caught.value.name == "w"
    assert len(names) == 1
    other, ref = await here.remote_spawn(
        node.name, "worker", "start", options=["monitor"]
    )
    assert (other.node, ref.node) == (node.name, here.name)
    with pytest.raises(StartError) as refused:
        await here.remote_spawn(
            node.name, "worker", "start", name="x", options=["nonsense"]
        )
    assert refused.value.reason == "badopt"


@pytest.mark.parametrize("where", ["there", "here"])
async def test_a_request_is_answered_by_a_node_of_this_kind(
    pair: Pair, where: str
) -> None:
    here, there = pair
    node = there if where == "there" else here
    node.provide_spawn("worker", idle)

    async def body(proc: Process) -> None:
        proc.trap_exit = True
        ref = await proc.spawn_request(
            node.name, "worker", "start", link=True, monitor=True
        )
        tag, request, kind, pid = await proc.receive()
        assert (tag, request, kind) == ("spawn_reply", ref, "ok")
        assert not proc.spawn_request_abandon(ref)
        assert pid in proc.links
        await proc.exit(pid, OOPS)
        got = [await proc.receive() for _ in range(2)]
        assert Down(ref, pid, OOPS) in got
        assert ExitMessage(pid, OOPS) in got
        ref = await proc.spawn_request(
            node.name, "worker", "start", options=["x"], reply_tag="no"
        )
        assert await proc.receive() == ("no", ref, "error", "badopt")
        await proc.spawn_request(node.name, "worker", "start", reply="no", link=True)

    await inside(here.runtime, body)


async def test_a_request_to_a_node_that_is_not_there_is_answered(
    make_node: MakeNode,
) -> None:
    node = await make_node()

    async def body(proc: Process) -> Any:
        ref = await proc.spawn_request("nobody@127.0.0.1", "worker", "start")
        return await proc.receive() == ("spawn_reply", ref, "error", "noconnection")

    assert await inside(node.runtime, body)


async def test_an_abandoned_start_ends_over_there(pair: Pair) -> None:
    here, there = pair
    ended: list[Any] = []
    there.provide_spawn("worker", idle)
    await here.connect(there.name)

    async def body(proc: Process) -> None:
        ref = await proc.spawn_request(there.name, "worker", "start", link=True)
        assert proc.spawn_request_abandon(ref)
        # The answer is behind the request, and the exit signal behind the answer.
        while there.runtime.spawned == before:
            await trio.lowlevel.checkpoint()
        process = max(there.runtime.processes.values(), key=lambda p: p.pid.id)
        process.watchers[body] = Watcher(ended)
        while not ended:
            await trio.lowlevel.checkpoint()
        assert not mail(proc)

    before = there.runtime.spawned
    await inside(here.runtime, body)
    assert ended == ["abandoned"]


class Watcher:
    def __init__(self, reasons: list[Any]) -> None:
        self.fire = reasons.append


@pytest.mark.parametrize(
    "wrong",
    [{"reply": "maybe"}, {"options": [("link", [])]}, {"options": [("name", "x")]}],
)
async def test_a_wrong_argument_is_refused_before_anything_is_sent(
    pair: Pair, wrong: dict[str, Any]
) -> None:
    here, there = pair

    async def body(proc: Process) -> None:
        with pytest.raises(ValueError, match=r"reply=|argument"):
            await proc.spawn_request(there.name, "m", "f", **wrong)

    await inside(here.runtime, body)
    assert here.nodes() == []


async def test_an_argument_that_is_no_term_is_refused_and_leaves_nothing(
    pair: Pair,
) -> None:
    here, there = pair
    await here.connect(there.name)

    async def body(proc: Process) -> None:
        with pytest.raises(ValueError, match="object"):
            await proc.spawn_request(there.name, "m", "f", [object()])
        with pytest.raises(ValueError, match="object"):
            await proc.remote_spawn(there.name, "m", "f", [object()])

    await inside(here.runtime, body)
    assert not here.connections.peer(there.name).spawns
