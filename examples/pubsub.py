"""Topics that Python and Phoenix share: a clock that ticks for everybody.

In one terminal:

    python examples/pubsub.py

In another:

    iex --name iex@127.0.0.1 --cookie secret
    iex> Mix.install([{:phoenix_pubsub, "~> 2.1"}])
    iex> children = [{Phoenix.PubSub, name: MyApp.PubSub}]
    iex> Supervisor.start_link(children, strategy: :one_for_one)
    iex> Node.connect(:"py@127.0.0.1")
    iex> Phoenix.PubSub.subscribe(MyApp.PubSub, "clock")
    iex> flush()
    iex> Phoenix.PubSub.broadcast(MyApp.PubSub, "shouts", "hello")
"""

import itertools

import trio

import ergopy
from ergopy import Atom, PubSub


async def tick(topics):
    for number in itertools.count(1):
        await topics.broadcast("clock", (Atom("tick"), number))
        await trio.sleep(1)


async def main():
    async with ergopy.Node("py@127.0.0.1", cookie="secret") as node:
        await node.start(PubSub, "MyApp.PubSub")
        topics = PubSub.of("MyApp.PubSub", caller=node)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tick, topics)
            async with topics.subscribe("shouts") as messages:
                print(f"the clock of {node.name} ticks; Ctrl-C ends it", flush=True)
                async for message in messages:
                    print("somebody shouts:", message, flush=True)


if __name__ == "__main__":
    ergopy.run(main)
