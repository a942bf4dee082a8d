"""What an exit signal does: every way to send one, trapped or not, by reason.

The outcomes were captured from BEAMs (``interop/test_exit_matrix.py``), where they are
the same in OTP 25 and 28, and inside a node and between two. Ours have to be the same
inside a node, between two, and with a BEAM at either end.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import etf
from ergopy import Atom, ExitMessage, Process

PATH = Path(__file__).parent / "data" / "exit_matrix.json"

WAYS = ("link", "exit", "alias", "self")
"""The end of a link partner, exit/2 to the pid, to an alias of it, to oneself."""

REASONS = (
    "normal",
    "kill",
    "killed",
    "noconnection",
    "shutdown",
    "{shutdown,1}",
    "{badmatch,[1]}",
    "{'EXIT',self,normal}",
    "nil",
)

CASES = [
    (way, trap, reason) for way, trap, reason in product(WAYS, (False, True), REASONS)
]


def key(way: str, trap: bool, reason: str) -> str:
    return f"{way} {'trapped' if trap else 'plain'} {reason}"


def known() -> dict[str, Any]:
    """Return the outcomes: ``["dies", Reason]`` or ``["lives", [Message, ...]]``."""
    return json.loads(PATH.read_text())  # type: ignore[no-any-return]


def died(reason: Any) -> list[Any]:
    return ["dies", etf.format(reason)]


def lives(messages: list[Any], sender: Any, target: Any) -> list[Any]:
    """Write what is in the mailbox of one that lives, with names for the pids."""
    seen = []
    for tag, who, reason in messages:
        name = {sender: "sender", target: "itself"}[who]
        seen.append([str(tag), name, etf.format(reason)])
    return ["lives", seen]


class Target:
    """A process that collects what comes, signals itself on request, and reports."""

    def __init__(self, trap: bool) -> None:
        self.trap = trap
        self.mail: list[Any] = []
        self.alias: Any = None
        self.reports = 0

    async def __call__(self, process: Process) -> None:
        process.trap_exit = self.trap
        self.alias = process.alias()
        while True:
            message = await process.receive()
            if isinstance(message, ExitMessage):
                self.mail.append(message)
            elif message == "report":
                self.reports += 1
            else:
                await process.exit(process.pid, message[1])


class Sender:
    """A process that sends one signal to *target* in some way."""

    def __init__(self, way: str, target: Any, alias: Any, reason: Any) -> None:
        self.signal = way, target, alias, reason

    async def __call__(self, process: Process) -> None:
        from ergopy import Exit

        way, target, alias, reason = self.signal
        if way == "link":
            await process.link(target)
            raise Exit(reason)
        if way == "self":
            await process.send(target, (Atom("signal"), reason))
        else:
            await process.exit(alias if way == "alias" else target, reason)
