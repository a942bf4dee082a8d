"""A "model" in Python that a supervisor on a BEAM starts, watches and starts again.

In one terminal:

    python examples/supervised_model.py

In another, in the same folder, with the start functions of python_child.ex:

    iex --name iex@127.0.0.1 --cookie secret -r examples/python_child.ex
    iex> py = :"py@127.0.0.1"
    iex> children = [{PythonChild, {py, :model, [0.5]}}]
    iex> {:ok, sup} = Supervisor.start_link(children, strategy: :one_for_one)
    iex> [{_, pid, _, _}] = Supervisor.which_children(sup)
    iex> GenServer.call(pid, {:predict, [1.0, 2.0]})
    iex> Process.exit(pid, :kill)
    iex> Supervisor.which_children(sup)
    iex> Supervisor.stop(sup)

In Erlang: python_child.erl.
"""

import ergopy
from ergopy import Atom


class Model(ergopy.GenServer):
    async def init(self, weight: float) -> None:
        # So that terminate runs when the supervisor says shutdown.
        self.trap_exit = True
        self.weight = weight
        print(f"model {self.pid} starts with {weight}", flush=True)

    async def handle_call(self, request, from_):
        match request:
            case (Atom("predict"), list(row)):
                return sum(row) * self.weight
        raise ValueError(f"unknown request {request!r}")

    async def terminate(self, reason) -> None:
        print(f"model {self.pid} ends: {reason}", flush=True)


async def main():
    async with ergopy.Node("py@127.0.0.1", cookie="secret") as node:
        node.provide_spawn("model", Model)
        print(f"a model can be started on {node.name}; Ctrl-C ends it", flush=True)
        await node.wait_closed()


if __name__ == "__main__":
    ergopy.run(main)
