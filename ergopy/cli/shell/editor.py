"""A terminal with line editing, history and completion: ``prompt_toolkit``.

That has an event loop of its own, so each line is read in a thread. What is put out
meanwhile goes above the line, by that loop; the rest is written at once.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

import trio
from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.data_structures import Size
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.history import DummyHistory, FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.output.vt100 import Vt100_Output

from ergopy.services.terminal import Completion, Line, Pressed

from .escapes import clean
from .terminals import size

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from prompt_toolkit.key_binding import KeyPressEvent

    Complete = Callable[[str], Awaitable[Completion]]


class _Aborted(Exception):
    """Nobody wants this line any more."""


class Editor:
    """The terminal that we run in.

    Args:
        complete: Asked how the line up to the cursor goes on.
        history: The file of former lines; None keeps them only while this lives.
    """

    def __init__(self, complete: Complete, history: Path | None = None) -> None:
        self._complete = complete
        keys = KeyBindings()
        keys.add("tab")(self._tab)
        keys.add("c-c")(self._interrupt)
        # Without questions about the cursor: the answers get into what is typed.
        output = Vt100_Output(
            sys.stdout, _size, term=os.environ.get("TERM"), enable_cpr=False
        )

        def session(history: History) -> PromptSession[str]:
            return PromptSession(
                output=output,
                history=history,
                key_bindings=keys,
                complete_while_typing=False,
                reserve_space_for_menu=0,
            )

        kept: History = InMemoryHistory() if history is None else _file(history)
        self._remembering, self._forgetting = session(kept), session(DummyHistory())
        self._output: deque[str] = deque()
        self._unfinished = ""
        """What stands in the line of the cursor, if nobody ended it."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context = contextvars.copy_context()
        self._current = self._remembering
        self._line = Line("")
        self._aborted = False

    def size(self) -> tuple[int, int] | None:
        """Columns and rows."""
        return size()

    # Output

    async def write(self, text: str) -> None:
        """Put text out, above the line that is being typed."""
        self._output.append(clean(text, terminal=True))
        if not self._call(self._flush_above):
            await trio.to_thread.run_sync(self._flush)

    def _call(self, function: Callable[[], object]) -> bool:
        """Have the loop of the line that is being read call it, if there is one."""
        with self._lock:
            if self._loop is None:
                return False
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(function, context=self._context)
            return True

    def _flush_above(self) -> None:
        run_in_terminal(self._flush_lines)

    def _flush_lines(self) -> None:
        text = "".join(self._take())
        if text:
            _put(text if text.endswith("\n") else text + "\n")

    def _flush(self) -> None:
        text = "".join(self._take())
        _put(text)
        _, end, last = text.rpartition("\n")
        self._unfinished = last if end else self._unfinished + last

    def _take(self) -> list[str]:
        taken = []
        while self._output:
            taken.append(self._output.popleft())
        return taken

    # Input

    async def read_line(self, line: Line) -> str | Pressed:
        """Read a line."""
        self._line, self._aborted = line, False
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._abort_when_cancelled, line)
            line.answer = await trio.to_thread.run_sync(self._ask, line)
            nursery.cancel_scope.cancel()
        assert line.answer is not None
        return line.answer

    async def _abort_when_cancelled(self, line: Line) -> None:
        try:
            await trio.sleep_forever()
        finally:
            self._aborted = True
            self._call(self._abort)

    def _abort(self) -> None:
        app = self._current.app
        if app.is_running and app.future is not None and not app.future.done():
            app.erase_when_done = not self._line.stays
            app.exit(exception=_Aborted())

    def _ask(self, line: Line) -> str | Pressed | None:
        session = self._remembering if line.history else self._forgetting
        # The cursor is behind it, and the line begins where the cursor is not.
        message = clean(self._unfinished + line.prompt, terminal=True)
        if self._unfinished:
            _put("\r")
        self._current = session
        session.app.erase_when_done = False
        try:
            text = session.prompt(
                ANSI(message),
                default=line.draft,
                is_password=not line.echo,
                pre_run=self._started,
                handle_sigint=False,
            )
        except KeyboardInterrupt:
            return Pressed.INTERRUPT
        except EOFError:
            return Pressed.END
        except _Aborted:
            line.draft = session.default_buffer.text
            return None
        else:
            return text + "\n"
        finally:
            with self._lock:
                self._loop = None
            if not self._aborted or line.stays:
                self._unfinished = ""
            self._flush()

    def _started(self) -> None:
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._context = contextvars.copy_context()
        if self._aborted:
            self._call(self._abort)
        if self._output:
            self._call(self._flush_above)

    async def finish(self) -> None:
        """Leave the cursor at the start of a line."""
        if self._unfinished:
            await self.write("\n")

    # Keys

    def _interrupt(self, event: KeyPressEvent) -> None:
        """Ctrl-C empties the line, and in an empty one it is told."""
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt())

    def _tab(self, event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        before = buffer.document.text_before_cursor
        if self._current is not self._remembering:
            return
        try:
            found = trio.from_thread.run(self._complete, before)
        except (trio.Cancelled, trio.RunFinishedError):
            return
        buffer.insert_text(clean(found.added, terminal=False))
        if found.matches:
            self._output.append(in_columns(found.matches, _size().columns))
            self._flush_above()
        elif not found.added:
            event.app.output.bell()


def _size() -> Size:
    columns, rows = size() or (80, 24)
    return Size(rows=rows, columns=columns)


def _put(text: str) -> None:
    out: Any = sys.stdout
    encoding = out.encoding or "utf-8"
    out.write(text.encode(encoding, "replace").decode(encoding))
    out.flush()


def _file(path: Path) -> History:
    """Return the history of a file that nobody else can read."""
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600))
    path.chmod(0o600)
    return FileHistory(path)


def in_columns(words: list[str], width: int) -> str:
    """Lay out *words* in as many columns as fit, downwards; ends with a newline."""
    words = sorted({clean(word, terminal=False) for word in words})
    widest = max(map(len, words)) + 2
    columns = max(1, width // widest)
    rows = -(-len(words) // columns)
    lines = []
    for row in range(rows):
        found = words[row::rows]
        lines.append("".join(word.ljust(widest) for word in found).rstrip())
    return "\n".join(lines) + "\n"
