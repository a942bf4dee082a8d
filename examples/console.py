"""Ask and print where the caller is, be a device, and let operators in.

In one terminal:

    python examples/console.py

In another, with Elixir or with Erlang:

    iex --name iex@127.0.0.1 --cookie secret
    iex> :erpc.call(:"py@127.0.0.1", :stock, :count, ["tea", "rice"])
    iex> todo = :erpc.call(:"py@127.0.0.1", :erlang, :whereis, [:todo])
    iex> IO.puts(todo, "order tea")
    iex> IO.gets(todo, "")

    erl -name erl@127.0.0.1 -setcookie secret
    1> rpc:call('py@127.0.0.1', stock, count, [<<"tea">>, <<"rice">>]).
    2> Todo = rpc:call('py@127.0.0.1', erlang, whereis, [todo]).
    3> io:format(Todo, "order ~p~n", [{rice, 5}]).

Or with a prompt in the program, which exit() ends, and then Ctrl-G and q:

    erl +Bc -name ops@127.0.0.1 -setcookie secret -remsh py@127.0.0.1
    py@127.0.0.1>>> await ergopy.io.get_line(device="todo")
"""

import ergopy
from ergopy import IoDevice, io


class Todo(IoDevice):
    """What was printed to it can be read from it."""

    async def init(self):
        self.texts = []

    async def put_chars(self, text):
        print("to do:", text, end="", flush=True)
        self.texts.append(text)

    async def get_line(self, prompt):
        return self.texts.pop(0) if self.texts else None


async def count(*things):
    said = [await io.get_line(f"how many {thing.decode()}? ") for thing in things]
    await io.print("thank you")
    return sum(map(int, said))


async def main():
    async with ergopy.Node("py@127.0.0.1", cookie="secret", shell=True) as node:
        node.export("stock", {"count": count})
        await node.start(Todo, name="todo")
        print(f"{node.name} is up; Ctrl-C ends it", flush=True)
        await node.wait_closed()


if __name__ == "__main__":
    ergopy.run(main)
