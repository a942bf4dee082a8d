"""Elixir runs Python functions as tasks of its own, and calls a pool of workers.

In one terminal:

    python examples/elixir_tasks.py

In another:

    iex --name iex@127.0.0.1 --cookie secret
    iex> tasks = {:tasks, :"py@127.0.0.1"}
    iex> task = Task.Supervisor.async(tasks, :text, :words, ["so much to do"])
    iex> Task.await(task)
    iex> Task.Supervisor.async_stream(tasks, ["a b", "c"], :text, :words, [])
    ...> |> Enum.to_list()
    iex> GenServer.call({:models, :"py@127.0.0.1"}, "how many words")
    iex> GenServer.stop(tasks)

The last one ends the program.
"""

import ergopy
from ergopy import GenServer, Pool, TaskSupervisor


async def words(text: bytes) -> int:
    return len(text.split())


class Model(GenServer):
    """One of three; a call goes to one that has nothing else to do."""

    async def handle_call(self, request, from_):
        return await words(request)


async def watch(proc, node, tasks):
    await proc.monitor(tasks)
    await proc.receive()
    node.close()


async def main():
    async with ergopy.Node("py@127.0.0.1", cookie="secret") as node:
        node.export("text", {"words": words})
        tasks = await node.start(TaskSupervisor, name="tasks")
        await node.start(Pool, Model, size=3, name="models")
        await node.spawn(watch, node, tasks)
        print(f"{node.name} takes tasks; Ctrl-C ends it", flush=True)
        await node.wait_closed()


if __name__ == "__main__":
    ergopy.run(main)
