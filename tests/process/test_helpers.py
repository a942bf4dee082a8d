from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Exit, LocalProtocolError, self
from tests.runtimes import (
    Ends,
    assert_only_the_root,
    idle,
    inside,
    mail,
    settle,
    sleeper,
)

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


async def test_helpers_end_with_their_process(runtime: Runtime) -> None:
    ended: list[str] = []

    async def helper(name: str) -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append(name)

    async def body(process: Process) -> None:
        process.start_soon(helper, "a")
        process.nursery.start_soon(helper, "b")
        await process.receive()

    process = runtime.spawn(body, ())
    await settle()
    await runtime.root.send(process.pid, "enough")
    await settle()
    assert sorted(ended) == ["a", "b"]
    assert_only_the_root(runtime)


async def test_a_helper_that_fails_ends_its_process(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    async def helper() -> None:
        raise ValueError("helper failed")

    process = sleeper(runtime)
    ends = Ends(process)
    process.start_soon(helper)
    await settle()
    assert ends.reasons[0][:3] == ("python", b"builtins.ValueError", b"helper failed")
    assert caplog.text.count("Traceback") == 1


@pytest.mark.parametrize("reason", ["normal", "shutdown", "boom"])
async def test_a_helper_may_end_the_process_on_purpose(
    runtime: Runtime, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def helper() -> None:
        raise Exit(reason)

    process = sleeper(runtime)
    ends = Ends(process)
    process.start_soon(helper)
    await settle()
    assert ends.reasons == [reason]
    assert caplog.records == []


async def test_a_group_with_one_exception_in_a_helper_is_unwrapped(
    runtime: Runtime,
) -> None:
    async def fail() -> None:
        raise KeyError("inner")

    async def helper() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(fail)

    process = sleeper(runtime)
    ends = Ends(process)
    process.start_soon(helper)
    await settle()
    assert ends.reasons[0][1] == b"builtins.KeyError"


async def test_a_helper_that_fails_while_it_is_cancelled_ends_nobody_else(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    """The group then has Trio's cancellation in it beside the error."""

    async def fail() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("while cancelled")

    async def helper() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)
            nursery.start_soon(trio.sleep_forever)

    process, other = sleeper(runtime), sleeper(runtime)
    process.start_soon(helper)
    await settle()
    await runtime.root.exit(process.pid, "kill")
    await settle()
    assert other.alive
    assert "while cancelled" in caplog.text


async def test_self_is_the_process_in_its_body_and_in_its_helpers(
    runtime: Runtime,
) -> None:
    seen: list[Any] = []

    async def helper() -> None:
        seen.append(self())

    async def body(process: Process) -> None:
        assert self() is process
        process.start_soon(helper)
        await settle()

    process = runtime.spawn(body, ())
    other = sleeper(runtime)
    other.start_soon(helper)
    await settle()
    assert set(seen) == {process, other}
    with pytest.raises(LocalProtocolError, match="outside"):
        self()


async def test_a_helper_sends_as_its_process(runtime: Runtime) -> None:
    target, process = sleeper(runtime), sleeper(runtime)

    async def helper() -> None:
        await process.send(target.pid, process.pid)

    process.start_soon(helper)
    await settle()
    assert mail(target) == [process.pid]


async def test_start_waits_until_the_helper_is_up(runtime: Runtime) -> None:
    async def helper(number: int, *, task_status: trio.TaskStatus[int]) -> None:
        await trio.lowlevel.checkpoint()
        task_status.started(number + 1)
        await trio.sleep_forever()

    async def body(process: Process) -> Any:
        return await process.nursery.start(helper, 1)

    assert await inside(runtime, body) == 2


async def test_a_helper_that_fails_before_it_is_up_fails_its_starter_only(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    async def helper(*, task_status: trio.TaskStatus[None]) -> None:
        raise ValueError("not up")

    async def body(process: Process) -> Any:
        with pytest.raises(ValueError, match="not up"):
            await process.nursery.start(helper)
        return process.alive

    assert await inside(runtime, body) is True
    assert caplog.records == []


async def test_a_helper_that_fails_after_it_is_up_ends_the_process(
    runtime: Runtime,
) -> None:
    async def helper(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        raise Exit("after")

    async def body(process: Process) -> Any:
        await process.nursery.start(helper)
        await idle(process)

    ends = Ends(runtime.spawn(body, ()))
    await settle()
    assert ends.reasons == ["after"]


async def test_a_process_that_is_over_runs_no_helper(runtime: Runtime) -> None:
    process = sleeper(runtime)
    ran = False

    async def helper() -> None:
        nonlocal ran
        ran = True

    await runtime.root.exit(process.pid, "kill")
    process.start_soon(helper)
    await settle()
    process.start_soon(helper)
    with pytest.raises(LocalProtocolError, match="has ended"):
        await process.nursery.start(helper)
    await settle()
    assert ran is False


async def test_a_helper_must_not_receive_beside_the_body(runtime: Runtime) -> None:
    async def body(process: Process) -> None:
        await process.receive()

    process = runtime.spawn(body, ())
    ends = Ends(process)
    await settle()
    process.start_soon(process.receive)
    await settle()
    assert ends.reasons[0][1] == b"ergopy.errors.LocalProtocolError"


async def test_run_sync_runs_in_a_thread(runtime: Runtime) -> None:
    async def body(process: Process) -> Any:
        return await process.run_sync(divmod, 7, 2)

    assert await inside(runtime, body) == (3, 1)
