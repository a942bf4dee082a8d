"""Sources that say what was taken of them, and producers that a test plays."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.lowlevel

from ergopy import (
    Atom,
    CallExit,
    stage,
)
from tests.gen.stage.stages import Hand, cancel
from tests.runtimes import (
    find,
    settle,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from ergopy import Pid, StageStream
    from ergopy.process.runtime import Runtime


DEMAND = Atom("$demand")
FORWARD = (Atom("$gen_cast"), (DEMAND, Atom("forward")))

CLEAN = [Atom("normal"), Atom("shutdown"), (Atom("shutdown"), 1)]
OTHERS = [Atom("killed"), Atom("noproc"), (Atom("shutdown"), 1, 2), b"text", 7]


async def batches(stream: Any) -> list[list[Any]]:
    return [batch async for batch in stream]


async def read(stream: StageStream, batches: list[Any]) -> None:
    """Be a loop beside the test."""
    async for batch in stream:
        batches.append(batch)


class Played(Hand):
    """A producer that the test plays, with one consumer."""

    tag: Any
    consumer: Any

    async def subscribed(self) -> list[Any]:
        """Wait until somebody has subscribed; return what else was said."""
        await settle()
        messages = self.process.messages()
        self.process.clear()
        _, (self.consumer, self.tag), subscribe = messages[0]
        assert subscribe[:2] == (Atom("subscribe"), None)
        return [
            subscribe[2],
            *(m[-1] if m[0] != "$gen_cast" else m for m in messages[1:]),
        ]

    async def give(self, *events: Any) -> None:
        await self.to_consumer(self.consumer, self.tag, list(events))

    async def cancel(self, reason: Any) -> None:
        await self.to_consumer(self.consumer, self.tag, cancel(reason))


class Items:
    """A source in many forms; it says what was taken, and whether it is closed."""

    def __init__(self, *items: Any, pause: float = 0, failure: Any = None) -> None:
        self.items = items
        self.pause = pause
        self.failure = failure
        self.taken: list[Any] = []
        self.closed = 0

    async def slowly(self) -> AsyncIterator[Any]:
        with self._open():
            for item in self.items:
                await trio.sleep(self.pause)
                self.taken.append(item)
                yield item

    def plain(self) -> Iterator[Any]:
        with self._open():
            for item in self.items:
                self.taken.append(item)
                yield item

    @contextmanager
    def _open(self) -> Iterator[None]:
        try:
            yield
            if self.failure is not None:
                raise self.failure
        finally:
            self.closed += 1

    async def later(self) -> list[Any]:
        await trio.sleep(self.pause)
        return list(self.items)


async def start(runtime: Runtime, source: Any, **options: Any) -> Pid:
    return await stage.from_iterable(source, caller=runtime.root, **options)


async def events(runtime: Runtime, pid: Pid, **options: Any) -> list[Any]:
    stream = stage.subscribe(pid, caller=runtime.root, **options)
    return list(chain(*[batch async for batch in stream]))


class Taker(Hand):
    """A consumer that the test plays, of one producer."""

    producer: Pid
    tag: Any

    async def begin(self, producer: Pid, demand: int) -> None:
        self.producer = producer
        self.tag = await self.subscribe(producer)
        await self.ask_for(demand)

    async def ask_for(self, demand: int) -> None:
        await self.ask(self.producer, self.tag, demand)

    def events(self) -> list[Any]:
        """Take the events that came."""
        return list(chain(*(body for body in self.read() if isinstance(body, list))))


async def taking(runtime: Runtime, producer: Pid, demand: int) -> Taker:
    taker = Taker(runtime)
    await taker.begin(producer, demand)
    return taker


async def stop(runtime: Runtime, pid: Pid) -> None:
    await runtime.root.stop(pid)


async def kill(runtime: Runtime, pid: Pid) -> None:
    find(runtime, pid).kill()


async def crash(runtime: Runtime, pid: Pid) -> None:
    with pytest.raises(CallExit):
        await runtime.root.call(pid, "anything")
