from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import ergopy
from ergopy import NOREPLY, Atom, Down, Exit, GenServer, Pid
from etf import ImproperList, Reference
from tests.runtimes import assert_only_the_root, find, inside, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


class Server(GenServer):
    async def init(self) -> None:
        self.waiting: list[Any] = []

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case "wait":
                self.waiting.append(from_)
                return NOREPLY
            case "crash":
                raise ValueError("as you wish")
            case ("exit", reason):
                raise Exit(reason)
            case "release":
                for one in self.waiting:
                    await self.reply(one, "late")
                return len(self.waiting)
        return request

    async def handle_cast(self, request: Any) -> None:
        self.waiting.append(request)


def assert_no_calls(runtime: Runtime, *processes: Process) -> None:
    assert not runtime.aliases
    assert not any(process.watchers for process in processes)


async def test_a_call_by_pid_name_and_pair_is_answered(runtime: Runtime) -> None:
    pid = await runtime.root.start(Server, name="server")
    for dest in (pid, "server", Atom("server"), ("server", runtime.name)):
        assert await runtime.root.call(dest, ("hello", 1)) == ("hello", 1)
    assert_no_calls(runtime, find(runtime, pid))


async def test_a_call_to_an_alias_is_answered(runtime: Runtime) -> None:
    server = find(runtime, await runtime.root.start(Server))
    assert await runtime.root.call(server.alias(), 1) == 1


@pytest.mark.parametrize("dest", ["nobody", ("nobody", "py@test"), "old pid"])
async def test_a_call_to_nobody_fails_at_once(runtime: Runtime, dest: Any) -> None:
    if dest == "old pid":
        dest = Pid(runtime.name, 1234, 0, runtime.creation)
    with pytest.raises(ergopy.NoProcess) as caught:
        await runtime.root.call(dest, 1, timeout=None)
    assert caught.value.dest == dest
    assert_no_calls(runtime)


