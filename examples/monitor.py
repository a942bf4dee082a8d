"""Watch processes here and on the BEAM, and start a worker again when it crashes.

In one terminal:

    python examples/monitor.py

In another:

    iex --name iex@127.0.0.1 --cookie secret
    iex> py = :"py@127.0.0.1"
    iex> pid = spawn(fn -> receive do reason -> exit(reason) end end)
    iex> send({:keeper, py}, {:watch, pid})
    iex> send(pid, :tired)
    iex> Process.monitor({:worker, py})
    iex> GenServer.cast({:worker, py}, :crash)
    iex> flush()
    iex> send({:keeper, py}, :stop)
"""

import ergopy
import etf
from ergopy import Atom, Down, GenServer


class Worker(GenServer):
    async def handle_call(self, request, from_):
        return Atom("working")

    async def handle_cast(self, request):
        raise RuntimeError(f"told to {request}")


async def keeper(proc):
    worker = await proc.start(Worker, name="worker")
    watch = await proc.monitor(worker)
    while True:
        match await proc.receive():
            case Down(ref, _, reason) if ref == watch:
                print("worker ended:", etf.format(reason, limit=60), flush=True)
                worker = await proc.start(Worker, name="worker")
                watch = await proc.monitor(worker)
                print("worker started again", flush=True)
            case Down(_, pid, reason):
                print(f"{pid} ended:", etf.format(reason), flush=True)
            case (Atom("watch"), pid):
                await proc.monitor(pid)
            case "stop":
                proc.node.close()


async def main():
    async with ergopy.Node("py@127.0.0.1", cookie="secret") as node:
        await node.spawn(keeper, name="keeper")
        print(f"keeper is on {node.name}; Ctrl-C ends it", flush=True)
        await node.wait_closed()


if __name__ == "__main__":
    ergopy.run(main)
