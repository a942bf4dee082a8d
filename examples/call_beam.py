"""Python calls a BEAM node: a function, a GenServer, and a process by its name.

In one terminal:

    iex --name iex@127.0.0.1 --cookie secret
    iex> defmodule Greeter do
    ...>   use GenServer
    ...>   def init(text), do: {:ok, text}
    ...>   def handle_call({:greet, who}, _, text), do: {:reply, text <> who, text}
    ...> end
    iex> GenServer.start(Greeter, "Hello, ", name: :greeter)
    iex> Process.register(self(), :shell)

In another, and then `flush()` in the first:

    python examples/call_beam.py
"""

import sys

import ergopy
from ergopy import Atom


async def main(peer: str = "iex@127.0.0.1"):
    async with ergopy.Node("py@127.0.0.1", cookie="secret") as node:
        await node.connect(peer)

        # String.upcase("hello"): an Elixir module's name is an atom with a prefix.
        text = await node.rpc(peer, "Elixir.String", "upcase", [b"hello"])
        print("rpc:", text.decode())

        # GenServer.call({:greeter, peer}, {:greet, "Python"})
        answer = await node.call(("greeter", peer), (Atom("greet"), b"Python"))
        print("call:", answer.decode())

        try:
            await node.call(("nobody", peer), Atom("hello"))
        except ergopy.NoProcess as error:
            print("nobody there:", error)

        try:
            await node.rpc(peer, "Elixir.String", "upcase", [42])
        except ergopy.RpcError as error:
            print("it raised:", error.kind, error.reason)

        # send({:shell, peer}, {:hello, "from Python"}), where flush() shows it.
        await node.send(("shell", peer), (Atom("hello"), b"from Python"))


if __name__ == "__main__":
    try:
        ergopy.run(main, *sys.argv[1:])
    except ergopy.ConnectError as error:
        sys.exit(f"{error}\nTry: ergopy doctor {error.peer}")
