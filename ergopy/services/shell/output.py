"""What is printed at a prompt, and the way it goes to that terminal.

While there is a shell, ``sys.stdout`` and ``sys.stderr`` are stand-ins that ask which
process is printing. If its group leader is the terminal of a shell the text goes there,
as on a BEAM; everything else is written as before. ``print`` does not wait, so the
text is collected here, up to a limit, and the shell's process sends it on.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, final

import trio

from ...process.runner import current_process

if TYPE_CHECKING:
    from etf import Pid

MAX_PENDING = 1 << 20
"""Characters that wait for a terminal; what is printed beyond is lost, and said so."""

MAX_CHUNK = 1 << 14
"""Characters that are sent to a terminal at a time."""

_outputs: dict[Pid, Output] = {}
_usual: dict[str, Any] = {}


@final
class Output:
    """The text for the terminal whose group leader is *leader*; any thread may write.

    It is open for as long as its ``with`` block runs.
    """

    def __init__(self, leader: Pid) -> None:
        self._leader = leader
        self._pending: deque[str] = deque()
        self._size = 0
        self._lost = 0
        self._sending = False
        self._lot = trio.lowlevel.ParkingLot()
        self._token: trio.lowlevel.TrioToken | None = None
        self._thread = 0

    def __enter__(self) -> Output:
        self._token = trio.lowlevel.current_trio_token()
        self._thread = threading.get_ident()
        _outputs[self._leader] = self
        _stand_in()
        return self

    def __exit__(self, *_: object) -> None:
        if _outputs.get(self._leader) is self:
            del _outputs[self._leader]
        if not _outputs:
            _give_back()

    def write(self, text: str) -> None:
        """Take *text*. Never waits."""
        if not text:
            return
        room = MAX_PENDING - self._size
        if room < len(text):
            self._lost += len(text) - max(room, 0)
            text = text[: max(room, 0)]
        self._pending.append(text)
        self._size += len(text)
        if threading.get_ident() == self._thread:
            self._lot.unpark_all()
        elif self._token is not None:
            self._token.run_sync_soon(self._lot.unpark_all)

    async def next(self) -> str:
        """Wait for text, and take some of it; what was taken before has been sent."""
        self._sending = False
        self._lot.unpark_all()
        while not (self._pending or self._lost):
            await self._lot.park()
        self._sending = True
        return self._take()

    def _take(self) -> str:
        taken: list[str] = []
        size = 0
        while self._pending and size < MAX_CHUNK:
            text = self._pending.popleft()
            size += len(text)
            if size > MAX_CHUNK:
                keep = len(text) - (size - MAX_CHUNK)
                self._pending.appendleft(text[keep:])
                text = text[:keep]
            self._size -= len(text)
            taken.append(text)
        if self._lost and not self._pending:
            taken.append(f"\n... {self._lost} characters of output are lost\n")
            self._lost = 0
        return "".join(taken)

    async def drained(self) -> None:
        """Wait until everything that was written has been sent."""
        while self._pending or self._lost or self._sending:
            await self._lot.park()


def _current() -> Output | None:
    process = current_process.get(None)
    return None if process is None else _outputs.get(process.group_leader)


class _Stream:
    """What ``sys.stdout`` is while there is a shell."""

    def __init__(self, usual: Any) -> None:
        self._usual = usual

    def write(self, text: str) -> int:
        output = _current()
        if output is None:
            return self._usual.write(text)  # type: ignore[no-any-return]
        if not isinstance(text, str):
            raise TypeError(f"write() takes a str, not {type(text).__name__}")
        output.write(text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if _current() is None:
            self._usual.flush()

    def isatty(self) -> bool:
        # Nothing is to ask such a terminal for keys, or start a pager.
        return _current() is None and bool(self._usual.isatty())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._usual, name)


def _stand_in() -> None:
    for name in ("stdout", "stderr"):
        usual = getattr(sys, name)
        if usual is not None and not isinstance(usual, _Stream):
            _usual[name] = usual
            setattr(sys, name, _Stream(usual))


def _give_back() -> None:
    for name, usual in _usual.items():
        # Somebody may have put another one there, which is theirs to undo.
        if isinstance(getattr(sys, name), _Stream):
            setattr(sys, name, usual)
    _usual.clear()
