"""A "model" that other nodes call as a function, in a thread of its own.

In one terminal:

    python examples/model_server.py

In another:

    iex --name iex@127.0.0.1 --cookie secret
    iex> py = :"py@127.0.0.1"
    iex> :erpc.call(py, :model, :predict, [[[1.0, 2.0], [3.0, 4.0]]])
    iex> :erpc.call(py, :model, :info, [])
    iex> :erpc.call(py, :model, :stop, [])

Nothing but these three functions can be called from outside.
"""

import time

import ergopy
from ergopy import Atom

WEIGHTS = [0.5, 0.25]


def predict(rows: list[list[float]]) -> list[float]:
    """Stand for the call of a library that blocks and computes for a while."""
    time.sleep(0.05)
    return [sum(w * x for w, x in zip(WEIGHTS, row, strict=True)) for row in rows]


async def main():
    async with ergopy.Node("py@127.0.0.1", cookie="secret") as node:
        # In a thread: the node goes on answering while the model computes.
        node.export("model", {"predict": predict}, in_thread=True)

        # Short and quick functions run in the event loop.
        @node.export("model")
        def info() -> dict:
            return {Atom("name"): "sum", Atom("weights"): WEIGHTS}

        @node.export("model")
        def stop() -> Atom:
            node.close()
            return Atom("ok")

        print(f"model is on {node.name}; Ctrl-C ends it", flush=True)
        await node.wait_closed()


if __name__ == "__main__":
    ergopy.run(main)
