"""The mirror of ``ergopy_peer_app``: an application that goes by a plan."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import trio

from ergopy import (
    Application,
    ApplicationSpec,
    ApplicationStartError,
    ChildSpec,
    Exit,
    GenServer,
    Stop,
    Supervisor,
)

if TYPE_CHECKING:
    from ergopy import Node, Pid

_numbers = itertools.count(1)


class Server(GenServer):
    async def init(self, name: str, plan: dict[str, Any], log: list[Any]) -> None:
        self.trap_exit = True
        self.name, self.log = name, log
        log.append((name, "up"))
        if plan.get("child") == "fails":
            raise Exit("unfit")

    async def handle_cast(self, request: Any) -> Any:
        return Stop(request)

    async def terminate(self, reason: Any) -> None:
        self.log.append((self.name, "down", reason))


class Played(Application):
    async def start(self, plan: dict[str, Any], log: list[Any]) -> Pid:
        self.plan, self.log = plan, log
        log.append("start")
        match plan.get("start", "sup"):
            case "sup":
                child = ChildSpec(Server, "child", plan, log, name="child")
                return await self.process.start(
                    Supervisor, [child], intensity=0, period=1, link=True
                )
            case "top":
                return await self.process.start(
                    Server, "top", plan, log, name="top", link=True
                )
            case ("error", reason):
                raise Exit(reason)
        raise ValueError("wanted")

    async def start_phase(self, phase: str, argument: Any) -> None:
        self.log.append(("phase", phase, argument))

    async def prep_stop(self) -> None:
        self.log.append("prep_stop")
        if self.plan.get("prep_stop") == "crash":
            raise ValueError("wanted")

    async def stop(self) -> None:
        self.log.append("stop")
        if self.plan.get("stop") == "crash":
            raise ValueError("wanted")


async def play(node: Node, plan: dict[str, Any], steps: list[Any]) -> tuple[Any, ...]:
    """Do what ``ergopy_peer_app:play`` does."""
    log: list[Any] = []
    name = f"app_{next(_numbers)}"
    spec = ApplicationSpec(
        name=name,
        args=[plan, log],
        behaviour=Played,
        start_phases=plan.get("phases", []),
    )
    started: Any = "up"
    try:
        await node.applications.start(spec)
    except ApplicationStartError as error:
        told = isinstance(plan.get("start"), tuple)
        started = ("failed", error.reason) if told else "failed"
    for step in steps:
        await take(node, name, step)
    runs = is_running(node, name)
    if runs:
        await node.applications.stop(name)
    node.applications.unload(name)
    return started, log, runs


async def take(node: Node, name: str, step: Any) -> None:
    match step:
        case "stop":
            await node.applications.stop(name)
        case (_, whom, what):
            pid = node.whereis(whom)
            assert pid is not None
            await (node.exit(pid, "kill") if what == "kill" else node.cast(pid, what))
            with trio.fail_after(10):
                while is_running(node, name):
                    await trio.lowlevel.checkpoint()


def is_running(node: Node, name: str) -> bool:
    return name in [info.name for info in node.applications.which()]
