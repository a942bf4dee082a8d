"""A counter that Elixir and Erlang call as if it were one of theirs.

In one terminal:

    python examples/counter.py

In another:

    iex --name iex@127.0.0.1 --cookie secret
    iex> counter = {:counter, :"py@127.0.0.1"}
    iex> GenServer.call(counter, {:add, 3})
    iex> GenServer.cast(counter, :reset)
    iex> GenServer.call(counter, :value)
    iex> GenServer.call(counter, :stop)
"""

import ergopy
from ergopy import Atom, GenServer, Stop


class Counter(GenServer):
    async def init(self, start: int = 0) -> None:
        self.value = start

    async def handle_call(self, request, from_):
        match request:
            case (Atom("add"), int(number)):
                self.value += number
                return self.value
            case "value":
                return self.value
            case "stop":
                return Stop("normal", reply=Atom("stopped"))
        raise ValueError(f"unknown request {request!r}")

    async def handle_cast(self, request):
        if request == "reset":
            self.value = 0

    async def terminate(self, reason):
        print(f"counter ends at {self.value}: {reason}")
        self.node.close()


async def main():
    async with ergopy.Node("py@127.0.0.1", cookie="secret") as node:
        await node.start(Counter, 10, name="counter")
        print(f"counter is on {node.name}; Ctrl-C ends it", flush=True)
        await node.wait_closed()


if __name__ == "__main__":
    ergopy.run(main)
