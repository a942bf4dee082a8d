"""A Python node as a program of its own, for chapters that kill it.

    python node.py NAME COOKIE

It serves ``desk``, lets others start a ``model``, says ``ready`` and lives until its
standard input ends.
"""

import sys

import trio

import ergopy
from ergopy import NOREPLY


class Desk(ergopy.GenServer):
    async def init(self, *args):
        pass

    async def handle_call(self, request, from_):
        return NOREPLY if request == "never" else request


async def main(name, cookie):
    async with ergopy.Node(name, cookie=cookie) as node:
        await node.start(Desk, name="desk")
        node.provide_spawn("model", Desk)
        print("ready", flush=True)
        stdin = trio.lowlevel.FdStream(sys.stdin.fileno())
        while await stdin.receive_some():
            pass


ergopy.run(main, *sys.argv[1:])
