"""Python processes for BEAM peers to talk to; mirrors of ``ergopy_peer_server``."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from ergopy import NOREPLY, Atom, Exit, GenServer, Stop, testing

if TYPE_CHECKING:
    from collections.abc import Callable


class Desk(GenServer):
    """Answers whatever the chapters ask."""

    async def init(self, value: int = 0) -> None:
        self.value = value

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case ("echo", term):
                return term
            case ("add", int(n)):
                self.value += n
                return self.value
            case "value":
                return self.value
            case "never":
                return NOREPLY
            case ("later", seconds, reply):
                self.start_soon(self.answer, seconds, from_, reply)
                return NOREPLY
            case "crash":
                raise ValueError("wanted")
            case ("exit", reason):
                raise Exit(reason)
            case ("stop", reason, reply):
                return Stop(reason, reply=reply)
        raise LookupError(f"unknown request {request!r}")

    async def answer(self, seconds: float, from_: Any, reply: Any) -> None:
        await trio.sleep(seconds)
        await self.reply(from_, reply)

    async def handle_cast(self, request: Any) -> Any:
        match request:
            case ("add", int(n)):
                self.value += n
            case ("tell", pid, term):
                await self.send(pid, term)
            case ("stop", reason):
                return Stop(reason)
        return None

    async def handle_info(self, message: Any) -> None:
        match message:
            case ("ping", pid):
                await self.send(pid, (Atom("pong"), self.pid))


inside = partial(testing.inside, timeout=15)
"""Run ``function(proc)`` in a process of its own; return or raise what it does."""


async def sleeper(proc: Any) -> None:
    """Live until told to end: ``{exit, Reason}``, or ``raise`` for an exception."""
    while True:
        match await proc.receive():
            case ("exit", reason):
                raise Exit(reason)
            case "raise":
                raise KeyError("wanted")
            case "stop":
                return


async def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* holds; fail after ten seconds."""
    with trio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - of things that have no event
            await trio.sleep(0.005)


def local_name(prefix: str) -> Atom:
    """A registered name that no other test uses on a shared BEAM."""
    return Atom(f"{prefix}_{secrets.token_hex(4)}")
