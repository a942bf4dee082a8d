"""A prompt of another node: the terminal, the session, and what they come to."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from ergopy.services.terminal import ERLANG, NoPrompt, Session

from ..common import complain, in_syntax
from . import HISTORY
from .terminals import PlainTerminal

if TYPE_CHECKING:
    import argparse

    import ergopy
    from ergopy.services.terminal import Completion, Terminal


class Prompt:
    """One session, in the best terminal that can be had."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._terminal = self._choose()
        self._session = Session(
            args.node, self._terminal, args.language, timeout=args.timeout
        )

    def _choose(self) -> Terminal:
        """Take the best terminal that can be had."""
        args = self._args
        if args.code is not None:
            return PlainTerminal(text=self._code)
        typed = sys.stdin.isatty() and sys.stdout.isatty()
        if args.plain or not typed or os.environ.get("TERM", "dumb") == "dumb":
            return PlainTerminal()
        try:
            from .editor import Editor
        except ImportError:
            complain("no line editing here: pip install 'ergopy[shell]'")
            return PlainTerminal()
        history = None if args.no_history else Path(HISTORY).expanduser()
        try:
            return Editor(self._complete, history)
        except OSError as error:
            complain(f"no history: {error}")
            return Editor(self._complete)

    def _code(self) -> str:
        code: str = self._args.code.rstrip()
        if self._session.language == ERLANG and not code.endswith("."):
            # Without it Erlang's shell waits for more.
            code += "."
        return code + "\n"

    async def _complete(self, before: str) -> Completion:
        return await self._session.complete(before)

    async def run(self, node: ergopy.Node) -> int:
        """Go on until the shell has ended; return the exit status."""
        session = self._session
        # Who debugs over there looks for the shell of this terminal, and asks us.
        for module, name in ("group", "whereis_shell"), ("Elixir.IEx.Broker", "shell"):
            node.export(module, {name: lambda: session.shell})
        await node.spawn(session.run)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_interrupts)
            await session.ended.wait()
            nursery.cancel_scope.cancel()
        return self._status()

    async def _watch_interrupts(self) -> None:
        with trio.open_signal_receiver(signal.SIGINT) as signals:
            async for _ in signals:
                await self._session.interrupt()

    def _status(self) -> int:
        session, args = self._session, self._args
        if isinstance(session.error, NoPrompt):
            complain(str(session.error))
            return 1
        if isinstance(session.error, OSError | ValueError):
            # Nobody reads what we write.
            return 1
        if session.error is not None:
            raise session.error
        if session.reason == "noconnection":
            complain(f"{args.node} is gone, or the connection to it")
            return 3
        if session.left or session.reason == "normal":
            return 0
        if session.reason is None:
            # It is in the log.
            return 1
        complain(f"the shell ended: {in_syntax(session.reason, args)}")
        return 4
