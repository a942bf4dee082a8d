"""Scopes: what ends with a block, with its owner, and with whom it needs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import (
    AlreadyStarted,
    Atom,
    ChildSpec,
    Down,
    ErgopyError,
    Exit,
    ExitMessage,
    GenServer,
    Ignored,
    NeededChildExited,
    Scope,
    StartError,
)
from ergopy.gen.scope import HOSTED
from tests.runtimes import (
    Ends,
    assert_only_the_root,
    find,
    idle,
    inside,
    settle,
    sleeper,
)

if TYPE_CHECKING:
    from ergopy import Pid, Process
    from ergopy.process.runtime import Runtime


class Worker(GenServer):
    """Says in a list how it ended, after as many seconds as it was told."""

    async def init(self, log: list[Any], name: str, seconds: float = 0) -> None:
        self.process.trap_exit = True
        self.log, self.name, self.seconds = log, name, seconds

    async def terminate(self, reason: Any) -> None:
        await trio.sleep(self.seconds)
        self.log.append((self.name, reason))


async def end(runtime: Runtime, pid: Pid, reason: Any = "gone") -> None:
    await runtime.root.exit(pid, reason)
    await settle()


async def test_children_end_with_the_block_the_youngest_first(runtime: Runtime) -> None:
    log: list[Any] = []

    async def body(process: Process) -> Any:
        async with Scope(process) as scope:
            first = await scope.start(Worker, log, "first")
            second = await scope.start(Worker, log, "second")
            assert scope.children == [first, second]
        assert scope.children == []
        return process.messages(), dict(process.links)

    assert await inside(runtime, body) == ([], {})
    assert log == [("second", "shutdown"), ("first", "shutdown")]
    assert_only_the_root(runtime)


async def test_a_scope_without_children_has_no_process(runtime: Runtime) -> None:
    async def body(process: Process) -> int:
        async with Scope(process):
            return len(runtime.processes)

    assert await inside(runtime, body) == 2


async def test_each_child_is_stopped_in_its_own_way(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    log: list[Any] = []

    async def body(process: Process) -> float:
        async with Scope(process) as scope:
            await scope.start(Worker, log, "patient", 20, shutdown="infinity")
            await scope.start(Worker, log, "too slow", 9, shutdown=2)
            await scope.start(Worker, log, "killed", shutdown="brutal_kill")
            started = trio.current_time()
        return trio.current_time() - started

    assert await inside(runtime, body) == 22
    assert log == [("patient", "shutdown")]


async def test_a_function_is_a_child_as_well_as_a_behaviour(runtime: Runtime) -> None:
    seen: list[Any] = []

    async def child(process: Process, word: str) -> None:
        seen.append((word, process.names))
        await trio.sleep_forever()

    async def body(process: Process) -> None:
        async with Scope(process) as scope:
            pid = await scope.start(child, "hello", name="child")
            await settle()
            assert process.whereis("child") == pid

    await inside(runtime, body)
    assert seen == [("hello", ("child",))]


async def test_the_end_of_a_hosted_child_is_told_and_no_more(runtime: Runtime) -> None:
    async def body(process: Process) -> Any:
        async with Scope(process) as scope:
            pid = await scope.start(idle)
            other = await scope.start(idle)
            await end(runtime, pid, "why not")
            down = await process.receive(scope.ref, timeout=1)
            assert isinstance(down, Down)
            assert (down.tag, down.pid, down.reason) == (HOSTED, pid, "why not")
            assert scope.children == [other]
        return process.messages()

    assert await inside(runtime, body) == []


async def test_a_normal_end_of_a_hosted_child_is_told_too(runtime: Runtime) -> None:
    async def child(process: Process) -> None:
        pass

    async def body(process: Process) -> Any:
        async with Scope(process) as scope:
            await scope.start(child)
            return (await process.receive(scope.ref, timeout=1)).reason

    assert await inside(runtime, body) == "normal"


async def test_news_that_nobody_read_go_with_the_scope(runtime: Runtime) -> None:
    async def body(process: Process) -> Any:
        async with Scope(process) as scope:
            for _ in range(3):
                await end(runtime, await scope.start(idle))
            await process.send(process.pid, "mine")
        return process.messages()

    assert await inside(runtime, body) == ["mine"]


@pytest.mark.parametrize("reason", ["gone", "normal", "kill", ("shutdown", 1)])
async def test_the_end_of_a_needed_child_fails_the_block(
    runtime: Runtime, reason: Any
) -> None:
    log: list[Any] = []

    async def child(process: Process) -> None:
        await process.receive()
        raise Exit(reason)

    async def body(process: Process) -> Any:
        needed: Any = None
        try:
            async with Scope(process) as scope:
                await scope.start(Worker, log, "other")
                needed = await scope.start(child, needed=True)
                await process.send(needed, "go")
                await trio.sleep_forever()
        except NeededChildExited as error:
            as_told = (error.pid, error.reason[1:]) == (needed, (needed, error.why))
            return error.why, as_told, process.messages(), process.alive

    assert await inside(runtime, body) == (reason, True, [], True)
    assert log == [("other", "shutdown")]


async def test_an_owner_that_does_not_catch_it_ends_with_the_reason(
    runtime: Runtime,
) -> None:
    children: list[Pid] = []

    async def body(process: Process) -> None:
        async with Scope(process) as scope:
            children.append(await scope.start(idle, needed=True))
            await trio.sleep_forever()

    ends = Ends(runtime.spawn(body, ()))
    await settle()
    await end(runtime, children[0], "broken")
    assert ends.reasons == [("needed_child_exited", children[0], "broken")]
    assert_only_the_root(runtime)


async def test_an_exception_of_the_block_goes_before_that_of_a_child(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> None:
        async with Scope(process) as scope:
            pid = await scope.start(idle, needed=True)
            with trio.CancelScope(shield=True):
                await end(runtime, pid)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await inside(runtime, body)


async def test_a_child_that_was_stopped_is_not_missed(runtime: Runtime) -> None:
    log: list[Any] = []

    async def body(process: Process) -> Any:
        async with Scope(process) as scope:
            pids = [
                await scope.start(Worker, log, "needed", needed=True),
                await scope.start(Worker, log, "hosted"),
                await scope.start(Worker, log, "kept", restart="permanent"),
            ]
            for pid in pids:
                await scope.stop(pid)
                await scope.stop(pid)
            assert scope.children == []
        return process.messages()

    assert await inside(runtime, body) == []
    assert [name for name, _ in log] == ["needed", "hosted", "kept"]


async def test_a_child_may_be_restarted_if_that_is_wanted(runtime: Runtime) -> None:
    async def body(process: Process) -> Any:
        async with Scope(process) as scope:
            pid = await scope.start(idle, restart="permanent")
            await end(runtime, pid)
            [again] = scope.children
            assert again != pid
            await scope.stop(again)
            return scope.children, process.messages()

    assert await inside(runtime, body) == ([], [])


async def test_a_needed_child_cannot_be_permanent(runtime: Runtime) -> None:
    async def body(process: Process) -> None:
        async with Scope(process) as scope:
            await scope.start(idle, needed=True, restart="permanent")

    with pytest.raises(ergopy.SpecError):
        await inside(runtime, body)


async def test_children_end_when_their_owner_is_killed(runtime: Runtime) -> None:
    log: list[Any] = []

    async def body(process: Process) -> None:
        async with Scope(process) as scope:
            await scope.start(Worker, log, "first")
            await scope.start(Worker, log, "second")
            await trio.sleep_forever()

    owner = runtime.spawn(body, ())
    await settle()
    await end(runtime, owner.pid, "kill")
    assert log == [("second", "shutdown"), ("first", "shutdown")]
    assert_only_the_root(runtime)


async def test_a_cancelled_block_does_not_wait_for_its_children(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    log: list[Any] = []

    async def body(process: Process) -> Any:
        with trio.move_on_after(1):
            async with Scope(process) as scope:
                await scope.start(Worker, log, "slow", 3)
                await trio.sleep_forever()
        cancelled_at = trio.current_time()
        await settle()
        return cancelled_at, list(log)

    started = trio.current_time()
    cancelled_at, at_once = await inside(runtime, body)
    assert cancelled_at - started == 1
    await trio.sleep(10)
    assert (at_once, log) == ([], [("slow", "shutdown")])
    assert_only_the_root(runtime)


async def test_a_scope_without_a_block_lasts_until_it_is_closed(
    runtime: Runtime,
) -> None:
    log: list[Any] = []

    async def body(process: Process) -> Any:
        scope = Scope(process)
        await scope.start(Worker, log, "it")
        await settle()
        assert log == []
        await scope.aclose()
        await scope.aclose()
        return list(log), process.messages(), dict(process.links)

    assert await inside(runtime, body) == ([("it", "shutdown")], [], {})


async def test_it_ends_with_its_owner_at_the_latest(runtime: Runtime) -> None:
    log: list[Any] = []

    async def body(process: Process) -> None:
        await Scope(process).start(Worker, log, "it")

    await inside(runtime, body)
    await settle()
    assert log == [("it", "shutdown")]
    assert_only_the_root(runtime)


async def test_without_a_block_a_needed_child_fails_the_owner_over_the_link(
    runtime: Runtime,
) -> None:
    children: list[Pid] = []

    async def body(process: Process) -> None:
        process.trap_exit = len(children) > 0
        scope = Scope(process)
        children.append(await scope.start(idle, needed=True))
        await trio.sleep_forever()

    plain = runtime.spawn(body, ())
    await settle()
    ends = Ends(plain)
    await end(runtime, children[0], "bad")
    assert ends.reasons == [("needed_child_exited", children[0], "bad")]
    trapping = runtime.spawn(body, ())
    await settle()
    await end(runtime, children[1], "bad")
    [message] = trapping.messages()
    assert isinstance(message, ExitMessage)
    assert message.reason == ("needed_child_exited", children[1], "bad")
    await end(runtime, trapping.pid, "kill")


async def test_a_child_that_does_not_come_up_is_an_error_and_nothing_else(
    runtime: Runtime,
) -> None:
    class Failing(GenServer):
        async def init(self, what: str) -> Any:
            if what == "ignore":
                return ergopy.IGNORE
            raise Exit(what)

    async def body(process: Process) -> Any:
        async with Scope(process) as scope:
            with pytest.raises(StartError) as caught:
                await scope.start(Failing, "no", needed=True)
            with pytest.raises(Ignored):
                await scope.start(Failing, "ignore")
            await scope.start(idle, name="taken")
            with pytest.raises(AlreadyStarted):
                await scope.start(Worker, [], "x", name="taken")
            return caught.value.reason, len(scope.children), process.messages()

    assert await inside(runtime, body) == ("no", 1, [])


async def test_nothing_starts_in_a_scope_that_is_closed(runtime: Runtime) -> None:
    async def body(process: Process) -> None:
        scope = Scope(process)
        async with scope:
            await scope.start(idle)
        for attempt in (
            lambda: scope.start(idle),
            lambda: scope.__aenter__(),
        ):
            with pytest.raises(ErgopyError, match="nothing can be started"):
                await attempt()
        with pytest.raises(ErgopyError, match="nothing can be started"):
            scope.start_soon(trio.sleep_forever)

    await inside(runtime, body)


async def test_a_scope_is_in_one_block_at_a_time(runtime: Runtime) -> None:
    async def body(process: Process) -> None:
        async with Scope(process) as scope:
            with pytest.raises(ErgopyError, match="in a block already"):
                await scope.__aenter__()

    await inside(runtime, body)


async def test_children_have_the_environment_that_the_owner_has_then(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> Any:
        process.env["n"] = 1
        async with Scope(process) as scope:
            first = find(runtime, await scope.start(idle))
            process.env["n"] = 2
            second = find(runtime, await scope.start(idle))
            return first.env["n"], second.env["n"]

    assert await inside(runtime, body) == (1, 2)


async def test_children_may_be_specifications_and_take_options(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> Any:
        async with Scope(process) as scope:
            spec = ChildSpec(idle, restart="transient")
            one = find(runtime, await scope.start(spec))
            await scope.start(spec)
            limited = await scope.start(idle, mailbox=ergopy.MailboxLimit(3))
            assert find(runtime, limited).dropped == 0
            assert len(scope.children) == 3
            return one.label

    assert await inside(runtime, body) == "idle"


async def test_scopes_may_be_nested(runtime: Runtime) -> None:
    log: list[Any] = []

    async def body(process: Process) -> None:
        async with Scope(process) as outer:
            await outer.start(Worker, log, "outer")
            async with Scope(process) as inner:
                await inner.start(Worker, log, "inner")
            assert log == [("inner", "shutdown")]

    await inside(runtime, body)
    assert [name for name, _ in log] == ["inner", "outer"]


async def test_a_needed_child_fails_its_own_scope_and_not_the_inner_one(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> str:
        try:
            async with Scope(process) as outer:
                pid = await outer.start(idle, needed=True)
                try:
                    async with Scope(process):
                        await end(runtime, pid)
                        await trio.sleep_forever()
                except NeededChildExited:
                    return "inner"
        except NeededChildExited:
            return "outer"
        return "none"

    assert await inside(runtime, body) == "outer"


async def test_helper_tasks_end_with_the_scope(runtime: Runtime) -> None:
    log: list[Any] = []

    async def help_out(word: str) -> None:
        log.append((word, ergopy.self().label))
        try:
            await trio.sleep_forever()
        finally:
            log.append("cancelled")

    async def body(process: Process) -> None:
        process.label = "owner"
        async with Scope(process) as scope:
            scope.start_soon(help_out, "hello")
            await settle()
        await settle()

    await inside(runtime, body)
    assert log == [("hello", "owner"), "cancelled"]


async def test_a_helper_task_that_fails_fails_the_block(runtime: Runtime) -> None:
    async def fail() -> None:
        raise ValueError("helper")

    async def body(process: Process) -> Any:
        try:
            async with Scope(process) as scope:
                scope.start_soon(fail)
                await trio.sleep_forever()
        except ValueError as error:
            return process.alive, str(error)

    assert await inside(runtime, body) == (True, "helper")


async def test_one_that_is_not_needed_is_logged(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise ValueError("helper")

    async def body(process: Process) -> Any:
        process.label = "owner"
        async with Scope(process) as scope:
            scope.start_soon(fail, needed=False)
            await settle()
        return process.alive

    with caplog.at_level(logging.ERROR, "ergopy.process"):
        assert await inside(runtime, body)
    [record] = caplog.records
    assert "a helper task in a scope of owner, failed" in record.getMessage()


async def test_without_a_block_a_failed_helper_task_ends_the_owner(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise ValueError("helper")

    async def body(process: Process) -> None:
        Scope(process).start_soon(fail)
        await trio.sleep_forever()

    ends = Ends(runtime.spawn(body, ()))
    await settle()
    assert ends.reasons[0][:2] == ("python", b"builtins.ValueError")
    assert len(caplog.records) == 1


async def test_a_helper_task_begins_no_more_once_the_scope_is_closed(
    runtime: Runtime,
) -> None:
    begun: list[int] = []

    async def help_out() -> None:
        begun.append(1)

    async def body(process: Process) -> None:
        async with Scope(process) as scope:
            scope.start_soon(help_out)
            await scope.aclose()
            await settle()

    await inside(runtime, body)
    assert begun == []


async def test_two_starts_at_once_share_one_process_behind_the_scope(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> int:
        async with Scope(process) as scope:

            async def start() -> None:
                await scope.start(idle)

            process.start_soon(start)
            process.start_soon(start)
            await settle()
            assert len(scope.children) == 2
            # The node, the owner, the keeper and the two.
            return len(runtime.processes)

    assert await inside(runtime, body) == 5


async def test_a_server_has_a_scope_for_as_long_as_it_lives(runtime: Runtime) -> None:
    class Server(GenServer):
        async def init(self) -> None:
            self.mine = Scope(self)
            await self.mine.start(idle)
            self.news: list[Any] = []

        async def handle_call(self, request: Any, from_: Any) -> Any:
            return self.mine.children, self.news

        async def handle_info(self, message: Any) -> None:
            self.news.append(message)

    pid = await runtime.root.start(Server)
    [child], _ = await runtime.root.call(pid, "look")
    await end(runtime, child)
    children, [news] = await runtime.root.call(pid, "look")
    assert children == []
    assert (news.tag, news.pid, news.reason) == ("hosted", child, "gone")
    await runtime.root.stop(pid)
    await settle()
    assert_only_the_root(runtime)


async def test_the_owner_is_the_parent_in_a_tree_of_supervisors(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> Any:
        async with Scope(process) as scope:
            await scope.start(idle, id="worker")
            [keeper] = process.links
            children = await ergopy.supervisor.which_children(keeper)
            return [child.id for child in children], find(runtime, keeper).label

    ids, label = await inside(runtime, body)
    assert ids == ["worker"]
    assert label.startswith("scope of ")


async def test_a_killed_keeper_takes_children_and_owner_along(runtime: Runtime) -> None:
    async def body(process: Process) -> None:
        async with Scope(process) as scope:
            await scope.start(idle)
            await trio.sleep_forever()

    owner = runtime.spawn(body, ())
    ends = Ends(owner)
    await settle()
    [keeper] = owner.links
    await end(runtime, keeper, "kill")
    assert ends.reasons == [Atom("killed")]
    assert_only_the_root(runtime)


async def test_a_trapping_owner_keeps_no_message_of_the_scope_s_end(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> Any:
        process.trap_exit = True
        async with Scope(process) as scope:
            await scope.start(idle)
        try:
            async with Scope(process) as scope:
                await end(runtime, await scope.start(idle, needed=True))
        except NeededChildExited:
            return process.messages()

    assert await inside(runtime, body) == []


async def test_a_scope_shows_what_it_is(runtime: Runtime) -> None:
    scope = Scope(sleeper(runtime))
    assert repr(scope) == "<Scope of sleeper: 0 children>"
    await scope.aclose()
    assert repr(scope) == "<Scope of sleeper: closed>"


async def test_a_node_has_scopes_for_programs() -> None:
    log: list[Any] = []
    async with ergopy.Node("scopes@127.0.0.1", cookie="x", epmd="off") as node:
        async with node.scope() as scope:
            pid = await scope.start(Worker, log, "it")
            assert node.runtime.find(pid) is not None
        assert log == [("it", "shutdown")]
        missed = None
        try:
            async with node.scope() as scope:
                pid = await scope.start(idle, needed=True)
                await node.exit(pid, "gone")
                await trio.sleep_forever()
        except NeededChildExited as error:
            missed = error.pid
        assert missed == pid

        class Server(GenServer):
            async def handle_call(self, request: Any, from_: Any) -> Any:
                async with self.scope() as scope:
                    await scope.start(Worker, log, request)
                    return len(scope.children)

        server = await node.start(Server)
        assert await node.call(server, "of a server") == 1
        assert log[1:] == [("of a server", "shutdown")]


async def test_a_behaviour_alone_in_a_test_has_scopes_too(runtime: Runtime) -> None:
    class Server(GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            async with self.scope() as scope:
                await scope.start(idle)
                return len(scope.children)

    assert await runtime.root.call(await runtime.root.start(Server), "go") == 1


@pytest.mark.parametrize("checkpoints", range(12))
async def test_cancelled_at_any_moment_a_scope_starts_what_comes_next(
    runtime: Runtime, autojump_clock: trio.abc.Clock, checkpoints: int
) -> None:
    async def body(process: Process) -> None:
        async with Scope(process) as scope:
            async with trio.open_nursery() as nursery:

                async def cancel() -> None:
                    for _ in range(checkpoints):
                        await trio.lowlevel.checkpoint()
                    cut.cancel()

                with trio.CancelScope() as cut:
                    nursery.start_soon(cancel)
                    await scope.start(idle)
            assert await scope.start(idle) in scope.children

    await inside(runtime, body)


@pytest.mark.parametrize("in_block", [True, False])
async def test_a_needed_child_that_is_restarted_too_often_is_missed(
    runtime: Runtime, in_block: bool
) -> None:
    async def fails(process: Process) -> None:
        process.log_crash = False
        raise Exit("broken")

    async def body(process: Process) -> Any:
        scope = Scope(process)
        process.trap_exit = True
        if not in_block:
            await scope.start(fails, needed=True, restart="transient")
            return await process.receive()
        async with scope:
            await scope.start(fails, needed=True, restart="transient")
            return await process.receive()

    if in_block:
        with pytest.raises(NeededChildExited) as missed:
            await inside(runtime, body)
        assert missed.value.why == "broken"
    else:
        word, _, why = (await inside(runtime, body)).reason
        assert (word, why) == ("needed_child_exited", "broken")
