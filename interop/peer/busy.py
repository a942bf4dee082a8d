"""A Python node whose only process keeps the loop for seconds, on request.

    python busy.py NAME COOKIE NET_TICKTIME

It says ``ready`` and lives until its standard input ends.
"""

import sys
import time

import trio

import ergopy


class Busy(ergopy.GenServer):
    async def handle_call(self, request, from_):
        return request

    async def handle_cast(self, seconds):
        time.sleep(seconds)  # noqa: ASYNC251 - keeps the loop, as bad programs do


async def main(name, cookie, ticktime):
    async with ergopy.Node(name, cookie=cookie, net_ticktime=float(ticktime)) as node:
        await node.start(Busy, name="busy")
        print("ready", flush=True)
        stdin = trio.lowlevel.FdStream(sys.stdin.fileno())
        while await stdin.receive_some():
            pass


ergopy.run(main, *sys.argv[1:])
