"""Our side of the benchmark: the work of ``bench_peer.erl`` on an ergopy node.

Run as ``python -m bench.peer NODE``; the cookie is in ``BENCH_COOKIE``.
"""

import os
import sys
from typing import Any

import trio

import ergopy
from etf import Atom

ITEM = Atom("item")


class Bench(ergopy.GenServer):
    """Echoes calls, counts messages, and floods whoever asks for it."""

    async def init(self) -> None:
        self.seen = 0

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case ("echo", value):
                return value
            case "report":
                seen, self.seen = self.seen, 0
                return seen
        raise ValueError(request)

    async def handle_info(self, message: Any) -> None:
        match message:
            case ("count", _):
                self.seen += 1
            case ("flood", to, count):
                for number in range(count, 0, -1):
                    await self.send(to, (ITEM, number))


def echo(value: Any) -> Any:
    return value


async def main(name: str) -> None:
    async with ergopy.Node(name, cookie=os.environ["BENCH_COOKIE"]) as node:
        node.export("bench_peer", {"echo": echo})
        await node.start(Bench, name="bench")
        await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(main, sys.argv[1])
