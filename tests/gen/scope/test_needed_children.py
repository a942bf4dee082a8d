"""Children that a scope needs: the end of one of them fails the block or the owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import Exit, ExitMessage, NeededChildExited, Scope
from tests.gen.scope.kit import Worker, end
from tests.runtimes import Ends, assert_only_the_root, idle, inside, settle

if TYPE_CHECKING:
    from ergopy import Pid, Process
    from ergopy.process.runtime import Runtime


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


async def test_a_needed_child_cannot_be_permanent(runtime: Runtime) -> None:
    async def body(process: Process) -> None:
        async with Scope(process) as scope:
            await scope.start(idle, needed=True, restart="permanent")

    with pytest.raises(ergopy.SpecError):
        await inside(runtime, body)


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
