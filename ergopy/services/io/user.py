"""``user`` and ``standard_error``: the devices that every node has.

A function that we call by erpc, and every process that we spawn on a BEAM, has our
group leader, so what it prints comes here (protocol 6.8). ``user`` writes it to
standard output; its input is at its end, unless the program wants standard input to be
read.
"""

from __future__ import annotations

import shutil
import sys
from typing import Any

from etf import Atom

from ...gen.caller import acting
from .device import IoDevice
from .stdin import Stdin, unseen

_STDIN = Atom("$stdin")


def serve_stdin(serve: bool = True, *, caller: Any = None) -> None:
    """Let processes read the standard input of this program from ``user``, or no more.

    It is off by default: then ``user`` is at the end of its input, as the program may
    have a use of its own for it. While it is on nothing else should read it. Any node
    of the cluster may read, then.

    Args:
        serve: On or off. A request that waits for a line already gets it.
        caller: A process or node of the node that is meant; by default that of the
            process which runs this.
    """
    acting(caller).runtime.root.dictionary[_STDIN] = serve


class User(IoDevice):
    """Standard input and output, and the group leader of what the node starts.

    After a restart what runs already has one that is gone; what it prints is lost,
    except from applications, whose masters ask for the new one.
    """

    async def init(self) -> None:
        self._stdin = Stdin()
        self.process.runtime.root.group_leader = self.pid

    async def put_chars(self, text: str) -> None:
        write_to("stdout", text)

    async def get_line(self, prompt: str) -> str | None:
        if not self._serves_stdin():
            return None
        write_to("stdout", prompt)
        return await self._stdin.line()

    async def get_password(self, prompt: str) -> str | None:
        if not self._serves_stdin():
            return None
        with unseen():
            return await self._stdin.line()

    def geometry(self) -> tuple[int, int] | None:
        try:
            if not sys.stdout.isatty():
                return None
        except (AttributeError, ValueError):
            return None
        return shutil.get_terminal_size()

    def _serves_stdin(self) -> bool:
        return bool(self.process.runtime.root.dictionary.get(_STDIN))


class StandardError(IoDevice):
    """Standard error: output only."""

    async def put_chars(self, text: str) -> None:
        write_to("stderr", text)


def write_to(stream: str, characters: str) -> None:
    """Write to ``sys.stdout`` or ``sys.stderr``, whatever that is just now.

    Nothing that a peer sends reaches the terminal as a control sequence.
    """
    out = getattr(sys, stream)
    if out is None:
        return
    encoding = out.encoding or "utf-8"
    out.write(harmless(characters).encode(encoding, "replace").decode(encoding))
    out.flush()


def harmless(characters: str) -> str:
    """Return the text with question marks for what a terminal would obey."""
    if characters.isprintable():
        return characters
    return "".join([c if c.isprintable() or c in "\n\t" else "?" for c in characters])
