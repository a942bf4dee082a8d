"""Two nodes and a port mapper in one process: the real protocol, over loopback."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy.testing.ports import free_port
from etf import Atom

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    MakeNode = Callable[..., Awaitable[ergopy.Node]]

COOKIE = "monster"
_numbers = itertools.count(1)


def unique_name(word: str = "py") -> str:
    return f"{word}{os.getpid()}x{next(_numbers)}@127.0.0.1"


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def tasks() -> int:
    return trio.lowlevel.current_statistics().tasks_living


@pytest.fixture
def epmd_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    port = free_port()
    monkeypatch.setenv("ERL_EPMD_PORT", str(port))
    return port


@pytest.fixture
async def make_node(epmd_port: int) -> AsyncIterator[MakeNode]:
    """Return a function that brings up a node, and takes it down after the test."""
    done = trio.Event()

    async def hold(node: ergopy.Node, *, task_status: trio.TaskStatus[None]) -> None:
        async with node:
            task_status.started()
            await done.wait()

    async with trio.open_nursery() as nursery:

        async def make(name: str | None = None, **options: Any) -> ergopy.Node:
            options.setdefault("cookie", COOKIE)
            node = ergopy.Node(name or unique_name(), **options)
            try:
                await nursery.start(hold, node)
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None
            return node

        yield make
        done.set()


@pytest.fixture
async def pair(make_node: MakeNode) -> tuple[ergopy.Node, ergopy.Node]:
    """Return two nodes that are not connected yet."""
    return await make_node(), await make_node()


class Echo(ergopy.GenServer):
    """Answers what it is asked, crashes and waits on request, keeps what it is told."""

    async def init(self) -> None:
        self.seen: list[Any] = []

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case Atom("crash"):
                raise ValueError("as you wish")
            case Atom("wait"):
                return ergopy.NOREPLY
            case Atom("seen"):
                return self.seen
            case Atom("stop"):
                return ergopy.Stop("normal", reply="bye")
        return request

    async def handle_cast(self, request: Any) -> None:
        self.seen.append(request)

    async def handle_info(self, message: Any) -> None:
        self.seen.append(message)


@pytest.fixture
def echo() -> type[Echo]:
    return Echo
