"""Handlers that note all that they get, and do what an event says."""

from __future__ import annotations

from typing import Any

from ergopy import Atom, EventHandler

SEEN: list[Any] = []


class Note(EventHandler):
    """Notes all that it gets; an event that is callable is what it does."""

    async def init(self, args: Any) -> Any:
        SEEN.append(("init", args))
        self.args = args
        wanted = args[0] if isinstance(args, tuple) else args
        return wanted(self) if callable(wanted) else None

    async def handle_event(self, event: Any) -> Any:
        SEEN.append(("event", event))
        return event(self) if callable(event) else None

    async def handle_call(self, request: Any) -> Any:
        SEEN.append(("call", request))
        if request == "odd":
            return object()
        return request(self) if callable(request) else request

    async def terminate(self, args: Any) -> Any:
        SEEN.append(("terminate", args))
        return args(self) if callable(args) else (Atom("left"), args)


class Other(Note):
    pass


def crash(_: Any) -> Any:
    raise ValueError("wanted")
