"""Calls through a pool: who gets them, who waits, and who is told that it is full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    Atom,
    CallExit,
    CallTimeout,
    ChildSpec,
    GenServer,
    Pool,
    StartError,
    pool,
    supervisor,
)
from tests.gen.pool.pools import Callers, Worker, begin
from tests.runtimes import assert_only_the_root, inside, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


async def test_a_pool_answers_as_one_server(runtime: Runtime) -> None:
    callers = await begin(runtime, size=2)
    for n in range(5):
        assert await callers.call(n) == n
    numbers = await callers.numbers()
    assert (numbers.size, numbers.workers, numbers.served) == (2, 2, 5)
    assert (numbers.busy, numbers.calls, numbers.waiting) == (0, 0, 0)
    await runtime.root.stop(callers.dest)
    await settle()
    assert_only_the_root(runtime)


async def test_a_worker_sees_who_called_the_pool(runtime: Runtime) -> None:
    callers = await begin(runtime)

    async def body(me: Process) -> Any:
        return await me.call(callers.dest, "from") == me.pid

    assert await inside(runtime, body)


async def test_workers_take_turns(runtime: Runtime) -> None:
    callers = await begin(runtime, size=3)
    pids = [await callers.call("who") for _ in range(6)]
    assert pids[:3] == pids[3:]
    assert len(set(pids)) == 3


async def test_the_least_loaded_has_the_fewest_calls(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    callers = await begin(runtime, size=2, capacity=9, dispatch="least_loaded")
    async with trio.open_nursery() as nursery:
        # One worker has the long ones, so all short ones go to the other.
        for n in range(4):
            seconds = 9 if n % 2 == 0 else 1
            nursery.start_soon(callers.note, n, ("later", seconds, n))
            await settle()
        await trio.sleep(2)
        free = {await callers.call("who") for _ in range(3)}
        assert len(free) == 1
    assert sorted(callers.names[:2]) == [1, 3]


async def test_a_call_waits_while_no_worker_has_room(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    callers = await begin(runtime, size=2)
    async with trio.open_nursery() as nursery:
        for n in range(5):
            nursery.start_soon(callers.note, n, ("sleep", 1, n))
            await settle()
        numbers = await callers.numbers()
        assert (numbers.busy, numbers.calls, numbers.waiting) == (2, 2, 3)
    ended = sorted(callers.ended)
    assert ended == [(1, 0, 0), (1, 1, 1), (2, 2, 2), (2, 3, 3), (3, 4, 4)]


async def test_a_worker_may_have_as_many_calls_as_its_capacity(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    callers = await begin(runtime, size=1, capacity=2)
    async with trio.open_nursery() as nursery:
        for n in range(3):
            nursery.start_soon(callers.note, n, ("later", 1, n))
            await settle()
    assert sorted(callers.ended) == [(1, 0, 0), (1, 1, 1), (2, 2, 2)]


async def test_a_call_too_many_is_told_so_at_once(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    callers = await begin(runtime, size=1, max_waiting=1)
    async with trio.open_nursery() as nursery:
        for n in range(4):
            nursery.start_soon(callers.note, n, ("sleep", 1, n))
            await settle()
        assert callers.ended == [(0, 2, "overloaded"), (0, 3, "overloaded")]
    assert callers.ended[2:] == [(1, 0, 0), (2, 1, 1)]
    assert (await callers.numbers()).rejected == 2


async def test_none_has_to_wait(runtime: Runtime) -> None:
    callers = await begin(runtime, size=1, max_waiting=0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(callers.note, 0, ("later", 9, 0))
        await settle()
        with pytest.raises(CallExit, match="overloaded"):
            await callers.call(1)
        nursery.cancel_scope.cancel()


async def test_a_call_whose_caller_gave_up_reaches_no_worker(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    log: list[Any] = []
    callers = await begin(runtime, log, size=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(callers.note, 0, ("sleep", 3, 0))
        await settle()
        with pytest.raises(CallTimeout):
            await callers.call(("sleep", 1, 1), 1)
    assert await callers.call(2) == 2
    assert log == [("sleep", 3, 0), 2]
    assert (await callers.numbers()).abandoned == 1


async def test_those_who_gave_up_take_no_room_in_the_line(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    callers = await begin(runtime, size=1, max_waiting=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(callers.note, 0, ("sleep", 5, 0))
        await settle()
        nursery.start_soon(callers.note, 1, ("sleep", 1, 1), 1)
        await trio.sleep(2)
        nursery.start_soon(callers.note, 2, ("sleep", 1, 2))
    assert callers.ended == [(1, 1, "CallTimeout"), (5, 0, 0), (6, 2, 2)]


async def test_an_overflow_starts_when_no_worker_has_room_and_goes_again(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    callers = await begin(runtime, size=1, max_overflow=2)
    async with trio.open_nursery() as nursery:
        for n in range(4):
            nursery.start_soon(callers.note, n, ("sleep", n + 1, n))
            await settle()
        assert (await callers.numbers()).workers == 3
        await trio.sleep(1.5)
        assert (await callers.numbers()).workers == 3
        await trio.sleep(1)
        await settle()
        assert (await callers.numbers()).workers == 2
    await settle()
    assert (await callers.numbers()).workers == 1
    assert callers.ended == [(1, 0, 0), (2, 1, 1), (3, 2, 2), (5, 3, 3)]
    rows = await supervisor.which_children(callers.dest, caller=runtime.root)
    assert [row.id for row in rows] == [0]


async def test_a_worker_whose_answer_is_no_term_fails_as_without_a_pool(
    runtime: Runtime,
) -> None:
    sent: list[Any] = []

    class Way:
        """A node that takes nothing but terms."""

        def send_alias(self, sender: Any, alias: Any, message: Any) -> None:
            import etf

            sent.append(etf.encode(message))

        def watch_of(self, ref: Any) -> None:
            return None

        def has_room(self, sender: Any) -> bool:
            return True

    import etf
    from ergopy import Pid, Reference

    way: Any = Way()
    runtime._remote_node = lambda _: way
    callers = await begin(runtime)
    caller = Pid(Atom("b@h"), 1, 0, 1)
    ref = Reference(Atom("b@h"), 1, (1, 2, 3))
    tag = etf.ImproperList([Atom("alias")], ref)
    first = await callers.call("who")
    for request in object(), Atom("good"):
        runtime.root.send_one(callers.dest, (Atom("$gen_call"), (caller, tag), request))
        await settle()
    answers = [etf.decode(data) for data in sent]
    # The first ended its worker; who does not watch is told by an answer.
    assert answers[0][1][0] == "error"
    assert answers[1] == (tag, Atom("good"))
    assert await callers.call("who") != first


async def test_a_pool_is_seen_as_a_supervisor(runtime: Runtime) -> None:
    callers = await begin(runtime, size=2)
    root = runtime.root
    rows = await supervisor.which_children(callers.dest, caller=root)
    assert [(row.id, row.type) for row in rows] == [(1, "worker"), (0, "worker")]
    counts = await supervisor.count_children(callers.dest, caller=root)
    assert (counts.specs, counts.active) == (2, 2)
    assert ChildSpec(Pool, Worker).type == "supervisor"


BAD = [
    {"size": 0},
    {"size": True},
    {"capacity": 0},
    {"max_waiting": -1},
    {"max_overflow": -1},
    {"max_casts": 0},
    {"retries": -1},
    {"size": 3, "max_size": 2},
    {"dispatch": "random"},
    {"strategy": "one_for_all"},
]


@pytest.mark.parametrize("options", BAD)
async def test_bad_options_are_refused_before_anything_starts(
    runtime: Runtime, options: Any
) -> None:
    with pytest.raises(ValueError, match=r".+"):
        await runtime.root.start(Pool, Worker, **options)
    with pytest.raises(TypeError, match="colour"):
        await runtime.root.start(Pool, Worker, colour="red")
    assert_only_the_root(runtime)


@pytest.mark.parametrize("args", [(), (ChildSpec(Worker, name="one"),), ("nothing",)])
async def test_bad_workers_are_refused(
    runtime: Runtime, args: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StartError):
        await runtime.root.start(Pool, *args)
    await settle()
    assert_only_the_root(runtime)


async def test_a_worker_that_does_not_come_up_ends_the_start(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    started: list[Any] = []

    class Third(GenServer):
        async def init(self) -> None:
            if len(started) == 2:
                raise LookupError("no third one")
            started.append(self.pid)

    with pytest.raises(StartError) as caught:
        await runtime.root.start(Pool, Third, size=3)
    assert caught.value.reason[:1] == ("shutdown",)
    assert caught.value.reason[1][:2] == ("failed_to_start_child", 2)
    await settle()
    assert_only_the_root(runtime)


async def test_what_is_no_request_for_the_pool_itself_is_refused(
    runtime: Runtime,
) -> None:
    callers = await begin(runtime)
    for what in (), (Atom("resize"), 0), (Atom("what"), 1):
        with pytest.raises(CallExit, match="badarg"):
            await callers.call((Atom("$pool"), *what))
    assert await callers.call(1) == 1


async def test_the_pool_shows_its_numbers(runtime: Runtime) -> None:
    from ergopy import sys

    callers: Callers = await begin(runtime, size=2)
    await callers.call(1)
    state = await sys.get_state(callers.dest, caller=runtime.root)
    assert state["pool"]["served"] == 1


async def test_whoever_waits_behind_those_who_gave_up_is_next(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    callers = await begin(runtime, size=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(callers.note, 0, ("sleep", 3, 0))
        await settle()
        for gone in 1, 2:
            nursery.start_soon(callers.note, gone, gone, 1)
            await settle()
        nursery.start_soon(callers.note, 3, 3)
    assert sorted(callers.ended)[2:] == [(3, 0, 0), (3, 3, 3)]
    assert (await callers.numbers()).abandoned == 2


async def test_a_worker_that_was_to_go_stays_if_it_is_wanted_again(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    callers = await begin(runtime, size=2)
    before = {await callers.call("who") for _ in range(2)}
    async with trio.open_nursery() as nursery:
        for name in range(2):
            nursery.start_soon(callers.note, name, ("sleep", 1, name))
        await settle()
        for size in 1, 2:
            await pool.resize(callers.dest, size, caller=runtime.root)
    await settle()
    assert {await callers.call("who") for _ in range(2)} == before
