"""Standard input, line by line, without a thread that cannot be ended."""

from __future__ import annotations

import os
import sys
from codecs import getincrementaldecoder
from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 65_536
_decoder = getincrementaldecoder("utf-8")


class Stdin:
    """Reads from the descriptor of ``sys.stdin``; what was not asked for is kept."""

    def __init__(self) -> None:
        self._decoder = _decoder("replace")
        self._text = ""
        self._at_end = False

    async def line(self) -> str | None:
        """Return a line with its newline, or what there is of it; None at the end.

        Nothing is lost by cancelling it.

        Raises:
            OSError, ValueError: There is nothing to read from.
        """
        while not self._text and not self._at_end:
            if sys.stdin is None:
                raise ValueError("no standard input")
            descriptor = sys.stdin.fileno()
            await _readable(descriptor)
            data = os.read(descriptor, _CHUNK)
            self._at_end = not data
            self._text += self._decoder.decode(data, final=not data)
        first, newline, rest = self._text.partition("\n")
        self._text = rest
        return first + newline or None


async def _readable(descriptor: int) -> None:
    try:
        await trio.lowlevel.wait_readable(descriptor)
    except PermissionError:
        # A file of the disk: there is always something, or the end.
        await trio.lowlevel.checkpoint()


@contextmanager
def unseen() -> Iterator[None]:
    """Show nothing of what is typed meanwhile.

    Raises:
        NotImplementedError: Standard input is no terminal.
    """
    try:
        import termios
    except ImportError as error:
        raise NotImplementedError from error
    try:
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
    except (AttributeError, OSError, ValueError, termios.error) as error:
        raise NotImplementedError from error
    after = list(before)
    after[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSADRAIN, after)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
