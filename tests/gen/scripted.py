"""A server whose callbacks return what they are told to, and its life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ergopy import Atom, GenServer, NoReply, Stop
from tests.runtimes import Ends, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

LOG = Atom("log")


class Scripted(GenServer):
    """Each request is what its callback returns; a log of what was called."""

    async def init(self, first: Any = None, *, trap: bool = False) -> Any:
        self.log: list[Any] = []
        self.process.trap_exit = trap
        return first

    async def handle_call(self, request: Any, from_: Any) -> Any:
        if request is LOG:
            return list(self.log)
        self.log.append("call")
        return request

    async def handle_cast(self, request: Any) -> Any:
        self.log.append("cast")
        return request

    async def handle_info(self, message: Any) -> Any:
        self.log.append(("info", message))
        return message if isinstance(message, (NoReply, Stop)) else None

    async def handle_continue(self, value: Any) -> Any:
        self.log.append(("continue", value))
        return value if isinstance(value, (NoReply, Stop)) else None

    async def terminate(self, reason: Any) -> None:
        self.log.append(("terminate", reason))


class Lives:
    """One Scripted server, driven from a process that reads no mail."""

    def __init__(self, runtime: Runtime, server: Scripted) -> None:
        self.runtime = runtime
        self.server = server
        self.pid = server.pid
        self.ends = Ends(server.process)

    async def call(self, request: Any, **options: Any) -> Any:
        return await self.runtime.root.call(self.pid, request, **options)

    async def cast(self, request: Any) -> None:
        await self.runtime.root.cast(self.pid, request)
        await settle()

    async def send(self, message: Any) -> None:
        await self.runtime.root.send(self.pid, message)
        await settle()

    @property
    def log(self) -> list[Any]:
        return self.server.log


async def begin(runtime: Runtime, *args: Any, **options: Any) -> Lives:
    made: list[Scripted] = []

    class Made(Scripted):
        def __init__(self) -> None:
            made.append(self)

        async def init(self, first: Any = None) -> Any:
            return await super().init(first, **options)

    await runtime.root.start(Made, *args)
    return Lives(runtime, made[0])
