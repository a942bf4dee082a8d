"""A Python node as a program of its own, which can be asked what a BEAM is asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import trio

from ..beam import EVAL_SECONDS, START_SECONDS, Beam, _outcome

PROGRAM = Path(__file__).parent / "program.py"


class Member(Beam):
    """A BEAM that knows the words of ``ergopy_cluster.erl``."""

    async def do(self, word: str, *args: Any, timeout: float = EVAL_SECONDS) -> Any:
        """Have a function of ``ergopy_cluster`` run there; return its value."""
        source = "apply(ergopy_cluster, list_to_atom(binary_to_list(Word)), Args)"
        return await self.run(source, timeout, Word=word.encode(), Args=list(args))

    async def ended(self) -> None:
        """Wait until a node that was told to leave has done so."""
        await trio.to_thread.run_sync(self._process.wait, START_SECONDS)
        self.kill9()


class PythonMember(Member):
    """A Python node that runs ``program.py``; *options* are those of the node."""

    def __init__(self, kind: str, *, options: dict[str, Any], **more: Any) -> None:
        self._options = options
        super().__init__(kind, **more)

    def _command(self) -> tuple[list[str], dict[str, str]]:
        options = {"name": self.name, "cookie": self.cookie, **self._options}
        command = [sys.executable, "-bb", str(PROGRAM), json.dumps(options)]
        return command, {"PYTHONPATH": str(PROGRAM.parents[2])}

    async def do(self, word: str, *args: Any, timeout: float = EVAL_SECONDS) -> Any:
        """Have a function of ``program.py`` run there; return its value."""
        source = f"{word}(node, *args)"
        return await _outcome(
            self._ask("python", source, {"args": list(args)}), timeout
        )

    async def run(
        self, source: str, timeout: float = EVAL_SECONDS, /, **names: Any
    ) -> Any:
        """The value of a Python expression, with ``node`` and these variables."""
        return await _outcome(self._ask("python", source, names), timeout)
