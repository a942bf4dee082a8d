"""Show calls into a Python node and out of it, each printed as it happens.

The other node is Elixir or Erlang if one of them is installed, and a second ergopy
process otherwise. Everything is private to this run: the cookie, and the EPMD, which
is our own.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    import ergopy

HERE = Path(__file__).parent
PATIENCE = 30.0
"""Seconds that the other node has to start and do its part."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument(
        "--with",
        dest="other",
        choices=("elixir", "erl", "python"),
        help="which other node; default: the first of these that is installed",
    )
    parser.add_argument(
        "--be-the-other", metavar="NODE", help="used by the demo itself"
    )


async def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.be_the_other:
        return await _other(args.be_the_other)
    other = args.other or _installed()
    name, peer = "py@127.0.0.1", f"{other}@127.0.0.1"
    cookie = secrets.token_hex(16)
    import trio

    import ergopy

    async with ergopy.Node(name, cookie=cookie, epmd="embedded", epmd_port=0) as node:
        print(
            f"python> this is {node.name}, with its own EPMD on port {node.epmd_port}"
        )
        demo = await _serve(node)
        with tempfile.TemporaryDirectory() as folder:
            command = _command(other, peer, cookie, folder, name)
            print(f"python> the other node is {WHAT[other]}: {peer}", flush=True)
            environment = {
                **os.environ,
                "ERGOPY_DEMO_NODE": name,
                "ERGOPY_COOKIE": cookie,
                "ERL_EPMD_PORT": str(node.epmd_port),
            }
            async with trio.open_nursery() as nursery:
                start = partial(
                    trio.run_process,
                    command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    check=False,
                )
                process = await nursery.start(start)
                with trio.move_on_after(PATIENCE):
                    await _call_back(node, demo, process, peer)
                with trio.move_on_after(5):
                    await process.wait()
                if process.returncode is None:
                    process.kill()
                    await process.wait()
    if process.returncode == 0 and demo.finished:
        print("python> done: calls went both ways")
        return 0
    print(f"python> the other node failed, with status {process.returncode}")
    return 3


WHAT = {
    "elixir": "a real Elixir node",
    "erl": "a real Erlang node",
    "python": "a second ergopy process, for there is no elixir or erl, or none wanted",
}


def _installed() -> str:
    for program in ("elixir", "erl"):
        if shutil.which(program) and shutil.which(
            "erlc" if program == "erl" else "erl"
        ):
            return program
    return "python"


def _command(other: str, peer: str, cookie: str, folder: str, name: str) -> list[str]:
    loopback = "-kernel inet_dist_use_interface {127,0,0,1}"
    if other == "elixir":
        return [
            *("elixir", "--name", peer, "--cookie", cookie, "--erl", loopback),
            str(HERE / "demo.exs"),
        ]
    if other == "erl":
        subprocess.run(["erlc", "-o", folder, str(HERE / "demo.erl")], check=True)
        return [
            *("erl", "-noinput", "-name", peer, "-setcookie", cookie),
            *loopback.split(),
            *("-pa", folder, "-s", "demo", "main"),
        ]
    # Not with -m, which would prefer an "ergopy" in the current folder.
    code = "import sys; from ergopy.cli import main; sys.exit(main())"
    return [sys.executable, "-P", "-c", code, "demo", "--be-the-other", peer]


class _Meeting:
    """Where the other node says that it is ready."""

    def __init__(self) -> None:
        import trio

        self.ready = trio.Event()
        self.whom: Any = None
        self.finished = False


async def _serve(node: ergopy.Node) -> _Meeting:
    from ergopy import Atom, GenServer

    class Counter(GenServer):
        async def init(self, start: int) -> None:
            self.value = start

        async def handle_call(self, request: Any, from_: Any) -> int:
            match request:
                case (Atom("add"), int(number)):
                    self.value += number
                    print(f"python> Counter.handle_call({request}) -> {self.value}")
                    return self.value
            raise ValueError(f"unknown request {request!r}")

    class Fragile(GenServer):
        async def handle_cast(self, request: Any) -> None:
            raise RuntimeError("as you wish")

    def shout(words: bytes) -> bytes:
        return words.upper() + b"!"

    meeting = _Meeting()

    async def demo(process: ergopy.Process) -> None:
        _, meeting.whom = await process.receive()
        meeting.ready.set()

    import logging

    logging.getLogger("ergopy").addHandler(logging.NullHandler())
    await node.start(Counter, 10, name="counter")
    await node.start(Fragile, name="fragile")
    await node.spawn(demo, name="demo")
    node.export("text", {"shout": shout})
    return meeting


async def _call_back(
    node: ergopy.Node, meeting: _Meeting, process: Any, peer: str
) -> None:
    import trio

    from ergopy import Atom

    async with trio.open_nursery() as nursery:

        async def watch() -> None:
            await process.wait()
            nursery.cancel_scope.cancel()

        nursery.start_soon(watch)
        await meeting.ready.wait()
        to = ("greeter", peer)
        print(f"python> await node.call({to}, (Atom('greet'), b'Python'))")
        answer = await node.call(to, (Atom("greet"), b"Python"))
        print(answer.decode())
        print(f"python> await node.rpc({peer!r}, 'erlang', 'node', [])")
        print(repr(await node.rpc(peer, "erlang", "node", [])), flush=True)
        meeting.finished = True
        await node.send(meeting.whom, Atom("done"))
        nursery.cancel_scope.cancel()


async def _other(name: str) -> int:
    """Be the second ergopy process: what demo.exs does, in Python."""
    import trio

    import ergopy
    from ergopy import Atom, Down, GenServer

    python = os.environ["ERGOPY_DEMO_NODE"]

    class Greeter(GenServer):
        async def handle_call(self, request: Any, from_: Any) -> bytes:
            return b"Hello from the second process, " + bytes(request[1]) + b"!"

    async def part(process: ergopy.Process) -> None:
        print(f"other> await node.call(('counter', {python!r}), (Atom('add'), 3))")
        print(await process.call(("counter", python), (Atom("add"), 3)))
        print(f"other> await node.rpc({python!r}, 'text', 'shout', [b'it works'])")
        print(await node.rpc(python, "text", "shout", [b"it works"]))
        print(f"other> await process.monitor(('fragile', {python!r})), then it crashes")
        await process.monitor(("fragile", python))
        await process.cast(("fragile", python), Atom("crash"))
        match await process.receive(Down):
            case Down(reason=(_, kind, message, _)):
                print(f"DOWN: {kind.decode()}: {message.decode()}", flush=True)
        await process.send(("demo", python), (Atom("ready"), process.pid))
        await process.receive()
        finished.set()

    finished = trio.Event()
    async with ergopy.Node(name, epmd="client") as node:
        node.export("erlang", {"node": lambda: node.name})
        await node.start(Greeter, name="greeter")
        await node.spawn(part)
        with trio.move_on_after(PATIENCE):
            await finished.wait()
            return 0
    return 1
