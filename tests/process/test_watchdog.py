"""The watchdog: its rules on a clock of our own, and once with a real thread."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy.process.watchdog import Watchdog
from tests.runtimes import sleeper

if TYPE_CHECKING:
    from collections.abc import Callable

    from ergopy import Process
    from ergopy.process.runtime import Runtime


class Token:
    """An event loop that comes round when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def run_sync_soon(self, function: Any, *, idempotent: bool) -> None:
        self.waiting.append(function)


class Scene:
    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.token = Token()
        self.dog = Watchdog(runtime, 1.0, lambda: self.now)
        self.dog._watched = threading.get_ident()
        self.dog._token = self.token  # type: ignore[assignment]
        self.now = 100.0

    def look(self, *, after: float = 0.25, at: object = None) -> None:
        self.now += after
        self.runtime.current = at
        self.dog.look(self.now)

    def come_round(self) -> None:
        for function in self.token.waiting:
            function()
        self.token.waiting.clear()


@pytest.fixture
def scene(runtime: Runtime) -> Scene:
    return Scene(runtime)


def texts(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage().split("\n")[0] for record in caplog.records]


async def test_a_loop_that_comes_round_is_left_alone(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    busy = sleeper(scene.runtime)
    for _ in range(20):
        scene.look(at=busy)
        scene.come_round()
    assert texts(caplog) == []


async def test_who_holds_the_loop_is_named_once_and_again_when_it_lets_go(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    busy = sleeper(scene.runtime)
    for _ in range(20):
        scene.look(at=busy)
    assert len(texts(caplog)) == 1
    assert f"process sleeper {busy.pid} holds the event loop" in texts(caplog)[0]
    assert __name__.replace(".", "/") in caplog.text
    scene.come_round()
    scene.look()
    scene.come_round()
    scene.look()
    assert len(texts(caplog)) == 2
    assert texts(caplog)[1].endswith("let go of the event loop after 4.8 s")


async def test_it_begins_anew_after_each_time(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    busy = sleeper(scene.runtime)
    for _ in range(3):
        for _ in range(10):
            scene.look(at=busy)
        scene.come_round()
    scene.look()
    assert len(texts(caplog)) == 6


async def test_several_that_hold_it_for_less_are_not_accused(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = sleeper(scene.runtime), sleeper(scene.runtime)
    scene.look()
    for _ in range(6):
        scene.look(at=one)
        scene.look(at=other)
    scene.come_round()
    scene.look()
    (text,) = texts(caplog)
    assert "did not come round for 3.0 s; no process alone" in text


async def test_a_task_that_is_no_process_is_told_as_such(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(10):
        scene.look()
    assert "a task that is no process of py@test holds" in texts(caplog)[0]


async def test_a_process_that_blocks_is_found_by_the_thread(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    told, over = threading.Event(), trio.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message = record.getMessage()
            if not message.startswith("process stubborn"):
                return  # on a busy machine others seem to hold it, too
            if "let go" in message:
                trio.from_thread.run_sync(over.set, trio_token=token)
            else:
                told.set()

    def block() -> None:
        assert told.wait(30)

    async def stubborn(process: Process) -> None:
        block()

    token = trio.lowlevel.current_trio_token()
    listener = Listener()
    logging.getLogger("ergopy.process").addHandler(listener)
    dog = Watchdog(runtime, 0.2)
    dog.start()
    try:
        runtime.spawn(stubborn, (), label="stubborn")
        with trio.fail_after(60):
            await over.wait()
    finally:
        dog.stop()
        await trio.to_thread.run_sync(dog._thread.join, 10)
        logging.getLogger("ergopy.process").removeHandler(listener)
    messages = [record.getMessage() for record in caplog.records]
    first = next(text for text in messages if text.startswith("process stubborn"))
    assert first.startswith("process stubborn <py@test.")
    assert "told.wait(30)" in first
    assert "trio/_core" not in first
    assert "process/runner.py" not in first


async def test_its_thread_ends_with_it(runtime: Runtime) -> None:
    dog = Watchdog(runtime, 0.01)
    dog.start()
    assert dog._thread.is_alive()
    dog.stop()
    await trio.to_thread.run_sync(dog._thread.join, 10)
    assert not dog._thread.is_alive()
