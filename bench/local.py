"""What a node does within itself, on ergopy: the work of ``bench_local.erl``.

Run as ``python -m bench.local``; it reads ``NAME COUNT`` and answers ``ok us=...``,
microseconds for one. ``bench.triotp_local`` is the same for triotp.
"""

import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import trio

import ergopy
from ergopy import Atom, ChildSpec, GenServer, Process, Registry, supervisor


class Server(GenServer):
    """Echoes; counts casts."""

    async def init(self) -> None:
        self.seen = 0

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return request

    async def handle_cast(self, request: Any) -> None:
        self.seen += 1


async def call(process: Process, count: int) -> None:
    pid = process.whereis("server")
    for number in range(count):
        await process.call(pid, number)


async def cast(process: Process, count: int) -> None:
    """Send casts, and wait until the last one was handled."""
    pid = process.whereis("server")
    for number in range(count):
        await process.cast(pid, number)
    await process.call(pid, 0)


async def cast_sent(process: Process, count: int) -> None:
    """Send casts to who does not get to run meanwhile, in bursts of *count*."""
    pid = process.whereis("server")
    for number in range(count):
        await process.cast(pid, number)


async def send(process: Process, count: int) -> None:
    """Send messages to a process that takes them, and wait for the last."""
    pid = await process.spawn(sink, count, process.pid)
    for number in range(count):
        process.send_nowait(pid, number)
    await process.receive()


async def sink(process: Process, count: int, to: Any) -> None:
    for _ in range(count):
        await process.receive()
    await process.send(to, Atom("done"))


async def start(process: Process, count: int) -> None:
    for _ in range(count):
        await supervisor.start_child("children", [])


async def lookup(process: Process, count: int) -> None:
    registry = Registry.of("registry")
    for _ in range(count):
        registry.lookup(500)


_FUNCTIONS = (call, cast, cast_sent, send, start, lookup)
WORK: dict[str, Callable[[Process, int], Awaitable[None]]]
WORK = {function.__name__: function for function in _FUNCTIONS}


async def main() -> None:
    async with ergopy.Node("local@127.0.0.1", cookie="x", epmd="off") as node:
        await node.start(Server, name="server")
        simple = {"strategy": "simple_one_for_one", "name": "children"}
        template = ChildSpec(Server, restart="temporary")
        await node.start(ergopy.Supervisor, [template], **simple)
        await node.start(Registry, name="registry", start=Server)
        for key in range(1_000):
            await Registry.of("registry", caller=node).start(key)
        # Standard input is read in between: nothing else is to be done then.
        for line in sys.stdin:
            name, count = line.split()
            took = await timed(node, WORK[name], int(count))
            print(f"ok us={took:.6f}", flush=True)


async def timed(node: ergopy.Node, work: Any, count: int) -> float:
    """Return the microseconds of one, in a process that does *count*."""
    took: list[float] = []
    over = trio.Event()

    async def body(process: Process) -> None:
        begin = time.perf_counter()
        await work(process, count)
        took.append(time.perf_counter() - begin)

    async def run(process: Process) -> None:
        try:
            await body(process)
        finally:
            over.set()

    await node.spawn(run)
    await over.wait()
    return took[0] / count * 1e6


if __name__ == "__main__":
    ergopy.run(main)
