"""``python -m ergopy.hosted``: the process behind a ``HostedNode``; not for people."""

import logging
import os
import sys

import trio

from .._main import run as run_program
from ..errors import Exit
from .program import HEADER, run


async def main() -> None:
    """Read the plan, run the node, and end with the pipe that the plan came from."""
    pipe = trio.lowlevel.FdStream(os.dup(sys.stdin.fileno()))
    length = int.from_bytes(await _exactly(pipe, HEADER), "big")
    plan = await _exactly(pipe, length)
    failed = False
    async with trio.open_nursery() as nursery:

        async def watch() -> None:
            while await pipe.receive_some(4096):
                pass
            nursery.cancel_scope.cancel()

        nursery.start_soon(watch)
        try:
            await run(plan)
        except Exit:
            # That has been logged where it happened.
            failed = True
        nursery.cancel_scope.cancel()
    if failed:
        raise SystemExit(1)


async def _exactly(pipe: trio.lowlevel.FdStream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = await pipe.receive_some(size - len(data))
        if not more:
            raise SystemExit(1)
        data += more
    return data


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    run_program(main)
