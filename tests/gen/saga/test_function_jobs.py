"""Jobs that are functions: coroutine functions, and plain ones in a thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Exit
from tests.gen.saga.desk import job, open_desk
from tests.runtimes import running, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ergopy.process.runtime import Runtime
    from tests.gen.saga.desk import Desk


async def double(value: int) -> int:
    await trio.lowlevel.checkpoint()
    return 2 * value


async def test_a_job_may_be_an_async_function(runtime: Runtime) -> None:
    desk = await open_desk(runtime.root, job(21, worker=double))
    assert desk.heard == [("result", 42)]
    assert str(desk.job.work) == "double"
    await desk.finish()
    assert desk.is_clean


@pytest.mark.parametrize("two_phases", [False, True])
async def test_an_async_function_is_cancelled_with_its_job(
    runtime: Runtime, two_phases: bool
) -> None:
    ended: list[bool] = []

    async def work(value: Any) -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append(True)

    desk = await open_desk(runtime.root, job(worker=work), two_phase_commit=two_phases)
    assert ended == []
    await desk.do(lambda self: self.cancel_job(self.job))
    assert ended == [True]
    assert desk.heard == []
    await desk.finish()
    assert desk.is_clean


async def test_an_async_function_that_is_late_is_cancelled(
    runtime: Runtime, autojump_clock: Any
) -> None:
    scopes: list[trio.CancelScope] = []

    async def work(value: Any) -> None:
        with trio.CancelScope() as scope:
            scopes.append(scope)
            try:
                await trio.sleep_forever()
            finally:
                scopes.clear()

    desk = await open_desk(runtime.root, job(worker=work, timeout=5.0))
    assert scopes
    await trio.sleep(5.1)
    assert desk.reason() == "lifespan"
    assert scopes == []


async def test_what_a_function_raises_is_why_its_job_has_failed(
    runtime: Runtime,
) -> None:
    async def broken(value: Any) -> None:
        raise KeyError(value)

    desk = await open_desk(runtime.root, job("what", worker=broken))
    assert desk.reason()[1:3] == (b"builtins.KeyError", b"'what'")


async def test_a_function_may_end_with_a_reason(runtime: Runtime) -> None:
    async def ends(value: Any) -> None:
        raise Exit("sold_out")

    desk = await open_desk(runtime.root, job(worker=ends))
    assert desk.reason() == "sold_out"


async def test_a_function_that_is_done_as_the_cancel_comes_is_no_failure(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    done = trio.Event()

    async def work(value: Any) -> None:
        await done.wait()

    async def both(desk: Desk) -> None:
        await desk.cancel_job(desk.job)
        done.set()

    desk = await open_desk(runtime.root, job(worker=work))
    await desk.do(both)
    assert desk.heard == []
    assert caplog.records == []
    await desk.finish()
    assert desk.is_clean


async def until(condition: Callable[[], object]) -> None:
    with trio.fail_after(30):
        while not condition():  # noqa: ASYNC110 - a thread sets no event of Trio
            await trio.sleep(0.01)


async def test_a_plain_function_runs_in_a_thread(runtime: Runtime) -> None:
    threads: list[Any] = []

    def work(value: int) -> int:
        threads.append(threading.current_thread())
        return 2 * value

    desk = await open_desk(runtime.root, job(21, worker=work))
    await until(lambda: desk.heard)
    assert desk.heard == [("result", 42)]
    assert threads != [threading.current_thread()]
    await desk.finish()
    assert desk.is_clean


async def test_a_thread_that_raises_fails_its_job(runtime: Runtime) -> None:
    def work(value: Any) -> None:
        raise ValueError("bad value")

    desk = await open_desk(runtime.root, job(worker=work))
    await until(lambda: desk.heard)
    assert desk.reason()[1] == b"builtins.ValueError"


class Blocking:
    """A plain function that takes as long as the test wants."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.over = (threading.Event() for _ in range(3))

    def __call__(self, value: Any) -> str:
        self.begun.set()
        self.go_on.wait(30)
        self.over.set()
        return "too late"


@pytest.fixture
def work() -> Iterator[Blocking]:
    work = Blocking()
    yield work
    work.go_on.set()


async def test_nobody_waits_for_the_thread_of_a_job_that_is_cancelled(
    runtime: Runtime, work: Blocking
) -> None:
    desk = await open_desk(runtime.root, job(worker=work))
    await until(work.begun.is_set)
    await desk.do(lambda self: self.cancel_job(self.job))
    await desk.finish()
    assert desk.is_clean
    assert set(runtime.processes.values()) == {runtime.root, desk.process}
    assert not work.over.is_set()
    work.go_on.set()
    await until(work.over.is_set)
    await settle()
    assert desk.heard == []


async def test_neither_the_saga_nor_its_node_waits_for_a_thread(work: Blocking) -> None:
    async with running() as runtime:
        desk = await open_desk(runtime.root, job(worker=work))
        await until(work.begun.is_set)
        await runtime.root.stop(desk.pid)
        await settle()
        assert set(runtime.processes.values()) == {runtime.root}
    assert not work.over.is_set()
