"""A terminal that the test types at, and a shell over there that the test plays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy.process.messages import ExitMessage
from ergopy.services.terminal import Line, Pressed, Session
from ergopy.testing import node_pair
from etf import Atom
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Node, Pid, Process

IO_REQUEST, IO_REPLY = Atom("io_request"), Atom("io_reply")


class Keyboard:
    """A terminal: what was typed waits to be read, what is shown is kept."""

    def __init__(self) -> None:
        self.shown = ""
        self.lines: list[Line] = []
        self.now: Line | None = None
        self.geometry: tuple[int, int] | None = (100, 30)
        self.broken = False
        self.finished = False
        self._typed: list[str | Pressed] = []
        self._wake = trio.Event()

    def type(self, *typed: str | Pressed) -> None:
        self._typed += typed
        self._wake.set()

    async def write(self, text: str) -> None:
        if self.broken:
            raise OSError("nobody sees it")
        self.shown += text

    async def finish(self) -> None:
        assert self.now is None, "a line is still being read"
        self.finished = True

    async def read_line(self, line: Line) -> str | Pressed:
        assert self.now is None, "two lines are read at once"
        self.now = line
        self.lines.append(line)
        try:
            while not self._typed:
                self._wake = trio.Event()
                await self._wake.wait()
            return self._typed.pop(0)
        finally:
            self.now = None

    def size(self) -> tuple[int, int] | None:
        return self.geometry

    @property
    def prompt(self) -> str | None:
        """What stands before the line that is being read."""
        return None if self.now is None else self.now.prompt


class Stage:
    """A session, and a process of the other node that plays its shell."""

    def __init__(self, near: Node, far: Node) -> None:
        self.near = near
        self.far = far
        self.keyboard = Keyboard()
        self.session = Session(far.name, self.keyboard)
        self.shell: Process
        self.leader: Pid
        self._replies: dict[Any, Any] = {}
        self._number = 0
        self.exits: list[Any] = []
        """The exit signals that the shell got."""

    async def open(self) -> None:
        self.shell = await self.process()
        self.far.export("shell", {"start": lambda: self.shell.pid})
        self.far.export("io_lib", {"get_until": until_dot})
        self.leader = await self.near.spawn(self.session.run)
        await settle()

    async def process(self) -> Process:
        """Start a process of the other node that asks what the test wants."""
        pid = await self.far.spawn(self._play)
        process = self.far.runtime.find(pid)
        assert process is not None
        return process

    async def _play(self, process: Process) -> None:
        process.trap_exit = True
        while True:
            match await process.receive():
                case (Atom("io_reply"), number, reply):
                    self._replies[number] = reply
                case ExitMessage(reason="shutdown"):
                    return
                case ExitMessage(reason=reason):
                    self.exits.append(reason)

    async def ask(self, request: Any, by: Process | None = None) -> int:
        """Send a request; return the number of its reply."""
        self._number += 1
        sender = by or self.shell
        message = (IO_REQUEST, sender.pid, self._number, request)
        await sender.send(self.leader, message)
        await settle()
        return self._number

    def answered(self, number: int) -> bool:
        return number in self._replies

    def reply(self, number: int) -> Any:
        return self._replies[number]

    async def do(self, request: Any) -> Any:
        """Have a request carried out; return the reply."""
        return self.reply(await self.ask(request))

    async def type(self, *typed: str | Pressed) -> None:
        self.keyboard.type(*typed)
        await settle()


def until_dot(start: Any, data: Any, encoding: Any, call: Any) -> Any:
    """Do what ``io_lib:get_until`` does, with a scanner that wants a dot."""
    assert start == "start"
    text = data.decode() if isinstance(data, bytes) else "".join(map(chr, data))
    expression, dot, rest = text.partition(".")
    if call[1] != "tokens":
        raise ValueError(call)
    if not dot:
        return (Atom("more"), text)
    codes = [ord(character) for character in rest.lstrip(" \n")]
    return (Atom("stop"), (Atom("ok"), expression.encode(), call[2]), codes)


TOKENS = (Atom("erl_scan"), Atom("tokens"), [(1, 1)])


def get_until(prompt: str = "1> ") -> tuple[Any, ...]:
    return (Atom("get_until"), Atom("unicode"), prompt.encode(), *TOKENS)


def get_line(prompt: str = "? ") -> tuple[Any, ...]:
    return (Atom("get_line"), Atom("unicode"), prompt.encode())


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with node_pair(cookie="c") as (near, far):
        await near.connect(far.name)
        stage = Stage(near, far)
        await stage.open()
        yield stage
