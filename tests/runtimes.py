"""A runtime without a network, and what tests of processes need around it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from ergopy import ProcessConfig
from ergopy.process.runtime import Runtime
from ergopy.testing import inside as inside

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Pid, Process

settle = trio.testing.wait_all_tasks_blocked


@asynccontextmanager
async def running(owner: Any = None, **config: Any) -> AsyncIterator[Runtime]:
    async with trio.open_nursery() as nursery:
        given = ProcessConfig(**config) if config else None
        runtime = Runtime("py@test", 7, owner=owner, config=given)
        runtime.nursery = nursery
        nursery.start_soon(runtime.timers.run)
        yield runtime
        nursery.cancel_scope.cancel()


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    async with running() as lone:
        yield lone


async def idle(process: Process) -> None:
    """Live, and leave the mailbox alone."""
    await trio.sleep_forever()


async def stubborn(process: Process, seconds: float) -> None:
    """Shield itself, so that not even ``kill`` ends it in time."""
    with trio.CancelScope(shield=True):
        await trio.sleep(seconds)


def sleeper(
    runtime: Runtime, *, trap: bool = False, name: str | None = None
) -> Process:
    """Start a process that reads no mail, so that its mailbox can be looked at."""
    process = runtime.spawn(idle, (), name=name, label="sleeper")
    process.trap_exit = trap
    return process


def mail(process: Process) -> list[Any]:
    return process.messages()


def find(runtime: Runtime, pid: Pid) -> Process:
    process = runtime.find(pid)
    assert process is not None
    return process


class Ends:
    """A watcher that keeps the reason with which a process ended."""

    def __init__(self, process: Process) -> None:
        self.reasons: list[Any] = []
        process.watchers[self] = self

    def fire(self, reason: Any) -> None:
        self.reasons.append(reason)


def assert_only_the_root(runtime: Runtime) -> None:
    """Check that whoever has ended left nothing in any table."""
    root = runtime.root
    assert list(runtime.processes.values()) == [root]
    assert not runtime.names
    assert not runtime.aliases
    for held in (root.links, root.monitors, root.watchers, root._aliases, root.queue):
        assert not held
