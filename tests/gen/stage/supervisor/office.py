"""A consumer supervisor, its children, and a producer that is played by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ergopy import IGNORE, Atom, ChildSpec, ConsumerSupervisor, GenServer, Stop
from tests.gen.stage.stages import Hand, cancel
from tests.gen.supervisor.kit import ask
from tests.runtimes import Ends, find, settle

if TYPE_CHECKING:
    from ergopy import Pid, Process
    from ergopy.process.runtime import Runtime

CRASH = ("other", "reason")


class Starts(list[Any]):
    """The events that children were started for, once for each start."""

    def __init__(self) -> None:
        super().__init__()
        self.pids: dict[Any, Pid] = {}
        """Where each event is handled, or was last."""


class Job(GenServer):
    """A child that lives until it is told to end.

    Its event is a number, or ``(number, *plan)``: how its starts go, one word each, the
    last one for ever: ``ok``, ``ignore`` or ``stop``.
    """

    async def init(self, starts: Starts, event: Any) -> Any:
        plan = event[1:] if isinstance(event, tuple) else ("ok",)
        tries = starts.count(event)
        starts.append(event)
        match plan[min(tries, len(plan) - 1)]:
            case "ignore":
                return IGNORE
            case "stop":
                return Stop("unfit")
        starts.pids[event] = self.pid
        return None

    async def handle_info(self, message: Any) -> Any:
        match message:
            case ("end", reason):
                return Stop(reason)
        return None


class Office:
    """A consumer supervisor under test."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.root = runtime.root
        self.hand = Hand(runtime)
        self.starts = Starts()
        self.pid: Any = None
        self.tag: Any = None

    def template(self, restart: str = "temporary", **options: Any) -> ChildSpec:
        return ChildSpec(Job, self.starts, restart=restart, **options)

    async def start(self, template: Any = "temporary", **options: Any) -> Office:
        """Start it, subscribed to the hand; see :func:`parted` for *options*.

        A text as *template* is how jobs are restarted.
        """
        if isinstance(template, str):
            template = self.template(template)
        flags, subscription = parted(options)
        target = (self.hand.pid, subscription)
        self.pid = await self.root.start(
            ConsumerSupervisor, template, subscribe_to=[target], **flags
        )
        self.tag = self.subscribed()
        return self

    def subscribed(self) -> Any:
        """Return the tag of the subscription that was made last; the hand keeps all."""
        *_, tag = (
            message[1][1]
            for message in self.hand.process.messages()
            if message[2][0] == "subscribe"
        )
        return tag

    @property
    def process(self) -> Process:
        return find(self.runtime, self.pid)

    @property
    def supervisor(self) -> ConsumerSupervisor:
        supervisor: Any = self.process.supervisor
        assert isinstance(supervisor, ConsumerSupervisor)
        return supervisor

    @property
    def ends(self) -> list[Any]:
        """A list that gets the reason with which it ends."""
        return Ends(self.process).reasons

    async def give(self, *events: Any, tag: Any = None) -> None:
        await self.hand.to_consumer(self.pid, tag or self.tag, list(events))

    async def cancel(self, reason: Any = "normal") -> None:
        await self.hand.to_consumer(self.pid, self.tag, cancel(Atom(reason)))

    def asked(self, tag: Any = None) -> list[int]:
        """Take the demands that have come since this was asked last."""
        said = self.hand.read(tag or self.tag)
        return [body[1] for body in said if body[0] == "ask"]

    async def pids(self) -> list[Any]:
        """Return what ``which_children`` shows, the child started first first."""
        return [row[1] for row in await self.ask("which_children")]

    async def end(self, pid: Pid, reason: Any = "normal") -> None:
        """Let a child end by itself, and wait until all is quiet."""
        reason = Atom(reason) if isinstance(reason, str) else reason
        await self.root.send(pid, ("end", reason))
        await settle()

    async def ask(self, *request: Any) -> Any:
        return await ask(self.root, self.pid, *request)

    async def counts(self) -> dict[str, int]:
        return {str(key): n for key, n in (await self.ask("count_children")).items()}


def parted(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part the options of a supervisor from those of a subscription."""
    flags = options.keys() & set(ConsumerSupervisor._options)
    own = {name: options[name] for name in flags}
    return own, {name: options[name] for name in options.keys() - flags}


def counts(active: int, *, waiting: int = 0) -> dict[str, int]:
    """Return what ``count_children`` has to say."""
    everybody = active + waiting
    return {"specs": 1, "active": active, "supervisors": 0, "workers": everybody}
