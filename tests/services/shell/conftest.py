"""A group process that is a table of lines, and a shell on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy.process.messages import ExitMessage
from ergopy.services.io.chars import text
from ergopy.services.shell.doors import Doors
from etf import Atom
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from ergopy import Pid, Process
    from ergopy.process.runtime import Runtime

OK = Atom("ok")
INTERRUPTED = (Atom("error"), Atom("interrupted"))


async def until(condition: Callable[[], object]) -> None:
    with trio.fail_after(10):
        while not condition():  # noqa: ASYNC110
            await trio.sleep(0.001)


class Terminal:
    """Speaks the part of a group process: typed at by the test, read by the test."""

    def __init__(self) -> None:
        self.shown = ""
        self.prompts: list[str] = []
        self.options: list[Any] = []
        self.has: Any = [(Atom("echo"), True), (Atom("binary"), False)]
        """What it answers to getopts."""
        self.calls: list[Any] = []
        """Functions that it was to put out the results of."""
        self.pid: Pid
        self.shell: Pid | None = None
        self.doors = Doors()
        self._reads: list[tuple[Any, Any]] = []
        self.busy = False
        """Whether it does not acknowledge what it is to show."""
        self._process: Process

    async def start(self, runtime: Runtime, door: Any = None, peer: Any = None) -> None:
        """Come up, and start a shell as a call by erpc does, here or at *peer*."""
        self._process = runtime.spawn(self._serve, (), label="group")
        self._process.trap_exit = True
        self.pid = self._process.pid
        if peer is None:
            self.shell = await self.ask(door or self.doors.erl)
        else:
            self._process.group_leader = self.pid
            self.shell = await self._process.rpc(peer.name, "shell", "start")
        await self._process.link(self.shell)
        await settle()

    async def ask(self, function: Any, *args: Any) -> Any:
        """Run *function* as an exported one that this terminal calls."""
        answer: list[Any] = []

        async def execute_call(process: Process) -> None:
            answer.append(function(*args))

        runtime = self._process.runtime
        call = runtime.create(execute_call, parent=self._process)
        call.group_leader = self.pid
        runtime.begin(call, execute_call, ())
        await settle()
        return answer[0]

    async def _serve(self, process: Process) -> None:
        while True:
            match await process.receive():
                case ("io_request", sender, ref, ("get_line", "unicode", prompt)):
                    self.prompts.append(prompt.decode())
                    self._reads.append((sender, ref))
                case ("io_request", sender, ref, ("put_chars", "unicode", data)):
                    self.shown += text(data) or ""
                    if not self.busy:
                        await process.send(sender, (Atom("io_reply"), ref, OK))
                case ("io_request", sender, ref, ("put_chars", _, module, name, args)):
                    self.calls.append((module, name, args))
                    reply = (Atom("error"), name)
                    await process.send(sender, (Atom("io_reply"), ref, reply))
                case ("io_request", sender, ref, Atom("getopts")):
                    await process.send(sender, (Atom("io_reply"), ref, self.has))
                case ("io_request", sender, ref, ("setopts", options)):
                    self.options = options
                    await process.send(sender, (Atom("io_reply"), ref, OK))
                case ExitMessage(pid, _) if pid == self.shell:
                    return

    async def answer(self, reply: Any) -> None:
        """Answer the read that waits."""
        await self._answer(reply)
        await settle()

    async def _answer(self, reply: Any) -> None:
        sender, ref = self._reads.pop(0)
        await self._process.send(sender, (Atom("io_reply"), ref, reply))

    async def line(self, text: str) -> None:
        """Type a line as soon as the shell asks for one."""
        await until(lambda: self.waits)
        await self._answer(f"{text}\n".encode())

    async def type(self, *lines: str) -> str:
        """Type lines; return what is shown for them."""
        before = len(self.shown)
        for line in lines:
            await self.answer(f"{line}\n".encode())
        return self.shown[before:]

    async def asks(self) -> None:
        """Wait until the shell asks for a line."""
        await until(lambda: self.waits)

    async def interrupt(self) -> str:
        """Press Ctrl-C while something runs; return what is shown for it."""
        before = len(self.shown)
        self.press_ctrl_c()
        await settle()
        return self.shown[before:]

    def press_ctrl_c(self) -> None:
        """Interrupt the shell."""
        assert self.shell is not None
        self._process.exit_nowait(self.shell, Atom("interrupt"))

    async def hang_up(self, reason: str) -> None:
        """End as a terminal that is closed, or whose connection is lost."""
        self._process.end(Atom(reason))
        await settle()

    @property
    def open(self) -> bool:
        return self._process.runtime.find(self.shell) is not None

    @property
    def waits(self) -> bool:
        """Whether the shell asks for a line."""
        return bool(self._reads)


@pytest.fixture
async def terminal(runtime: Runtime) -> Terminal:
    terminal = Terminal()
    await terminal.start(runtime)
    return terminal
