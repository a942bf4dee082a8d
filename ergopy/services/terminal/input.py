"""The reads that wait for the terminal, and the one that has it.

The newest has it, and the others go on after it, as with ``group``: a debugger may ask
something while a prompt stands there. A read whose process ends is dropped.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import trio

from etf import Atom, Pid, Reference

from .device import Line, Pressed, Terminal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ...process.process import Process
    from ..io.protocol import Read
    from .options import Options
    from .reading import Reading

    OnKey = Callable[[Reading, Pressed], Awaitable[None]]

MAX_READS = 100
"""Reads that may wait for the terminal; one more is refused."""

_IO_REPLY = Atom("io_reply")


class Input:
    """The reads of one session.

    Args:
        pressed: Told what was pressed instead of a line.
    """

    def __init__(
        self, process: Process, terminal: Terminal, options: Options, pressed: OnKey
    ) -> None:
        self._process = process
        self._terminal = terminal
        self._options = options
        self._on_key = pressed
        self._reads: list[Reading] = []
        self._work = trio.Event()
        self._buffer = ""
        self._turn = trio.Lock()
        """Held by who uses the terminal to read; those who wait get it in order."""
        self._line: Line | None = None
        """What is being read now."""
        self._serving = trio.CancelScope()
        self.pressed = 0
        """How often Ctrl-C was pressed since the last line."""

    @property
    def newest(self) -> Reading | None:
        """The read that has the terminal."""
        return self._reads[-1] if self._reads else None

    def add(self, reading: Reading) -> bool:
        """Take one more; False if there are too many."""
        if len(self._reads) >= MAX_READS:
            return False
        if isinstance(reading.sender, Pid):
            reading.watch = self._process.monitor_nowait(reading.sender)
        self.give_way()
        self._reads.append(reading)
        self._work.set()
        return True

    def give_way(self) -> None:
        """Interrupt the newest read for a moment; what is typed stays."""
        if self._reads and (scope := self._reads[-1].scope) is not None:
            scope.cancel()

    def gone(self, watch: Reference) -> None:
        """Drop the read of a process that has ended."""
        for reading in self._reads:
            if reading.watch == watch:
                self._drop(reading)
                return

    def refuse(self, refusal: Callable[[Read], Any]) -> bool:
        """End all of them, with a reply if there is one; tell whether any waited."""
        reads = list(self._reads)
        for reading in reads:
            self._drop(reading)
            reply = refusal(reading.wanted)
            if reply is None:
                continue
            with suppress(trio.WouldBlock):
                message = (_IO_REPLY, reading.reply_as, reply)
                self._process.send_nowait(reading.sender, message)
        return bool(reads)

    def discard(self) -> None:
        """Forget what was typed ahead."""
        self._buffer = ""

    def _drop(self, reading: Reading) -> None:
        if reading.scope is not None:
            reading.scope.cancel()
        self._reads.remove(reading)
        if reading.watch is not None:
            self._process.demonitor(reading.watch)

    async def ask(self, question: str) -> str | Pressed:
        """Ask whoever sits there something of our own."""
        return await self._read(Line(question, history=False))

    async def _read(self, line: Line) -> str | Pressed:
        async with self._turn:
            self._line = line
            try:
                return await self._terminal.read_line(line)
            finally:
                self._line = None

    async def tell(self, text: str) -> None:
        """Say something of our own, before the prompt comes again."""
        async with self._turn:
            await self._terminal.write(text)

    async def finish(self) -> None:
        """Read no more, and leave the terminal in order for who writes next.

        Raises:
            OSError, ValueError: Nobody sees it any more.
        """
        if self._line is not None:
            self._line.stays = True
        self._serving.cancel()
        async with self._turn:
            await self._terminal.finish()

    async def serve(self) -> None:
        """Serve the reads, for as long as the session lasts."""
        with self._serving:
            await self._serve_all()

    async def _serve_all(self) -> None:
        while True:
            if not self._reads:
                self._work = trio.Event()
                await self._work.wait()
                continue
            reading = self._reads[-1]
            with trio.CancelScope() as reading.scope:
                await self._serve(reading)
            reading.scope = None
            if reading.reply is not None and reading in self._reads:
                self._buffer = reading.rest + self._buffer
                self._drop(reading)
                message = (_IO_REPLY, reading.reply_as, reading.reply)
                await self._process.send(reading.sender, message)

    async def _serve(self, reading: Reading) -> None:
        while reading.reply is None:
            if reading.unseen:
                await reading.look(self._process, self._options)
            else:
                await self._one_line(reading)

    async def _one_line(self, reading: Reading) -> None:
        typed, end, rest = self._buffer.partition("\n")
        if end:
            self._buffer = rest
            self._enter(reading, typed + end)
            return
        echo = self._options.echo and reading.wanted.what != "password"
        line = Line(
            reading.prompt(),
            echo,
            history=echo and self._options.line_history,
            draft=reading.draft or typed,
        )
        self._buffer = ""
        try:
            line.answer = await self._read(line)
        finally:
            reading.draft = line.draft
            # Also if the read was cancelled in the moment it was answered.
            if line.answer is not None:
                reading.draft = ""
            if isinstance(line.answer, str):
                self._enter(reading, line.answer)
        if isinstance(line.answer, Pressed):
            await self._on_key(reading, line.answer)

    def _enter(self, reading: Reading, typed: str) -> None:
        """Take one line; what was pasted behind it is for later."""
        self.pressed = 0
        first, end, rest = typed.partition("\n")
        self._buffer = rest + self._buffer
        reading.text += first + end
        reading.unseen = True
