"""What our peer does for the tests of ``bench_signals.erl``, as ``bench_work.erl``.

Each request is worked on by a process of its own, which answers the call.
"""

import time
from typing import Any

import ergopy
from bench import saga, stage
from etf import Atom

BATCH = 500
SEQ = Atom("seq")
OK = Atom("ok")


class Server(ergopy.GenServer):
    """One of many servers."""

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return request[1]


async def run(process: ergopy.Process, from_: Any, request: Any) -> None:
    match request:
        case ("spawn", what, count):
            answer: Any = await spawn(process, SPAWNED[what], count)
        case ("rspawn", node, count):
            answer = [await remote(process, node) for _ in range(count)]
        case ("workers", count):
            answer = [await process.spawn(idle) for _ in range(count)]
        case ("ordered", to, senders, count):
            for sender in range(1, senders + 1):
                await process.spawn(number, to, sender, count)
            answer = OK
        case ("idle", "process", count):
            for _ in range(count):
                await process.spawn(idle)
            await last(process, quick)
            answer = OK
        case ("idle", "server", count):
            for _ in range(count):
                await process.start(Server)
            answer = OK
        case ("stage", task):
            answer = await stage.work(process, task)
        case ("saga", task):
            answer = await saga.work(process, task)
        case ("servers", count):
            answer = [await process.start(Server) for _ in range(count)]
        case _:
            raise ValueError(request)
    await process.reply(from_, answer)


async def quick(process: ergopy.Process) -> None:
    """End at once."""


async def idle(process: ergopy.Process) -> None:
    await process.receive()


async def number(process: ergopy.Process, to: Any, sender: int, count: int) -> None:
    for n in range(1, count + 1):
        await process.send(to, (SEQ, sender, n))


async def spawn(process: ergopy.Process, spawned: Any, count: int) -> float:
    """Return microseconds per process."""
    start = time.perf_counter()
    for left in range(count, 0, -BATCH):
        await spawned(process, min(left, BATCH))
    return (time.perf_counter() - start) / count * 1e6


async def plain(process: ergopy.Process, size: int) -> None:
    for _ in range(size - 1):
        await process.spawn(quick)
    await last(process, quick)


async def message(process: ergopy.Process, size: int) -> None:
    for _ in range(size - 1):
        await process.send(await process.spawn(idle), "stop")
    await last(process, idle)


async def monitor(process: ergopy.Process, size: int) -> None:
    for _ in range(size):
        await process.spawn(quick, monitor=True)
    for _ in range(size):
        await process.receive()


SPAWNED = {"plain": plain, "message": message, "monitor": monitor}


async def last(process: ergopy.Process, body: Any) -> None:
    """Start one more and wait for its end: all that were started before had a turn."""
    pid, _ = await process.spawn(body, monitor=True)
    await process.send(pid, "stop")
    await process.receive()


async def remote(process: ergopy.Process, node: str) -> int:
    """Return the nanoseconds from a remote spawn to the DOWN of its end."""
    start = time.perf_counter_ns()
    await process.remote_spawn(node, "bench_work", "quick", monitor=True)
    await process.receive()
    return time.perf_counter_ns() - start
