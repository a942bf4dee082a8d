"""A registry for a test, and processes to be registered in it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import trio

import ergopy
from ergopy import IGNORE, GenServer, Registry, Stop
from tests.runtimes import find, settle, sleeper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ergopy import Pid
    from ergopy.process.runtime import Runtime


class Worker(GenServer):
    """Does in ``init`` what its first argument says."""

    async def init(self, how: Any = None, *rest: Any) -> Any:
        self.args = (how, *rest)
        match how:
            case "ignore":
                return IGNORE
            case "stop":
                return Stop("wanted")
            case "raise":
                raise ValueError("wanted")
            case "trap":
                self.trap_exit = True
            case ("sleep", seconds):
                await trio.sleep(seconds)
        return None

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return self.args


async def begin(runtime: Runtime, name: str | None = "reg", **options: Any) -> Registry:
    pid = await runtime.root.start(Registry, name=name, **options)
    return Registry.of(pid, runtime.root)


async def begin_starting(runtime: Runtime, **options: Any) -> Registry:
    return await begin(runtime, **{"start": Worker, **options})


def pids(runtime: Runtime, count: int) -> list[Pid]:
    return [sleeper(runtime).pid for _ in range(count)]


async def end(runtime: Runtime, pid: Pid, reason: Any = "shutdown") -> None:
    await runtime.root.exit(pid, reason)
    await settle()
    assert runtime.find(pid) is None


def is_alive(runtime: Runtime, pid: Pid) -> bool:
    return runtime.find(pid) is not None


async def stuck(process: ergopy.Process) -> None:
    """Trap exits, and never look at them."""
    process.trap_exit = True
    await trio.sleep_forever()


def trap(runtime: Runtime, pid: Pid) -> None:
    find(runtime, pid).trap_exit = True


@contextmanager
def clean(registry: Registry) -> Iterator[None]:
    """Check that a block leaves nothing behind in the registry."""
    yield
    assert not registry._reserved
    assert not registry._owners
    assert not registry._table.rows
    assert not registry._table._all
    assert not registry._table._by_pid
