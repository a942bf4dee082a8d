"""Sagas of the bench: what ``bench_saga.erl`` is on a BEAM.

A saga sends each transaction on to those it was started with; one without any has the
result. The first one starts another transaction when one is decided, so that a fixed
number of them is under way.
"""

import itertools
import time
from typing import Any

import trio

import ergopy
from ergopy import Process, SagaTransaction
from etf import Atom

HOLD = Atom("hold")
_names = itertools.count(1)


class Hop(ergopy.Saga):
    """Any of the sagas."""

    max_transactions = None
    history = 0

    async def init(self, to: Any, log: str) -> None:
        self.to = to
        self.two_phase = log != "plain"
        if log == "memory":
            self.log = ergopy.MemorySagaLog()
        self.waiting: dict[SagaTransaction, int] = {}
        self.left = self.unfinished = 0
        self.witness: Any = None

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case ("run", count, in_flight):
                self.left, self.unfinished = count - in_flight, count
                self.witness = from_
                for _ in range(in_flight):
                    await self.begin()
                return ergopy.NOREPLY
            case "open":
                return len(self.transactions)

    async def handle_cast(self, request: Any) -> None:
        match request:
            case ("hold", count):
                for _ in range(count):
                    await self.begin()

    async def begin(self) -> None:
        await self.start_transaction(1, two_phase_commit=self.two_phase)

    async def handle_tx_new(self, tx: SagaTransaction, value: int) -> None:
        if self.to == HOLD:
            return
        if not self.to:
            await self.send_result(tx, value + 1)
            return
        if len(self.to) > 1:
            self.waiting[tx] = len(self.to)
        for saga in self.to:
            await self.next(tx, saga, value)

    async def handle_tx_result(
        self, tx: SagaTransaction, step: Any, result: Any
    ) -> None:
        if len(self.to) > 1:
            self.waiting[tx] -= 1
            if self.waiting[tx]:
                return
            del self.waiting[tx]
        await self.send_result(tx, result)

    async def handle_tx_done(self, tx: SagaTransaction, result: Any) -> Any:
        self.unfinished -= 1
        if self.left:
            self.left -= 1
            await self.begin()
        elif not self.unfinished:
            await self.reply(self.witness, True)
        return result


async def work(process: Process, task: Any) -> Any:
    """Do what ``bench_saga`` asks a peer for."""
    match task:
        case ("start", to, log):
            name = f"saga{next(_names)}" if log == "durable" else None
            return await process.start(Hop, to, str(log), name=name)
        case ("run", pid, count, in_flight):
            start = time.perf_counter_ns()
            await process.call(pid, ("run", count, in_flight), timeout=None)
            await _until_open(process, pid, 0)
            return (time.perf_counter_ns() - start) // 1000
        case ("hold", first, leaf, count):
            await process.cast(first, ("hold", count))
            return await _until_open(process, leaf, count)
        case ("settle", pid):
            return await _until_open(process, pid, 0)
        case ("stop", pid):
            await process.stop(pid)
            return Atom("ok")
    raise ValueError(task)


async def _until_open(process: Process, pid: Any, count: int) -> Atom:
    while await process.call(pid, "open", timeout=None) != count:  # noqa: ASYNC110
        await trio.sleep(0.001)
    return Atom("ok")
