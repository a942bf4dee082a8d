"""Python processes for BEAM peers to talk to; mirrors of ``ergopy_peer_server``."""

from __future__ import annotations

import secrets
import subprocess
import sys
from functools import partial
from pathlib import Path
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


async def start_program(nursery: trio.Nursery, name: str, *args: str) -> Any:
    """Run one of ``peer/``; it is up, and ends with the nursery."""
    run = partial(
        trio.run_process,
        [sys.executable, str(Path(__file__).parent / "peer" / name), *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        check=False,
    )
    process = await nursery.start(run)
    output = b""
    with trio.fail_after(20):
        while not output.endswith(b"\n"):
            output += await process.stdout.receive_some()
    assert output == b"ready\n"
    return process


async def all_sleepers_end(beam: Any) -> None:
    """Wait until nothing runs ``timer:sleep/1`` there that was spawned to do so."""
    gone = """
        ergopy_peer:until(fun() ->
            [P || P <- processes(),
                  {_, {timer, sleep, 1}} <- [process_info(P, initial_call)]] =:= []
        end)
    """
    assert await beam.run(gone) is True


def local_name(prefix: str) -> Atom:
    """A registered name that no other test uses on a shared BEAM."""
    return Atom(f"{prefix}_{secrets.token_hex(4)}")
