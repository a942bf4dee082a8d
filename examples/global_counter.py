"""Order numbers for a whole cluster: one server, known everywhere by one global name.

In one terminal:

    python examples/global_counter.py

In another, with Elixir or with Erlang:

    iex --name iex@127.0.0.1 --cookie secret
    iex> Node.connect(:"py@127.0.0.1") && :global.sync()
    iex> GenServer.call({:global, :orders}, :next)
    iex> :global.register_name(:orders, self())

    erl -name erl@127.0.0.1 -setcookie secret
    1> net_kernel:connect_node('py@127.0.0.1') andalso global:sync().
    2> gen_server:call({global, orders}, next).

The name is taken: `:no`. A node that is not connected cannot know that. In a third
terminal, and then in iex, the two meet, and the one that has counted further stays:

    python examples/global_counter.py two@127.0.0.1
    iex> Node.connect(:"two@127.0.0.1")
"""

import sys

import ergopy
from ergopy import Atom, GenServer


class Orders(GenServer):
    async def init(self):
        self.last = 0
        await self.node.globals.register("orders", self.pid, resolve=self.further)

    async def further(self, name, one, other):
        last = {pid: await self.node.call(pid, Atom("last")) for pid in (one, other)}
        stays, goes = sorted(last, key=last.get, reverse=True)
        await self.node.stop(goes)
        return stays

    async def handle_call(self, request, from_):
        self.last += request == "next"
        return self.last

    async def terminate(self, reason):
        print(f"orders of {self.node.name} ends at {self.last}: {reason}", flush=True)


async def main(name: str = "py@127.0.0.1"):
    async with ergopy.Node(name, cookie="secret") as node:
        await node.start(Orders)
        print(f"orders is on {node.name}; Ctrl-C ends it", flush=True)
        await node.wait_closed()


if __name__ == "__main__":
    ergopy.run(main, *sys.argv[1:])