async def test_a_crash_during_the_call_reaches_the_caller_at_once(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    """triotp leaves the caller hanging, fauxtp lets it run into its timeout."""
    await runtime.root.start(Server, name="server")
    with pytest.raises(ergopy.CallExit) as caught:
        await runtime.root.call("server", Atom("crash"), timeout=None)
    kind, name, text, _ = caught.value.reason
    assert (kind, name, text) == ("python", b"builtins.ValueError", b"as you wish")
    assert trio.current_time() == 0
    assert_only_the_root(runtime)


async def test_the_exit_reason_during_a_call_is_that_of_the_error(
    runtime: Runtime,
) -> None:
    await runtime.root.start(Server, name="server")
    with pytest.raises(ergopy.CallExit) as caught:
        await runtime.root.call("server", ("exit", ("shutdown", 1)))
    assert caught.value.reason == ("shutdown", 1)
    assert_only_the_root(runtime)


async def test_a_late_reply_hurts_neither_side(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    """triotp kills the server whose caller has given up."""
    server = find(runtime, await runtime.root.start(Server))

    async def body(process: Process) -> Any:
        with pytest.raises(ergopy.CallTimeout) as caught:
            await process.call(server.pid, "wait", timeout=2)
        assert caught.value.seconds == 2
        assert trio.current_time() == 2
        assert await process.call(server.pid, "release") == 1
        return mail(process)

    assert await inside(runtime, body) == []
    assert server.alive
    assert_no_calls(runtime, server)


async def test_a_second_reply_is_dropped(runtime: Runtime) -> None:
    server = find(runtime, await runtime.root.start(Server))

    async def body(process: Process) -> Any:
        answers: list[Any] = []

        async def ask() -> None:
            answers.append(await process.call(server.pid, "wait"))

        process.start_soon(ask)
        await settle()
        assert await process.call(server.pid, "release") == 1
        assert await process.call(server.pid, "release") == 1
        await settle()
        return answers, mail(process)

    assert await inside(runtime, body) == (["late"], [])


async def test_any_process_may_answer(runtime: Runtime) -> None:
    class Delegates(GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            async def worker(process: Process) -> None:
                await process.reply(from_, ("from", process.pid))

            self.worker = await self.spawn(worker)
            return NOREPLY

    await runtime.root.start(Delegates, name="d")
    kind, pid = await runtime.root.call("d", 1)
    assert kind == "from"
    assert pid != runtime.whereis("d")


async def test_a_cancelled_call_leaves_nothing(runtime: Runtime) -> None:
    server = find(runtime, await runtime.root.start(Server))

    async def body(process: Process) -> Any:
        with trio.move_on_after(0.01) as scope:
            await process.call(server.pid, "wait", timeout=None)
        assert scope.cancelled_caught
        await process.call(server.pid, "release")
        return mail(process)

    assert await inside(runtime, body) == []
    assert_no_calls(runtime, server)


async def test_a_caller_that_is_killed_leaves_nothing(runtime: Runtime) -> None:
    server = find(runtime, await runtime.root.start(Server))

    async def body(process: Process) -> None:
        await process.call(server.pid, "wait", timeout=None)

    caller = runtime.spawn(body, ())
    await settle()
    assert server.watchers
    await runtime.root.exit(caller.pid, "kill")
    await settle()
    assert_no_calls(runtime, server)


async def test_a_call_by_a_name_that_moves_on_leaves_nothing(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    old = find(runtime, await runtime.root.start(Server, name="server"))

    async def rename() -> None:
        runtime.unregister("server")
        await runtime.root.start(Server, name="server")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(rename)
        with pytest.raises(ergopy.CallTimeout):
            await runtime.root.call("server", "wait", timeout=1)
    assert_no_calls(runtime, old)


async def test_the_timer_of_a_call_is_gone_with_it(runtime: Runtime) -> None:
    await runtime.root.start(Server, name="server")
    for number in range(5000):
        await runtime.root.call("server", number)
    timers = runtime.timers
    assert len(timers._heap) < 3000
    assert all(timer.callback is None for _, _, timer in timers._heap)


async def test_a_call_of_oneself_is_an_error_and_no_deadlock(runtime: Runtime) -> None:
    async def body(process: Process) -> None:
        runtime.register("me", process.pid)
        for dest in (process.pid, "me"):
            with pytest.raises(ergopy.CallExit) as caught:
                await process.call(dest, 1, timeout=None)
            assert caught.value.reason == Atom("calling_self")
        assert mail(process) == []

    await inside(runtime, body)
    assert_only_the_root(runtime)


async def test_a_helper_may_call_its_own_process(runtime: Runtime) -> None:
    class Curious(GenServer):
        async def init(self) -> None:
            self.answer: Any = None
            self.start_soon(self.ask)

        async def ask(self) -> None:
            self.answer = await self.call(self.pid, "question")

        async def handle_call(self, request: Any, from_: Any) -> Any:
            return self.answer if request == "answer" else f"{request}!"

    pid = await runtime.root.start(Curious)
    await settle()
    assert await runtime.root.call(pid, "answer") == "question!"


async def test_the_tasks_of_a_process_may_call_at_once(runtime: Runtime) -> None:
    """Each call has its own alias: none gets the answer of another."""
    waiting: list[tuple[Any, Any]] = []

    class Late(GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            waiting.append((request, from_))
            return NOREPLY

    late = await runtime.root.start(Late)
    answers: dict[int, Any] = {}

    async def ask(process: Process, number: int) -> None:
        answers[number] = await process.call(late, number)

    async def body(process: Process) -> Any:
        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(ask, process, number)
            process.start_soon(ask, process, 50)
            while len(waiting) < 51:
                await trio.lowlevel.checkpoint()
            for request, from_ in reversed(waiting):
                await process.reply(from_, ("for", request))
        await settle()
        return mail(process)

    assert await inside(runtime, body) == []
    assert answers == {number: ("for", number) for number in range(51)}
    assert_no_calls(runtime, find(runtime, late))


@pytest.mark.parametrize("timeout", [-1, math.nan])
async def test_a_timeout_of_a_call_is_a_duration(
    runtime: Runtime, timeout: float
) -> None:
    with pytest.raises(ValueError, match="number of seconds"):
        await runtime.root.call("x", 1, timeout)


REF = Reference(Atom("py@test"), 7, (1, 2, 3))


@pytest.mark.parametrize(
    "tag",
    [
        ImproperList([Atom("alias")], REF),
        [ImproperList([Atom("alias")], REF), Atom("node@host")],
        ImproperList([ImproperList([Atom("alias")], REF)], Atom("node@host")),
    ],
)
async def test_a_reply_goes_to_the_alias_in_the_tag_and_has_the_tag_unchanged(
    runtime: Runtime, tag: Any
) -> None:
    got: list[Any] = []

    class Receiver:
        def deliver(self, message: Any) -> None:
            got.append(message)

    asker = sleeper(runtime)
    runtime.aliases[REF.words] = Receiver()
    await runtime.root.reply((asker.pid, tag), "answer")
    assert got == [(tag, "answer")]
    assert mail(asker) == []


@pytest.mark.parametrize("tag", [REF, (REF, Atom("n@h")), Atom("tag"), [], [1]])
async def test_a_reply_with_another_tag_goes_to_the_caller(
    runtime: Runtime, tag: Any
) -> None:
    asker = sleeper(runtime)
    await runtime.root.reply((asker.pid, tag), "answer")
    assert mail(asker) == [(tag, "answer")]


@pytest.mark.parametrize("from_", [None, (), (1, 2), ("name", REF), (1, 2, 3), "ab", 1])
async def test_a_malformed_caller_gets_no_reply_and_harms_nobody(
    runtime: Runtime, from_: Any
) -> None:
    server = find(runtime, await runtime.root.start(Server))
    await runtime.root.send(server.pid, (Atom("$gen_call"), from_, 1))
    assert await runtime.root.call(server.pid, 2) == 2


async def test_stop_waits_for_the_end_and_wants_that_reason(runtime: Runtime) -> None:
    for reason in ("normal", "shutdown", ("shutdown", 1), None):
        await runtime.root.start(Server, name="server")
        await runtime.root.stop("server", reason)
        assert runtime.whereis("server") is None
    assert_only_the_root(runtime)


async def test_a_stop_that_ends_otherwise_is_an_error(runtime: Runtime) -> None:
    class Fails(Server):
        async def terminate(self, reason: Any) -> None:
            raise Exit("oops")

    await runtime.root.start(Fails, name="server")
    with pytest.raises(ergopy.CallExit) as caught:
        await runtime.root.stop("server")
    assert caught.value.reason == "oops"
    with pytest.raises(ergopy.NoProcess):
        await runtime.root.stop("server")
    assert_only_the_root(runtime)


async def test_a_stop_that_takes_too_long_is_a_timeout_and_leaves_nothing(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    class Slow(Server):
        async def terminate(self, reason: Any) -> None:
            await trio.sleep(3)

    server = find(runtime, await runtime.root.start(Slow))
    with pytest.raises(ergopy.CallTimeout):
        await runtime.root.stop(server.pid, timeout=1)
    assert_no_calls(runtime, server)
    await trio.sleep(5)
    assert_only_the_root(runtime)


async def test_a_call_puts_nothing_into_the_mailbox_of_the_caller(
    runtime: Runtime,
) -> None:
    """The end of the callee is an exception, and no Down on top of it."""
    server = await runtime.root.start(Server)

    async def body(process: Process) -> Any:
        with pytest.raises(ergopy.CallExit):
            await process.call(server, Atom("crash"))
        return [m for m in mail(process) if isinstance(m, Down)]

    assert await inside(runtime, body) == []
