"""Our side of the tests of stages: the work of ``bench_stage.erl`` on ergopy."""

import time
from collections.abc import Callable
from typing import Any

import ergopy
from ergopy import Process, Stop, Subscription
from etf import Atom

ID, CUSTOMER, TOTAL, PAID = map(Atom, ("id", "customer", "total", "paid"))


class Counter(ergopy.Producer):
    """Makes events for ever; ends with its consumer."""

    async def init(self, make: Callable[[int, int], list[Any]]) -> None:
        self.make = make
        self.next = 0

    async def handle_demand(self, demand: int) -> list[Any]:
        first, self.next = self.next, self.next + demand
        return self.make(first, self.next)

    async def handle_cancel(self, subscription: Subscription, reason: Any) -> Stop:
        return Stop("normal")


class Sink(ergopy.Consumer):
    """Ends after *count* events."""

    async def init(self, producer: Any, max_demand: int, count: int) -> None:
        self.subscribe_to = [(producer, {"max_demand": max_demand})]
        self.count = count
        self.seen = 0

    async def handle_events(
        self, events: list[Any], subscription: Subscription
    ) -> Stop | None:
        first = events[0]
        if self.seen != (first[ID] if isinstance(first, dict) else first):
            raise ValueError(f"{first!r} is not the event after {self.seen - 1}")
        self.seen += len(events)
        return Stop("normal") if self.seen >= self.count else None


def numbers(first: int, end: int) -> list[int]:
    return list(range(first, end))


def orders(first: int, end: int) -> list[dict[Atom, Any]]:
    return [
        {ID: number, CUSTOMER: b"Zoe Miller", TOTAL: 12.5, PAID: True}
        for number in range(first, end)
    ]


MAKE = {"number": numbers, "order": orders}


async def work(process: Process, task: Any) -> Any:
    """Do what ``bench_stage`` asks a peer for."""
    match task:
        case ("within", kind, max_demand, count):
            producer = await process.start(Counter, MAKE[kind])
            return await consume(process, producer, max_demand, count)
        case ("producer", kind):
            return await process.start(Counter, MAKE[kind])
        case ("consume", producer, max_demand, count):
            return await consume(process, producer, max_demand, count)
    raise ValueError(task)


async def consume(process: Process, producer: Any, max_demand: int, count: int) -> int:
    """Return the microseconds from the subscription to the last event."""
    start = time.perf_counter_ns()
    await process.monitor(await process.start(Sink, producer, max_demand, count))
    down = await process.receive()
    if down.reason != "normal":
        raise ergopy.Exit(down.reason)
    return (time.perf_counter_ns() - start) // 1000
