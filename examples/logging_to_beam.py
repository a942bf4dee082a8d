"""Crash reports in Python's logging, and, for who says where, in the log of a BEAM.

In one terminal, with either of

    python examples/logging_to_beam.py
    python examples/logging_to_beam.py iex@127.0.0.1
    python examples/logging_to_beam.py erl@127.0.0.1

In another, before or after it, with Elixir or with Erlang:

    iex --name iex@127.0.0.1 --cookie secret
    iex> stock = {:stock, :"py@127.0.0.1"}
    iex> GenServer.call(stock, {:take, "tea"})
    iex> GenServer.cast(stock, {:take, "gold"})

    erl -name erl@127.0.0.1 -setcookie secret
    1> gen_server:call({stock, 'py@127.0.0.1'}, {take, <<"tea">>}).
    2> gen_server:cast({stock, 'py@127.0.0.1'}, {take, <<"gold">>}).

There is no gold: the server crashes and is started again, and the log has it.
"""

import logging
import sys

import ergopy
from ergopy import BeamLogHandler, ChildSpec, GenServer, Supervisor

logger = logging.getLogger("stock")


class Stock(GenServer):
    async def init(self):
        self.left = {b"tea": 2}

    async def handle_call(self, request, from_):
        _, thing = request
        self.left[thing] -= 1
        if self.left[thing] < 2:
            logger.warning("%s is low: %d", thing.decode(), self.left[thing])
        return self.left[thing]

    async def handle_cast(self, request):
        await self.handle_call(request, None)


async def main(beam: str | None = None):
    logging.basicConfig()
    async with ergopy.Node("py@127.0.0.1", cookie="secret") as node:
        if beam is not None:
            logging.getLogger().addHandler(BeamLogHandler(node, beam))
        await node.start(Supervisor, [ChildSpec(Stock, name="stock")])
        print(f"stock is on {node.name}; Ctrl-C ends it", flush=True)
        await node.wait_closed()


if __name__ == "__main__":
    ergopy.run(main, *sys.argv[1:])
