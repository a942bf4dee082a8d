"""The program of a Python member: ``python program.py OPTIONS``, which are JSON.

It answers on two inherited file descriptors, as ``ergopy_peer.erl`` does, and ends with
the first of them. The words are those of ``ergopy_cluster.erl``.
"""

from __future__ import annotations

import ast
import inspect
import json
import logging
import os
import struct
import sys
from typing import TYPE_CHECKING, Any

import trio

import ergopy
import etf
from ergopy import (
    Atom,
    GenServer,
    NameTaken,
    NodeDownMessage,
    NodeUpMessage,
    Pid,
    PubSub,
    Tls,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

logger = logging.getLogger("member")

LENGTH = struct.Struct(">I")
ANSWER = struct.Struct(">II")
UNDEFINED = Atom("undefined")


class Holder(GenServer):
    """Has a name, a lock or a place in a group, and keeps what it is told."""

    async def init(self) -> None:
        self.value = 0
        self.heard: list[Any] = []

    async def handle_call(self, request: Any, _from: Any) -> Any:
        match request:
            case ("echo", term):
                return (self.node.name, term)
            case "get":
                return self.value
            case ("set", value):
                self.value = value
                return Atom("ok")
            case "heard":
                return self.heard
            case "watch":
                self.monitor_nodes(node_type="all")
                return True
            case ("lock", id):
                return await self.node.globals.set_lock(id)
            case ("unlock", id):
                await self.node.globals.del_lock(id)
                return True
        raise LookupError(f"unknown request {request!r}")

    async def handle_cast(self, request: Any) -> None:
        self.heard.append(request)

    async def handle_info(self, message: Any) -> None:
        match message:
            case NodeDownMessage(node=name):
                self.heard.append((Atom("nodedown"), Atom(name)))
            case NodeUpMessage():
                pass
            case _:
                self.heard.append(message)


async def holder(node: ergopy.Node) -> Pid:
    return await node.start(Holder)


async def ask(node: ergopy.Node, dest: Any, request: Any) -> Any:
    return await node.call(dest, request)


async def kill(node: ergopy.Node, pid: Pid) -> bool:
    """End a process of any node."""

    async def main(proc: Any) -> None:
        await proc.exit(pid, "kill")

    await node.spawn(main)
    return True


async def is_alive(node: ergopy.Node, pid: Pid) -> bool:
    return node.runtime.find(pid) is not None


# The cluster.


def members(node: ergopy.Node) -> list[Atom]:
    return sorted(map(Atom, node.nodes("visible")))


async def connect(node: ergopy.Node, name: str) -> bool:
    return await node.ping(name)


def disconnect(node: ergopy.Node, name: str) -> bool:
    node.disconnect(name)
    return True


def leave(node: ergopy.Node) -> bool:
    """End in order."""
    node.close()
    return True


# global.


async def register(
    node: ergopy.Node, name: Any, pid: Pid, method: str = "random_exit"
) -> Atom:
    try:
        await node.globals.register(
            name, pid, resolve=METHODS.get(str(method), str(method))
        )
    except NameTaken:
        return Atom("no")
    return Atom("yes")


def smaller(_name: Any, one: Pid, other: Pid) -> Pid:
    """Keep the one of the lesser node, and end nobody."""
    return min(one, other, key=lambda pid: pid.node)


METHODS: dict[str, Any] = {"smaller": smaller}


async def re_register(node: ergopy.Node, name: Any, pid: Pid) -> Atom:
    await node.globals.re_register(name, pid)
    return Atom("yes")


async def unregister(node: ergopy.Node, name: Any) -> bool:
    await node.globals.unregister(name)
    return True


def whereis(node: ergopy.Node, name: Any) -> Any:
    pid = node.globals.whereis(name)
    return UNDEFINED if pid is None else pid


def names(node: ergopy.Node) -> list[tuple[Any, Any]]:
    return [(name, whereis(node, name)) for name in node.globals.names()]


def known(node: ergopy.Node) -> list[Atom]:
    """Those that take part, as far as this one knows."""
    return node.globals.known()


async def lookup(node: ergopy.Node, name: Any) -> Any:
    return await node.globals.lookup(name)


async def sync(node: ergopy.Node) -> Atom:
    await node.globals.sync()
    return Atom("ok")


async def is_free(node: ergopy.Node, resource: Any) -> bool:
    """Tell whether nobody, anywhere, has the lock."""
    id = (resource, os.getpid())
    if not await node.globals.set_lock(id, retries=0):
        return False
    await node.globals.del_lock(id)
    return True


def locks(node: ergopy.Node) -> int:
    """How many locks are held here."""
    return len(node.globals._machine.locks)


async def count(node: ergopy.Node, resource: Any, counter: Any, times: int) -> Atom:
    """Count up, reading and writing in steps of their own, under a lock."""

    async def step() -> None:
        value = await node.call(counter, Atom("get"))
        await trio.sleep(0.001)
        await node.call(counter, (Atom("set"), value + 1))

    async def main(proc: Any) -> None:
        for _ in range(times):
            await node.globals.trans((resource, proc.pid), step)
        done.set()

    done = trio.Event()
    await node.spawn(main)
    await done.wait()
    return Atom("ok")


# pg.


def pg_start(node: ergopy.Node, scope: str) -> Pid | None:
    node.pg(scope)
    return node.whereis(scope)


async def pg_crash(node: ergopy.Node, scope: str) -> Pid | None:
    """Have the scope end as nothing does by itself, and wait for the next."""
    before = node.whereis(scope)
    assert before is not None
    await kill(node, before)
    while (after := node.whereis(scope)) in (before, None):  # noqa: ASYNC110
        await trio.sleep(0.005)
    return after


def pg_join(node: ergopy.Node, scope: str, group: Any, pids: list[Pid]) -> Atom:
    node.pg(scope).join(group, pids)
    return Atom("ok")


def pg_leave(node: ergopy.Node, scope: str, group: Any, pids: list[Pid]) -> Atom:
    node.pg(scope).leave(group, pids)
    return Atom("ok")


def pg_groups(node: ergopy.Node, scope: str) -> dict[Any, list[Pid]]:
    """All groups and their members, as this node sees them."""
    pg = node.pg(scope)
    return {group: list(pg.members(group)) for group in pg.groups()}


# Phoenix.PubSub.


async def topics_start(node: ergopy.Node, name: str) -> Atom:
    await node.start(PubSub, name)
    return Atom("ok")


def topics_listen(node: ergopy.Node, name: str, topic: bytes, pid: Pid) -> Atom:
    PubSub.of(name, caller=node).subscribe(topic, pid)
    return Atom("ok")


async def topics_say(
    node: ergopy.Node, name: str, topic: bytes, terms: list[Any]
) -> Atom:
    for term in terms:
        await PubSub.of(name, caller=node).broadcast(topic, term)
    return Atom("ok")


WORDS = {
    word.__name__: word
    for word in (
        *(holder, ask, kill, is_alive, members, connect, disconnect, leave),
        *(register, re_register, unregister, whereis, names, known, lookup, sync),
        *(is_free, locks, count, pg_start, pg_crash, pg_join, pg_leave, pg_groups),
        *(topics_start, topics_listen, topics_say),
    )
}


async def answer(node: ergopy.Node, out: Any, request: Any) -> None:
    number, _, source, bindings = request
    names = {**WORDS, **{str(name): value for name, value in bindings.items()}}
    try:
        code = compile(source, "<test>", "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        value = eval(code, {**names, "node": node})
        if inspect.isawaitable(value):
            value = await value
        data = etf.encode((Atom("ok"), value))
    except Exception as error:
        logger.exception("%s", source)
        data = etf.encode((Atom("error"), repr(error).encode()))
    out(number, data)


async def main(options: dict[str, Any]) -> None:
    requests, answers = map(int, os.environ["ERGOPY_PEER_FDS"].split())
    os.set_inheritable(requests, False)
    os.set_inheritable(answers, False)
    folder = options.pop("tls", None)
    tls = Tls.from_folder(folder) if folder else None

    def say(number: int, data: bytes) -> None:
        with memoryview(ANSWER.pack(len(data) + 4, number) + data) as left:
            while left:
                left = left[os.write(answers, left) :]

    async with (
        ergopy.Node(**options, tls=tls) as node,
        trio.lowlevel.FdStream(requests) as stream,
        trio.open_nursery() as nursery,
    ):
        hello = (node.name, node.creation, 0)
        say(0, etf.encode((Atom("ok"), hello)))

        @nursery.start_soon
        async def serve() -> None:
            async for request in packets(stream):
                nursery.start_soon(answer, node, say, request)
            nursery.cancel_scope.cancel()

        await node.wait_closed()
        await trio.sleep(0.1)  # for the answer that it is about to end
        nursery.cancel_scope.cancel()


async def packets(stream: trio.lowlevel.FdStream) -> AsyncIterator[Any]:
    """The requests, until the test closes its end."""
    buffer = b""
    while chunk := await stream.receive_some():
        buffer += chunk
        while len(buffer) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(buffer)[0]
            if len(buffer) < end:
                break
            yield etf.decode(buffer[LENGTH.size : end])
            buffer = buffer[end:]


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s")
    ergopy.run(main, json.loads(sys.argv[1]))
