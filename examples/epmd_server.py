"""An EPMD in Python, for machines without Erlang; it says who comes and goes.

In one terminal (4370, so that a real EPMD on 4369 is not in the way):

    python examples/epmd_server.py 4370

In others:

    ERL_EPMD_PORT=4370 iex --name iex@127.0.0.1
    python -m epmd names --port 4370
    python -m epmd kill --port 4370

The last one ends it, once the nodes have gone. `python -m epmd` is the full program.
"""

import logging
import sys

import trio

import epmd


async def main(port: int) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    async with trio.open_nursery() as nursery:
        server = await nursery.start(epmd.serve, ["127.0.0.1"], port)
        print(f"epmd is on port {server.port}; Ctrl-C ends it", flush=True)
        await server.wait_shutdown()
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    try:
        trio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else epmd.DEFAULT_PORT)
    except KeyboardInterrupt:
        print("ended")
