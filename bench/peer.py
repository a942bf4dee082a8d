"""Our side of the benchmark: the work of ``bench_peer.erl`` on an ergopy node.

Run as ``python -m bench.peer NODE``; the cookie is in ``BENCH_COOKIE``, and the
folder with the certificates, if it is to be TLS, in ``BENCH_TLS``.
"""

import os
import sys
from typing import Any

import trio

import ergopy
from bench import work
from etf import Atom

ITEM = Atom("item")


class Bench(ergopy.GenServer):
    """Echoes calls, counts messages, and floods whoever asks for it."""

    async def init(self) -> None:
        self.trap_exit = True
        self.seen = 0
        self.last: dict[int, int] = {}
        self.wrong = 0

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case ("echo", value):
                return value
            case "report":
                seen, self.seen = self.seen, 0
                return seen
            case "order":
                answer = self.seen, self.wrong
                self.seen, self.last, self.wrong = 0, {}, 0
                return answer
            case "pid":
                return self.pid
        await self.spawn(work.run, from_, request)
        return ergopy.NOREPLY

    async def handle_info(self, message: Any) -> None:
        match message:
            case ("count", _):
                self.seen += 1
            case ("seq", sender, number):
                self.seen += 1
                self.wrong += self.last.get(sender, 0) + 1 != number
                self.last[sender] = number
            case ergopy.ExitMessage():
                self.seen += 1
            case ("flood", to, count):
                for number in range(count, 0, -1):
                    await self.send(to, (ITEM, number))


def echo(value: Any) -> Any:
    return value


async def main(name: str) -> None:
    folder = os.environ.get("BENCH_TLS")
    tls = ergopy.Tls.from_folder(folder) if folder else None
    async with ergopy.Node(name, cookie=os.environ["BENCH_COOKIE"], tls=tls) as node:
        node.export("bench_peer", {"echo": echo})
        node.provide_spawn("bench_work", work.quick, "quick")
        await node.start(Bench, name="bench")
        await trio.sleep_forever()


if __name__ == "__main__":
    ergopy.run(main, sys.argv[1])
