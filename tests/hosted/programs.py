"""What the hosted nodes of the tests run."""

from __future__ import annotations

import os
from typing import Any

import trio

import ergopy
from ergopy import GenServer


class Worker(GenServer):
    async def init(self, *args: Any) -> Any:
        if args[:1] == (b"fail",):
            raise ValueError("as you wish")
        self.trap_exit = True
        self.args = args

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case "args":
                return list(self.args)
            case "pid":
                return os.getpid()
            case "node":
                return self.node.name
            case "exit":
                os._exit(3)
            case "crash":
                raise ValueError("as you wish")
            case "stop":
                return ergopy.Stop("normal", reply=None)
            case "close":
                self.node.close()
        return None

    async def terminate(self, reason: Any) -> None:
        if self.args[:1] == (b"note",):
            self.send_nowait(self.args[1], ("terminated", reason))


async def main(node: ergopy.Node, how: bytes) -> None:
    if how == b"crash":
        raise ValueError("as you wish")
    if how == b"wait":
        await trio.sleep_forever()


class Shop(ergopy.Application):
    name = "shop"
    children = [ergopy.ChildSpec(Worker, b"from the shop", name="worker")]  # noqa: RUF012
