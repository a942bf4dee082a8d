"""The same work on triotp: calls, casts and children; it has no registry.

It runs on an interpreter of its own, since triotp wants an older Trio; so nothing of
ergopy is imported here.
"""

import sys
import time
from typing import Any

import trio
from triotp import dynamic_supervisor, gen_server, mailbox, supervisor
from triotp.node import run

THIS = sys.modules[__name__]


async def init(argument: Any) -> Any:
    if argument is not None:
        argument.set()
    return 0


async def handle_call(message: Any, caller: Any, state: Any) -> Any:
    return gen_server.Reply(payload=message), state


async def handle_cast(message: Any, state: Any) -> Any:
    return gen_server.NoReply(), state + 1


async def call(count: int) -> None:
    for number in range(count):
        await gen_server.call("server", number)


async def cast(count: int) -> None:
    for number in range(count):
        await gen_server.cast("server", number)
    await gen_server.call("server", 0)


async def send(count: int) -> None:
    over = trio.Event()

    async def sink(task_status: Any) -> None:
        async with mailbox.open("sink") as own:
            task_status.started()
            for _ in range(count):
                await mailbox.receive(own)
            over.set()

    async with trio.open_nursery() as nursery:
        await nursery.start(sink)
        for number in range(count):
            await mailbox.send("sink", number)
        await over.wait()


async def start(count: int) -> None:
    """Start children one by one; its ``start_child`` does not wait, so this does."""
    for _ in range(count):
        up = trio.Event()
        spec = supervisor.child_spec(
            id="child",
            task=gen_server.start,
            args=[THIS, up],
            restart=supervisor.restart_strategy.TEMPORARY,
        )
        await dynamic_supervisor.start_child("children", spec)
        await up.wait()


WORK = {function.__name__: function for function in (call, cast, send, start)}


async def main() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(gen_server.start, THIS, None, "server")
        options = supervisor.options()
        await nursery.start(dynamic_supervisor.start, options, "children")
        await trio.testing.wait_all_tasks_blocked()
        for line in sys.stdin:
            name, count = line.split()
            if name not in WORK:
                print("error triotp has nothing like it", flush=True)
                continue
            begin = time.perf_counter()
            await WORK[name](int(count))
            took = (time.perf_counter() - begin) / int(count) * 1e6
            print(f"ok us={took:.6f}", flush=True)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    import trio.testing
    from triotp.application import app_spec

    class App:
        __name__ = "bench"

        @staticmethod
        async def start(_: Any) -> None:
            await main()

    run([app_spec(module=App, start_arg=None, permanent=False)])
