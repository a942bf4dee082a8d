"""Children that write down what happens to them, and supervisors to put them under."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from ergopy import (
    IGNORE,
    Atom,
    ChildSpec,
    Exit,
    GenServer,
    Stop,
    Supervisor,
    supervisor,
)
from tests.runtimes import find, settle

if TYPE_CHECKING:
    from ergopy import Pid, Process
    from ergopy.process.runtime import Runtime

Log = list[tuple[Any, ...]]

CRASH = ("other", "reason")


class Kid(GenServer):
    """Says in a log when it comes up, and when it is told to end.

    *plan* says how its starts go, one word each, the last one for ever: ``ok``,
    ``ignore``, ``stop``, ``raise`` or ``hang``.
    """

    async def init(
        self, log: Log, name: str, plan: tuple[str, ...] = ("ok",), **options: Any
    ) -> Any:
        self.log, self.name = log, name
        self.trap_exit = True
        starts = sum(entry[:2] == ("try", name) for entry in log)
        log.append(("try", name))
        match plan[min(starts, len(plan) - 1)]:
            case "ignore":
                return IGNORE
            case "stop":
                return Stop("unfit")
            case "raise":
                raise ValueError("unfit")
            case "hang":
                await trio.sleep_forever()
        log.append(("up", name))
        return None

    async def handle_info(self, message: Any) -> Any:
        match message:
            case ("end", reason):
                return Stop(reason)
            case ("unlink", pid):
                self.process.unlink(pid)
        return None

    async def terminate(self, reason: Any) -> None:
        self.log.append(("down", self.name, reason))


class Slow(Kid):
    """Takes its time to end: *seconds*."""

    async def init(self, log: Log, name: str, seconds: float) -> Any:
        self.seconds = seconds
        return await super().init(log, name)

    async def terminate(self, reason: Any) -> None:
        await trio.sleep(self.seconds)
        await super().terminate(reason)


async def simple(process: Process, log: Log, name: str) -> None:
    """Be a plain function as a child: it lives until it is told to end."""
    log.append(("up", name))
    while True:
        match await process.receive():
            case ("end", reason):
                raise Exit(reason)


async def ask(root: Process, supervisor: Pid, *request: Any) -> Any:
    """Make a call as a BEAM does."""
    what, *about = request
    term = (Atom(what), *about) if about else Atom(what)
    return await root.call(supervisor, term, None)


class Sup:
    """A supervisor under test, its children by name, and their common log."""

    def __init__(self, runtime: Runtime, log: Log | None = None) -> None:
        self.runtime = runtime
        self.root = runtime.root
        self.log: Log = [] if log is None else log
        self.pid: Any = None
        self.behaviour: Any = None

    def kid(self, label: str, /, *plan: str, **options: Any) -> ChildSpec:
        """Make the specification of a child."""
        return ChildSpec(Kid, self.log, label, plan or ("ok",), id=label, **options)

    async def start(self, *children: Any, **flags: Any) -> Sup:
        """Start the supervisor; the log begins when it is up."""

        class Made(Supervisor):
            async def _start(made, args: Any) -> Any:
                self.behaviour = made
                return await super()._start(args)

        self.pid = await self.root.start(Made, list(children), **flags)
        return self

    @property
    def process(self) -> Process:
        return find(self.runtime, self.pid)

    @property
    def alive(self) -> bool:
        return self.runtime.find(self.pid) is not None

    def forget(self) -> Log:
        """Return the log so far, and begin a new one."""
        log = self.log[:]
        # Kids count their starts in it.
        self.log[:] = [entry for entry in log if entry[0] == "try"]
        return [entry for entry in log if entry[0] != "try"]

    async def names(self) -> dict[Any, Any]:
        """Return what ``which_children`` shows, by id."""
        rows = await self.ask("which_children")
        return {row[0]: row[1] for row in rows}

    async def child(self, name: str) -> Pid:
        return (await self.names())[name]  # type: ignore[no-any-return]

    async def end(self, name: str, reason: Any) -> None:
        """Let a child end by itself, and wait until all is quiet."""
        await self.root.send(await self.child(name), ("end", reason))
        await settle()

    async def ask(self, *request: Any) -> Any:
        return await ask(self.root, self.pid, *request)

    async def reason(self) -> Any:
        """Wait for the end of the supervisor and return its reason."""
        ends: list[Any] = []
        done = trio.Event()

        class Watch:
            def fire(self, reason: Any) -> None:
                ends.append(reason)
                done.set()

        watch: Any = Watch()
        self.process.watchers[watch] = watch
        await done.wait()
        return ends[0]


__all__ = ["CRASH", "Kid", "Log", "Slow", "Sup", "simple", "supervisor"]
