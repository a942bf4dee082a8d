"""A pool of workers that do as they are told, and several callers at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import outcome
import trio

from ergopy import NOREPLY, Exit, GenServer, Pool, pool

if TYPE_CHECKING:
    from ergopy import Pid, PoolStatistics
    from ergopy.process.runtime import Runtime


class Worker(GenServer):
    """Sleeps, answers, fails; its log is that of all workers."""

    async def init(self, log: list[Any] | None = None) -> None:
        self.log = [] if log is None else log

    async def handle_call(self, request: Any, from_: Any) -> Any:
        self.log.append(request)
        match request:
            case "who":
                return self.pid
            case ("sleep", seconds, value):
                await trio.sleep(seconds)
                return value
            case ("later", seconds, value):
                self.start_soon(self.later, seconds, value, from_)
                return NOREPLY
            case ("fail", seconds, reason):
                await trio.sleep(seconds)
                raise Exit(reason)
            case ("fail once", seconds, reason):
                if self.log.count(request) > 1:
                    return "again"
                await trio.sleep(seconds)
                raise Exit(reason)
            case "from":
                return from_[0]
        return request

    async def later(self, seconds: float, value: Any, from_: Any) -> None:
        await trio.sleep(seconds)
        await self.reply(from_, value)

    async def handle_cast(self, request: Any) -> None:
        self.log.append(("cast", request))
        match request:
            case ("sleep", seconds):
                await trio.sleep(seconds)
            case ("exit", reason):
                raise Exit(reason)

    async def handle_info(self, message: Any) -> None:
        self.log.append(("info", message))


class Callers:
    """Calls to one pool, each from a task of its own."""

    def __init__(self, runtime: Runtime, dest: Pid) -> None:
        self.root = runtime.root
        self.dest = dest
        self.ended: list[tuple[float, Any, Any]] = []

    async def call(self, request: Any, timeout: float | None = None) -> Any:
        return await self.root.call(self.dest, request, timeout)

    async def note(self, name: Any, request: Any, timeout: float | None = None) -> None:
        """Call, and note when and how that ends."""
        result = await outcome.acapture(self.call, request, timeout)
        value: Any
        if isinstance(result, outcome.Error):
            value = getattr(result.error, "reason", type(result.error).__name__)
        else:
            value = result.unwrap()
        self.ended.append((round(trio.current_time(), 6), name, value))

    @property
    def names(self) -> list[Any]:
        return [name for _, name, _ in self.ended]

    async def numbers(self) -> PoolStatistics:
        return await pool.statistics(self.dest, caller=self.root)


async def begin(runtime: Runtime, *args: Any, **options: Any) -> Callers:
    dest = await runtime.root.start(Pool, Worker, *args, **options)
    return Callers(runtime, dest)
