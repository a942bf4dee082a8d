"""Processes that another node starts here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy.errors import Exit, RemoteProtocolError
from ergopy.node.exports import Exports
from ergopy.node.spawn import SpawnServer
from ergopy.process.links import LINKED
from etf import Atom, ImproperList, Pid
from tests.node.fakes import OTHERS, THEIRS, THIRD, FakePeer, their_ref
from tests.runtimes import find, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime

M, F = Atom("worker"), Atom("start")
LINK, MONITOR, NAME = Atom("link"), Atom("monitor"), Atom("name")
UNDEF = Atom("undef")
NORMAL = Atom("normal")
REF = their_ref(1)


class Served:
    """A spawn server with one program, and the peer that asks it."""

    def __init__(self, fake: FakePeer, runtime: Runtime) -> None:
        self.fake = fake
        self.runtime = runtime
        self.exports = Exports()
        self.exports.provide("worker", self.program, "start")
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
    served.exports.provide("any", served.program)
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
        [(Atom("nonsense"), 1)],
        ImproperList([MONITOR], Atom("x")),
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
    served: Served,
) -> None:
    served.runtime.max_processes = 2
    served.ask()
    served.started()
    served.ask()
    refusal = (31, REF, THEIRS, 0, Atom("system_limit"))
    assert served.fake.sent() == [refusal]


async def test_a_node_that_stops_lets_the_loss_of_the_connection_answer(
    served: Served,
) -> None:
    served.runtime.closing = True
    before = set(served.runtime.processes)
    served.ask()
    served.ask(options=[Atom("x")])
    assert served.fake.sent() == []
    assert set(served.runtime.processes) == before


async def test_a_node_that_stops_runs_no_erpc_and_says_so(served: Served) -> None:
    served.runtime.closing = True
    served.ask(mfa=(Atom("erpc"), Atom("execute_call"), 4))
    assert served.fake.sent() == [(31, REF, THEIRS, 0, Atom("noconnection"))]


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


async def test_a_crash_of_what_is_provided_is_logged(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash(process: Process) -> None:
        raise LookupError("mine")

    served.ask(mfa=(Atom("not"), Atom("there"), 0))
    await settle()
    assert "crashed" not in caplog.text
    served.exports.provide("worker", crash, "start")
    served.ask()
    await settle()
    assert "mine" in caplog.text


async def test_a_crash_on_the_first_step_is_one_exit_and_one_down(
    served: Served,
) -> None:
    async def crash(process: Process) -> None:
        raise Exit(Atom("early"))

    served.exports.provide("worker", crash, "start")
    served.ask((), (LINK, MONITOR))
    await settle()
    reply, *signals = served.fake.sent()
    pid = reply[4]
    assert reply == (31, REF, THEIRS, 3, pid)
    assert sorted(signals) == [
        (24, pid, THEIRS, Atom("early")),
        (28, pid, THEIRS, REF, Atom("early")),
    ]
    served.fake.assert_nothing_is_kept()


async def test_an_option_of_our_own_kind_gives_a_name(served: Served) -> None:
    name = Atom("printer")
    served.ask((), ((NAME, name),))
    pid = served.started()
    assert served.runtime.whereis("printer") == pid
    served.ask((), ((NAME, name), LINK))
    assert served.fake.sent() == [(31, REF, THEIRS, 0, Atom("already_started"))]
    find(served.runtime, pid).end(Atom("oops"))
    await settle()
    served.ask((), ((NAME, name),))
    served.started()


async def test_the_loss_of_the_peer_before_the_first_step_ends_what_is_linked(
    served: Served,
) -> None:
    served.ask((), (LINK, MONITOR))
    pid = served.started()
    served.fake.peer.lost()
    await settle()
    assert served.runtime.find(pid) is None
    assert served.ran == []
    served.fake.assert_nothing_is_kept()


async def test_a_request_with_the_reference_of_another_is_served_as_well(
    served: Served,
) -> None:
    served.ask((), (MONITOR,))
    first = served.started()
    served.ask((), (MONITOR,))
    second = served.started()
    assert first != second
    find(served.runtime, second).end(Atom("two"))
    find(served.runtime, first).end(Atom("one"))
    await settle()
    assert served.fake.sent() == [(28, first, THEIRS, REF, Atom("one"))]
    served.fake.assert_nothing_is_kept()
