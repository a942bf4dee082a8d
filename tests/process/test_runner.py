from __future__ import annotations

import gc
import inspect
import signal
import tracemalloc
import types
import weakref
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy.process.runner import Life
from tests.runtimes import Ends, inside, running, settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Iterator

    from ergopy import Process
    from ergopy.process.runtime import Runtime


class Held:
    """Something that a body holds, to see when it is let go."""


async def receiving(process: Process) -> None:
    while True:
        await process.receive()


async def task_of(
    runtime: Runtime, body: Callable[[Process], Any]
) -> tuple[Process, trio.lowlevel.Task]:
    """Start a process; return it and its task, which is asleep by then."""
    tasks: list[trio.lowlevel.Task] = []

    async def first(process: Process) -> None:
        tasks.append(trio.lowlevel.current_task())
        await body(process)

    process = runtime.spawn(first, ())
    await settle()
    return process, tasks[0]


async def test_a_look_at_the_stack_of_a_process_shows_its_body(
    runtime: Runtime,
) -> None:
    _, task = await task_of(runtime, receiving)
    names = [frame.f_code.co_name for frame, _ in task.iter_await_frames()]
    assert names[1:3] == ["first", "receiving"]
    assert inspect.getcoroutinestate(task.coro) == inspect.CORO_SUSPENDED


async def test_a_process_that_has_ended_has_no_stack(runtime: Runtime) -> None:
    process, task = await task_of(runtime, receiving)
    process.kill()
    await settle()
    assert list(task.iter_await_frames()) == []
    assert inspect.getcoroutinestate(task.coro) == inspect.CORO_CLOSED


async def test_processes_share_trios_locks(runtime: Runtime) -> None:
    lock = trio.Lock()
    inside_now: list[int] = []

    async def body(process: Process) -> list[int]:
        async with lock:
            inside_now.append(1)
            await trio.lowlevel.checkpoint()
            return [inside_now.pop(), *inside_now]

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(inside, runtime, body)
    assert not lock.locked()


@pytest.mark.parametrize("how", ["return", "raise", "kill"])
async def test_what_a_process_held_is_gone_with_it(runtime: Runtime, how: str) -> None:
    kept: list[weakref.ref[Held]] = []

    async def body(process: Process) -> None:
        held = Held()
        kept.append(weakref.ref(held))
        await process.receive()
        if how == "raise":
            raise ValueError(held)

    process = runtime.spawn(body, ())
    # A log record holds the traceback, and that the frame.
    process.log_crash = False
    await settle()
    gc.disable()
    try:
        if how == "kill":
            process.kill()
        else:
            process.deliver(1)
        del process
        await settle()
        assert kept[0]() is None
    finally:
        gc.enable()


async def test_a_body_may_be_any_awaitable(runtime: Runtime) -> None:
    class Later:
        def __init__(self, process: Process) -> None:
            self.process = process

        def __await__(self) -> Generator[Any, Any, Any]:
            return self.process.receive().__await__()

    @types.coroutine
    def old(process: Process) -> Generator[Any, Any, Any]:
        return (yield from process.receive().__await__())

    for body in (Later, old):
        process = runtime.spawn(body, ())
        ends = Ends(process)
        await settle()
        process.deliver(1)
        await settle()
        assert ends.reasons == ["normal"]


async def test_a_body_that_is_no_async_function_is_a_crash(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    def plain(process: Process) -> Any:
        return 1

    ends = Ends(runtime.spawn(plain, ()))
    await settle()
    assert ends.reasons[0][1] == b"builtins.TypeError"
    assert "async def" in caplog.text


async def test_a_body_made_for_another_loop_is_a_crash_of_its_own(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    @types.coroutine
    def foreign() -> Generator[str, Any, None]:
        yield "a future of another library"

    async def body(process: Process) -> None:
        await foreign()

    ends = Ends(runtime.spawn(body, ()))
    await settle()
    assert ends.reasons[0][1] == b"builtins.TypeError"
    assert "some other framework" in caplog.text


async def test_a_process_that_is_killed_before_its_first_step_takes_none(
    runtime: Runtime,
) -> None:
    began: list[int] = []

    async def body(process: Process) -> None:
        began.append(1)

    process = runtime.spawn(body, ())
    ends = Ends(process)
    process.kill()
    await settle()
    assert ends.reasons == ["killed"]
    assert began == []


@pytest.fixture
def python_minds_ctrl_c() -> Iterator[None]:
    """Undo that a runner with several workers lets them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("python_minds_ctrl_c")
def test_ctrl_c_interrupts_a_body_that_does_not_wait() -> None:
    seen: list[str] = []

    async def body(process: Process) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
            seen.append("went on")
        except KeyboardInterrupt:
            seen.append("interrupted")
            raise

    async def main() -> None:
        async with running() as runtime:
            runtime.spawn(body, ())
            await trio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as caught:
        trio.run(main)
    assert caught.group_contains(KeyboardInterrupt)
    assert seen == ["interrupted"]


async def test_a_life_is_not_to_be_awaited(runtime: Runtime) -> None:
    async def body(process: Process) -> Awaitable[None]:
        life = Life(process, receiving, ())
        with pytest.raises(TypeError, match="only a task"):
            await life
        life.close()
        return life

    await inside(runtime, body)


@pytest.mark.parametrize("messages", [0, 3])
async def test_an_idle_process_takes_less_than_three_kilobytes(
    runtime: Runtime, messages: int
) -> None:
    count = 500

    async def start() -> None:
        processes = [runtime.spawn(receiving, ()) for _ in range(count)]
        await settle()
        for number in range(messages):
            for process in processes:
                process.deliver(number)
            await settle()
        gc.collect()

    await start()
    tracemalloc.start(1)
    try:
        before = tracemalloc.get_traced_memory()[0]
        await start()
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert used / count < 3000
