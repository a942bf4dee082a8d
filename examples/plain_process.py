"""A process without a behaviour: a loop around `receive`, which can be selective.

In one terminal:

    python examples/plain_process.py

In another:

    iex --name iex@127.0.0.1 --cookie secret
    iex> printer = {:printer, :"py@127.0.0.1"}
    iex> send(printer, :pause)
    iex> send(printer, {:print, self(), "one"})
    iex> send(printer, {:print, self(), "two"})
    iex> send(printer, {:urgent, self(), "fire!"})
    iex> send(printer, :resume)
    iex> flush()
    iex> send(printer, :stop)

The urgent message overtakes the others, which wait in the mailbox, in order.
"""

import ergopy
from ergopy import Atom, ReceiveTimeout


def is_urgent(message) -> bool:
    return isinstance(message, tuple) and message[:1] == ("urgent",)


async def printer(proc):
    while True:
        try:
            message = await proc.receive(is_urgent, timeout=0)
        except ReceiveTimeout:
            message = await proc.receive()
        match message:
            case (Atom("print" | "urgent"), sender, text):
                print(text.decode(), flush=True)
                await proc.send(sender, (Atom("printed"), text))
            case "pause":
                # Like `receive do :resume -> :ok end`: all else stays in the mailbox.
                await proc.receive(lambda message: message == "resume")
            case "stop":
                proc.node.close()
                return


async def main():
    async with ergopy.Node("py@127.0.0.1", cookie="secret") as node:
        await node.spawn(printer, name="printer")
        print(f"printer is on {node.name}; Ctrl-C ends it", flush=True)
        await node.wait_closed()


if __name__ == "__main__":
    ergopy.run(main)
