"""A stage between Elixir's: it takes words from one and gives them to another, louder.

In one terminal:

    python examples/shouts.py

In another:

    iex --name iex@127.0.0.1 --cookie secret
    iex> Mix.install([{:gen_stage, "~> 1.3"}])
    iex> shouts = {:shouts, :"py@127.0.0.1"}
    iex> {:ok, words} = GenStage.from_enumerable(~w(tick tock boom))
    iex> GenStage.sync_subscribe(shouts, to: words, max_demand: 2, cancel: :temporary)
    iex> Enum.take(GenStage.stream([{shouts, max_demand: 2}]), 3)

It handles a word only when somebody wants one: until the last line it has done nothing.
"""

import ergopy
from ergopy import ProducerConsumer


class Shouts(ProducerConsumer):
    async def handle_events(self, events, subscription):
        print("got", *(word.decode() for word in events), flush=True)
        return [word.upper() + b"!" for word in events]


async def main():
    async with ergopy.Node("py@127.0.0.1", cookie="secret") as node:
        await node.start(Shouts, name="shouts")
        print(f"shouts is on {node.name}; Ctrl-C ends it", flush=True)
        await node.wait_closed()


if __name__ == "__main__":
    ergopy.run(main)
