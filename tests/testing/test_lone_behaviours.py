"""Every behaviour runs alone, without a node."""

from __future__ import annotations

from typing import Any

import trio

import ergopy
from ergopy import (
    Atom,
    ChildSpec,
    EventHandler,
    EventManager,
    GenServer,
    StateMachine,
    Supervisor,
    event_manager,
)
from ergopy.gen.state_machine import Keep, Next, Reply, StateTimeout
from ergopy.testing import Called, ExitSent, Linked, Sent, lone_process
from tests.runtimes import settle


class Door(StateMachine):
    """Locks itself a minute after it was opened, and tells the guard."""

    async def init(self) -> Any:
        return Next("locked", None)

    async def handle_event(self, kind: Any, event: Any, state: Any, data: Any) -> Any:
        match state, kind, event:
            case "locked", ("call", from_), "open":
                return Next("open", data, actions=[Reply(from_, "ok"), StateTimeout(60)])
            case "open", "state_timeout", _:
                await self.send("guard", Atom("locked"))
                return Next("locked", data)
        return Keep()


class Worker(GenServer):
    async def handle_call(self, request: Any, from_: Any) -> Any:
        return request

    async def handle_cast(self, request: Any) -> Any:
        raise ValueError("as you wish")
