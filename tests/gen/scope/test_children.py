"""Children of a scope: what can be one, and what the owner hears of its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import (
    AlreadyStarted,
    ChildSpec,
    Down,
    Exit,
    GenServer,
    Ignored,
    Scope,
    StartError,
)
from ergopy.gen.scope import HOSTED
from tests.gen.scope.kit import Worker, end
from tests.runtimes import find, idle, inside, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


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
            down = await process.receive(scope.ref, timeout=60)
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
            return (await process.receive(scope.ref, timeout=60)).reason

    assert await inside(runtime, body) == "normal"


async def test_news_that_nobody_read_go_with_the_scope(runtime: Runtime) -> None:
    async def body(process: Process) -> Any:
        async with Scope(process) as scope:
            for _ in range(3):
                await end(runtime, await scope.start(idle))
            await process.send(process.pid, "mine")
        return process.messages()

    assert await inside(runtime, body) == ["mine"]


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
