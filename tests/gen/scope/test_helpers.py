"""Helper tasks of a scope."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import trio

import ergopy
from ergopy import Scope
from tests.runtimes import Ends, inside, settle

if TYPE_CHECKING:
    import pytest

    from ergopy import Process
    from ergopy.process.runtime import Runtime


async def fail() -> None:
    raise ValueError("helper")


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
