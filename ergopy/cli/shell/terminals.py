"""A terminal without line editing, a pipe, or a text: lines in, characters out."""

from __future__ import annotations

import contextlib
import os
import sys
import termios
from typing import TYPE_CHECKING

import trio

from ergopy.services.terminal import Line, Pressed

from .escapes import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK = 65536


class PlainTerminal:
    """Reads a file descriptor, writes to standard output.

    Where nobody types there are no prompts, and what comes before the first read, which
    is how a shell says hello, is left out.

    Args:
        source: Where the lines come from.
        text: Gives the lines instead; asked with the first read.
    """

    def __init__(self, source: int = 0, text: Callable[[], str] | None = None) -> None:
        self._source = source
        self._text = text
        self._typed = text is None and os.isatty(source)
        self._shown = sys.stdout.isatty()
        self._pending = b""
        self._ended = False
        self._hello: list[str] | None = None if self._typed else []
        self._in_line = False
        """Whether the cursor is not at the start of a line."""

    async def write(self, text: str) -> None:
        """Put text out."""
        if self._hello is not None:
            self._hello.append(text)
        else:
            # Whoever reads it may be slow, and other nodes wait for our ticks.
            await trio.to_thread.run_sync(self._put, text)

    def _put(self, text: str) -> None:
        encoding = sys.stdout.encoding or "utf-8"
        shown = clean(text, terminal=self._shown)
        sys.stdout.write(shown.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
        if shown:
            self._in_line = not shown.endswith("\n")

    async def finish(self) -> None:
        """Leave a terminal's cursor at the start of a line.

        What was left out is put out: it was the last that was heard.
        """
        if self._hello:
            hello, self._hello = self._hello, None
            await self.write("".join(hello))
        if self._typed and self._in_line:
            await self.write("\n")

    async def read_line(self, line: Line) -> str | Pressed:
        """Read a line."""
        self._hello = None
        if self._text is not None:
            self._pending, self._text = self._text().encode(), None
            self._ended = True
        if self._typed:
            await self.write(line.prompt)
        with self._silence(line.echo):
            return await self._line()

    async def _line(self) -> str | Pressed:
        while b"\n" not in self._pending:
            more = b"" if self._ended else await self._more()
            if not more:
                # A terminal may go on after Ctrl-D.
                self._ended = not self._typed
                last, self._pending = self._pending, b""
                return last.decode(errors="replace") + "\n" if last else Pressed.END
            self._pending += more
        # Who types sees the end of the line.
        self._in_line = False
        found, _, self._pending = self._pending.partition(b"\n")
        return found.decode(errors="replace") + "\n"

    async def _more(self) -> bytes:
        try:
            await trio.lowlevel.wait_readable(self._source)
        except PermissionError:
            # A file is always readable, and cannot be waited for.
            await trio.lowlevel.checkpoint()
        try:
            return os.read(self._source, CHUNK)
        except OSError:
            return b""

    @contextlib.contextmanager
    def _silence(self, echo: bool) -> Iterator[None]:
        if echo or not self._typed:
            yield
            return
        before = termios.tcgetattr(self._source)
        quiet = termios.tcgetattr(self._source)
        quiet[3] &= ~termios.ECHO
        termios.tcsetattr(self._source, termios.TCSADRAIN, quiet)
        try:
            yield
        finally:
            termios.tcsetattr(self._source, termios.TCSADRAIN, before)

    def size(self) -> tuple[int, int] | None:
        """Columns and rows, if it has any."""
        return size() if self._typed and self._shown else None


def size() -> tuple[int, int] | None:
    """Columns and rows of standard output, if that is a terminal."""
    try:
        columns, rows = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):
        return None
    # A terminal that does not know says 0.
    return (columns, rows) if columns and rows else None
