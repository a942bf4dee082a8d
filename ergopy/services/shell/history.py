"""The lines that the Up key brings back, where a terminal would not keep ours.

The group process of OTP 25, and again that of OTP 28, keeps each line that a shell asks
for. In OTP 26 and 27 it keeps only what Erlang's scanner has read; it finds the lines
in its dictionary, and a function that characters are to come from runs in it. So one is
called that puts them there, and returns nothing that can be shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Export

from ...errors import RpcError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from etf import Pid

    from ...process.process import Process

MAX_LINES = 200
"""Lines that are kept; the oldest go."""

MAX_LENGTH = 1000
"""Characters of a line that is kept."""

SECONDS = 5.0
"""How long the terminal's node may take to say which lines it has."""

_LINE_BUFFER = Atom("line_buffer")
_PUT = Export("erlang", "put", 2)
_CALL = (Atom("put_chars"), Atom("unicode"))
_IN_DICTIONARY = (*_CALL, Atom("maps"), Atom("map"))
_IN_FILE = (*_CALL, Atom("group_history"), Atom("add"))
_GET_OPTIONS = Atom("getopts")


class History:
    """What was typed at one prompt.

    Args:
        ask: Puts a request to the terminal, and waits for the reply.
    """

    def __init__(self, ask: Callable[[Process, Any], Awaitable[Any]]) -> None:
        self._ask = ask
        self._lines: list[Any] | None = None

    async def begin(self, process: Process, leader: Pid) -> None:
        """Find out whether the terminal has to be told, and what it has."""
        options = await self._ask(process, _GET_OPTIONS)
        names = {name for name, _ in _pairs(options)}
        if "terminal" in names and "line_history" not in names:
            self._lines = await _earlier(process, leader)

    async def add(self, process: Process, line: str) -> None:
        """Keep a line."""
        if self._lines is None or not line.strip() or len(line) > MAX_LENGTH:
            return
        kept = [ord(character) for character in line.rstrip("\r\n") + "\n"]
        if self._lines[:1] == [kept]:
            return
        self._lines = [kept, *self._lines[: MAX_LINES - 1]]
        arguments = [_PUT, {_LINE_BUFFER: self._lines}]
        await self._ask(process, (*_IN_DICTIONARY, arguments))
        # It does nothing unless the kernel's shell_history says so.
        await self._ask(process, (*_IN_FILE, [kept]))


async def _earlier(process: Process, leader: Pid) -> list[Any]:
    """Return the lines that the terminal has, the newest first."""
    args = [leader, Atom("dictionary")]
    try:
        found = await process.rpc(leader.node, "erlang", "process_info", args, SECONDS)
    except RpcError:
        return []
    match found:
        case (Atom("dictionary"), entries):
            for name, value in _pairs(entries):
                if name == "line_buffer" and isinstance(value, list):
                    return value[:MAX_LINES]
    return []


def _pairs(terms: Any) -> Iterator[tuple[Atom, Any]]:
    """Yield the pairs in a list that have a name."""
    for term in terms if isinstance(terms, list) else ():
        match term:
            case (Atom() as name, value):
                yield name, value
