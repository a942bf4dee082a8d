"""Workers in a process group: ask any of them, or the one that a photo belongs to.

In one terminal, and later in one more, for workers on a second node:

    python examples/workers_in_a_group.py
    python examples/workers_in_a_group.py two@127.0.0.1 py@127.0.0.1

In another, with Elixir or with Erlang:

    iex --name iex@127.0.0.1 --cookie secret --erl "-kernel start_pg true"
    iex> :erpc.call(:"py@127.0.0.1", :photos, :thumbnail, ["cat.jpg"])
    iex> worker = Enum.random(:pg.get_members(:workers))
    iex> GenServer.call(worker, {:thumbnail, "cat.jpg"})
    iex> Process.exit(worker, :kill)

    erl -name erl@127.0.0.1 -setcookie secret -kernel start_pg true
    1> erpc:call('py@127.0.0.1', photos, thumbnail, [<<"cat.jpg">>]).
    2> gen_server:call(hd(pg:get_members(workers)), {thumbnail, <<"cat.jpg">>}).
"""

import sys

import ergopy
from ergopy import Atom, ChildSpec, GenServer, GroupRing, Supervisor


class Worker(GenServer):
    async def init(self):
        self.kept = set()
        self.node.pg.join("workers", self.pid)

    async def handle_call(self, request, from_):
        _, photo = request
        known = photo in self.kept
        self.kept.add(photo)
        return Atom("kept" if known else "made")


async def main(name: str = "py@127.0.0.1", *peers: str):
    async with ergopy.Node(name, cookie="secret") as node:
        ring = GroupRing(node.pg, "workers")

        async def thumbnail(photo):
            return await node.call(ring.member(photo), (Atom("thumbnail"), photo))

        node.export("photos", {"thumbnail": thumbnail})
        workers = [ChildSpec(Worker, id=number) for number in (1, 2)]
        await node.start(Supervisor, workers)
        for peer in peers:
            await node.connect(peer)
        async with node.pg.changes("workers") as changes:
            print(f"workers are on {node.name}; Ctrl-C ends it", flush=True)
            async for change in changes:
                print(change.kind, *change.pids, flush=True)


if __name__ == "__main__":
    ergopy.run(main, *sys.argv[1:])
