from __future__ import annotations

import os
import subprocess
import sys
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from tests.nodes import epmd_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = ["epmd_port"]


class Program:
    """A program that runs, and the lines that it printed and nobody has read."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self._unread = b""

    async def line(self) -> str:
        """The next line; the empty string at the end."""
        assert self.process.stdout is not None
        while b"\n" not in self._unread:
            more = await self.process.stdout.receive_some()
            if not more:
                break
            self._unread += more
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()

    async def rest(self) -> str:
        """Wait for the end; what was printed until then."""
        lines = [line async for line in self]
        assert await self.process.wait() == 0, lines
        return "\n".join(lines)

    def __aiter__(self) -> Program:
        return self

    async def __anext__(self) -> str:
        if line := await self.line():
            return line
        raise StopAsyncIteration


@pytest.fixture
def start(epmd_port: int, tmp_path: Path):
    """``async with start("file.py", ...) as program``, with the EPMD of the test."""

    @asynccontextmanager
    async def start(*command: object) -> AsyncIterator[Program]:
        environment = {**os.environ, "ERL_EPMD_PORT": str(epmd_port)}
        environment["XDG_STATE_HOME"] = str(tmp_path)
        environment.pop("ERGOPY_COOKIE", None)
        process = await trio.lowlevel.open_process(
            [sys.executable, "-u", *map(str, command)],
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Program(process)
        finally:
            with trio.CancelScope(shield=True):
                process.kill()
                await process.wait()
                await process.stdout.aclose()

    return start


@pytest.fixture
async def peer(epmd_port: int) -> AsyncIterator[ergopy.Node]:
    """What the pages have an iex for: another node, with the cookie of the pages."""
    async with ergopy.Node("iex@127.0.0.1", cookie="secret") as node:
        yield node


class Greeter(ergopy.GenServer):
    async def handle_call(self, request: Any, from_: Any) -> Any:
        return b"Hello, " + request[1]


@pytest.fixture
async def greeter(peer: ergopy.Node) -> ergopy.Pid:
    return await peer.start(Greeter, name="greeter")


@pytest.fixture
def run_command(epmd_port: int, tmp_path: Path):
    """Run a line of shell with our programs on the path; both outputs as text."""

    async def run(line: str) -> str:
        path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "ERL_EPMD_PORT": str(epmd_port)}
        call = partial(
            trio.run_process,
            ["bash", "-c", line],
            env=environment,
            cwd=tmp_path,
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return (await call()).stdout.decode()

    return run
