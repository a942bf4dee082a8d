"""Applications that write down what happens to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from ergopy import Application, ApplicationSpec, ChildSpec, GenServer, Stop

if TYPE_CHECKING:
    from ergopy import Node, Pid

Log = list[Any]


class Kid(GenServer):
    """Says in a log when it comes up and when it is told to end, after *seconds*."""

    async def init(self, log: Log, name: str, seconds: float = 0) -> None:
        self.trap_exit = True
        self.log, self.name, self.seconds = log, name, seconds
        log.append(f"{name} up")

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return dict(self.env) if request == "env" else self.pid

    async def handle_cast(self, request: Any) -> Any:
        match request:
            case ("end", reason):
                return Stop(reason)
        raise ValueError(request)

    async def terminate(self, reason: Any) -> None:
        await trio.sleep(self.seconds)
        self.log.append(f"{self.name} down")


class Logged(Application):
    """Its callbacks, as lines of the log that is its first argument."""

    log: Log

    async def start(self, log: Log, *args: Any) -> Pid:
        self.log = log
        self.say("start")
        return await super().start()

    async def start_phase(self, phase: str, argument: Any) -> None:
        self.say(f"phase {phase} {argument}")

    async def prep_stop(self) -> None:
        self.say("prep_stop")

    async def stop(self) -> None:
        self.say("stop")

    def say(self, what: str) -> None:
        self.log.append(f"{self.spec.name} {what}")


def app(
    name: str,
    log: Log,
    *needs: Any,
    kids: int = 1,
    seconds: float = 0,
    behaviour: type[Application] = Logged,
    **fields: Any,
) -> ApplicationSpec:
    """An application whose children are registered as ``name_1`` and so on."""
    names = [f"{name}_{number}" for number in range(1, kids + 1)]
    children = [ChildSpec(Kid, log, n, seconds, name=n) for n in names]
    fields = {"children": children, "args": [log], "behaviour": behaviour} | fields
    return ApplicationSpec(name=name, dependencies=needs, **fields)


def library(name: str, *needs: Any, **fields: Any) -> ApplicationSpec:
    """An application that runs nothing."""
    return ApplicationSpec(name=name, dependencies=needs, **fields)


def running(node: Node) -> list[str]:
    """The names of the applications of the test that run, in their order."""
    names = [info.name for info in node.applications.which()]
    return [name for name in names if name not in ("kernel", "ergopy")]
