"""Processes that another node starts here, and processes that we start there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy.dist.flags import OFFERED_VISIBLE, Flag
from ergopy.errors import Exit, NodeDown, RemoteProtocolError, StartError
from ergopy.node import spawn as module
from ergopy.node.exports import Exports
from ergopy.node.remote_spawn import remote_spawn, spawn_here
from ergopy.node.spawn import SpawnServer
from ergopy.process.signals import LINKED
from etf import Atom, ImproperList, Pid
from tests.node.fakes import OTHERS, PEER, THEIRS, THIRD, FakePeer, their_ref
from tests.runtimes import find, inside, mail, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime

M, F = Atom("worker"), Atom("start")
LINK, MONITOR = Atom("link"), Atom("monitor")
UNDEF = Atom("undef")
NORMAL = Atom("normal")
REF = their_ref(1)


class Served:
    """A spawn server with one program, and the peer that asks it."""

    def __init__(self, fake: FakePeer, runtime: Runtime) -> None:
        self.fake = fake
        self.runtime = runtime
        self.exports = Exports()
        self.exports.programs["worker", "start"] = self.program
        self.server = SpawnServer(runtime, self.exports)
        self.ran: list[Any] = []
        self.go_on = trio.Event()

    async def program(self, process: Process, *args: Any) -> None:
        self.ran.append(args)
        await self.go_on.wait()

    def ask(
        self,
        args: Any = (),
        options: Any = (),
        *,
        mfa: Any = None,
        request: Any = REF,
        sender: Any = THEIRS,
        leader: Any = OTHERS,
    ) -> None:
        args = list(args) if isinstance(args, tuple) else args
        options = list(options) if isinstance(options, tuple) else options
        if mfa is None:
            mfa = (M, F, len(args) if isinstance(args, list) else 1)
        self.server.serve(
            self.fake.peer, (29, request, sender, leader, mfa, options), args
        )

    def started(self) -> Pid:
        """Return the pid of the one reply that was sent."""
        (reply,) = self.fake.sent()
        assert reply[:3] == (31, REF, THEIRS)
        assert isinstance(reply[4], Pid)
        return reply[4]


@pytest.fixture
async def served(fake: FakePeer, runtime: Runtime) -> Served:
    return Served(fake, runtime)


@pytest.mark.parametrize("args", [(), (1,), (1, b"two", [3])])
async def test_what_is_provided_runs_with_its_arguments(
    served: Served, args: tuple[Any, ...]
) -> None:
    served.ask(args)
    pid = served.started()
    await settle()
    assert served.ran == [args]
    process = find(served.runtime, pid)
    assert process.group_leader == OTHERS
    assert process.parent == THEIRS


@pytest.mark.parametrize(
    ("options", "flags"),
    [((), 0), ((LINK,), 1), ((MONITOR,), 2), ((MONITOR, LINK), 3)],
)
async def test_the_answer_says_what_was_set_up_and_comes_first(
    served: Served, options: Any, flags: int
) -> None:
    served.ask((), options)
    (reply,) = served.fake.sent()
    pid = reply[4]
    assert reply == (31, REF, THEIRS, flags, pid)
    process = find(served.runtime, pid)
    assert process.links == ({THEIRS: LINKED} if flags & 1 else {})
    process.end(Atom("oops"))
    await settle()
    signals = {signal[0]: signal for signal in served.fake.sent()}
    expected = {}
    if flags & 1:
        expected[24] = (24, pid, THEIRS, Atom("oops"))
    if flags & 2:
        expected[28] = (28, pid, THEIRS, REF, Atom("oops"))
    assert signals == expected
    served.fake.assert_nothing_is_kept()


async def test_a_function_name_that_is_not_named_may_be_any(served: Served) -> None:
    served.exports.programs["any", None] = served.program
    served.ask((1,), mfa=(Atom("any"), Atom("whatever"), 1))
    served.started()
    await settle()
    assert served.ran == [(1,)]


@pytest.mark.parametrize("name", [("worker", "stop"), ("os", "cmd"), (None, True)])
async def test_what_is_not_provided_starts_and_ends_with_undef(
    served: Served, name: Any
) -> None:
    m, f = (Atom(x) if isinstance(x, str) else x for x in name)
    served.ask((1,), (MONITOR,), mfa=(m, f, 1))
    pid = served.started()
    await settle()
    reason = (UNDEF, [(m, f, [1], [])])
    assert served.fake.sent() == [(28, pid, THEIRS, REF, reason)]


async def test_arguments_that_are_no_list_start_and_end_with_badarg(
    served: Served,
) -> None:
    served.ask(Atom("x"), (MONITOR,))
    pid = served.started()
    await settle()
    reason = (Atom("badarg"), [(Atom("erlang"), Atom("apply"), [M, F, Atom("x")], [])])
    assert served.fake.sent() == [(28, pid, THEIRS, REF, reason)]
    assert served.ran == []


async def test_the_arity_of_the_request_is_not_looked_at(served: Served) -> None:
    served.ask((1, 2), mfa=(M, F, 7))
    served.started()
    await settle()
    assert served.ran == [(1, 2)]


@pytest.mark.parametrize(
    "options",
    [
        Atom("x"),
        [1],
        [Atom("nonsense")],
        [(Atom("nonsense"), 1)],
        [([1], 1)],
        [(MONITOR, 1, 2)],
        ImproperList([MONITOR], Atom("x")),
        b"monitor",
    ],
)
async def test_an_unknown_option_is_refused(served: Served, options: Any) -> None:
    served.ask((), options)
    assert served.fake.sent() == [(31, REF, THEIRS, 0, Atom("badopt"))]
    await settle()
    assert served.ran == []


async def test_options_of_a_beam_s_memory_are_taken_and_ignored(
    served: Served,
) -> None:
    served.ask((), ((Atom("priority"), Atom("high")), (Atom("min_heap_size"), 10)))
    served.started()


async def test_too_many_processes_are_refused(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PROCESSES", 2)
    served.ask()
    served.started()
    served.ask()
    refusal = (31, REF, THEIRS, 0, Atom("system_limit"))
    assert served.fake.sent() == [refusal]
    served.runtime.closing = True
    monkeypatch.setattr(module, "MAX_PROCESSES", 100)
    served.ask()
    assert served.fake.sent() == [refusal]


@pytest.mark.parametrize(
    "wrong",
    [
        {"request": 1},
        {"sender": M},
        {"sender": THIRD},
        {"leader": M},
        {"mfa": (1, F, 0)},
        {"mfa": (M, b"f", 0)},
        {"mfa": (M, F, M)},
        {"mfa": (M, F)},
        {"mfa": M},
    ],
)
async def test_an_impossible_request_starts_nothing(
    served: Served, wrong: dict[str, Any]
) -> None:
    with pytest.raises((RemoteProtocolError, ValueError, TypeError)):
        served.ask((), **wrong)
    assert served.fake.sent() == []
    assert len(served.runtime.processes) == 1


async def test_only_what_is_provided_is_worth_a_log_of_its_crash(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash(process: Process) -> None:
        raise LookupError("mine")

    served.ask(mfa=(Atom("not"), Atom("there"), 0))
    await settle()
    assert "crashed" not in caplog.text
    served.exports.programs["worker", "start"] = crash
    served.ask()
    await settle()
    assert "mine" in caplog.text


class Asking:
    """The other direction: a process of ours that starts one over there."""

    def __init__(self, fake: FakePeer, runtime: Runtime) -> None:
        self.fake = fake
        self.runtime = runtime
        self.caller: Process | None = None

    async def start(self, **options: Any) -> Any:
        options = {"link": False, "monitor": False, "timeout": 5.0} | options

        async def body(process: Process) -> Any:
            self.caller = process
            process.trap_exit = True
            result = await remote_spawn(process, self.fake.peer, (M, F, [1]), **options)
            return result, dict(process.links), dict(process.monitors)

        return await inside(self.runtime, body)

    async def answer(self, result: Any, flags: int = 0) -> None:
        await settle()
        (request,) = self.fake.sent()
        assert request[0] == 29
        waiter = self.fake.peer.spawns.pop(request[1].words)
        waiter.spawned(flags, result)


@pytest.fixture
async def asking(fake: FakePeer, runtime: Runtime) -> Asking:
    return Asking(fake, runtime)


async def test_a_process_over_there_is_asked_for_with_its_options(
    asking: Asking,
) -> None:
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def check() -> None:
            await settle()
            (request,) = asking.fake.wire.sent
            caller = asking.caller
            assert caller is not None
            assert request == (
                29,
                request[1],
                caller.pid,
                caller.group_leader,
                (M, F, 1),
                [MONITOR, LINK],
                [1],
            )
            await asking.answer(THEIRS, 3)

        (pid, ref), links, monitors = await asking.start(link=True, monitor=True)
    assert pid == THEIRS
    assert links == {THEIRS: LINKED}
    assert list(monitors) == [ref]


@pytest.mark.parametrize("reason", ["badopt", "system_limit", "notsup"])
async def test_a_refusal_is_an_error_with_its_reason(
    asking: Asking, reason: str
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(asking.answer, Atom(reason))
        with pytest.raises(StartError) as caught:
            await asking.start()
    assert caught.value.reason == reason


async def test_the_loss_of_the_node_is_an_error(asking: Asking) -> None:
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def cut() -> None:
            await settle()
            asking.fake.peer.lost()

        with pytest.raises(NodeDown):
            await asking.start(link=True, monitor=True)
    asking.fake.assert_nothing_is_kept()


async def test_a_node_that_cannot_spawn_says_notsup(asking: Asking) -> None:
    asking.fake.connect(OFFERED_VISIBLE & ~Flag.SPAWN)
    with pytest.raises(StartError) as caught:
        await asking.start()
    assert caught.value.reason == Atom("notsup")


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


async def test_a_late_answer_takes_back_what_was_set_up(
    asking: Asking, autojump_clock: trio.testing.MockClock
) -> None:
    with pytest.raises(StartError):
        await asking.start(timeout=1.0, link=True, monitor=True)
    await asking.answer(THEIRS, 3)
    assert [operation[0] for operation in asking.fake.sent()] == [20, 24]
    asking.fake.assert_nothing_is_kept()


async def test_a_node_starts_its_own_programs_without_a_connection(
    runtime: Runtime,
) -> None:
    exports = Exports()

    async def program(process: Process, value: Any) -> None:
        raise Exit(value)

    exports.programs["worker", "start"] = program

    async def body(process: Process) -> Any:
        process.trap_exit = True
        pid, ref = spawn_here(
            process, exports, (M, F, [Atom("over")]), link=True, monitor=True
        )
        other = spawn_here(
            process, exports, (M, Atom("x"), []), link=True, monitor=False
        )
        got = [await process.receive() for _ in range(3)]
        assert (Atom("EXIT"), pid, Atom("over")) in got
        assert ergopy.Down(ref, pid, Atom("over")) in got
        assert (Atom("EXIT"), other, (UNDEF, [(M, Atom("x"), [], [])])) in got
        assert not mail(process)

    await inside(runtime, body)
    assert PEER not in runtime.names
