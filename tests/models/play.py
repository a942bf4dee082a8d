"""Playing a script on real nodes, and comparing each step with the model.

A :class:`Stage` is one node, a BEAM or ours. After each step everybody is looked at,
until they are as the model says; a difference that stays is a :class:`Difference`,
with the script to replay. Messages of different senders in one step, and those that
tell of one end, may come in any order; all others may not.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import trio

from etf import Atom, ImproperList, Pid, Reference
from tests.models.actor import View
from tests.models.world import World

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.models.script import Script, Step

    Look = dict[str, View | None]

PATIENCE = 3.0
MODULE = Atom("ergopy_script")
"""The name of what answers a ping on each stage, and of what can be spawned there."""
_WITH_RESULT = {
    "call",
    "call_name",
    "demonitor",
    "register",
    "unalias",
    "unregister",
}


class Difference(AssertionError):
    """The real processes are not as the model says."""


class Stage(Protocol):
    """One node on which scripts are played."""

    name: Atom

    async def start(self, trap: bool) -> Pid:
        """Start a process that does what :meth:`do` says."""

    async def do(self, who: Pid, command: tuple[Any, ...]) -> Any:
        """Let a process act; return the result, or ``died``."""

    async def look(self, pids: list[Pid]) -> tuple[list[Any], list[Any], list[Any]]:
        """Show the processes: None, or what a ``View`` holds, as terms.

        After them, the names and their pids, and the connected nodes.
        """

    async def reach(self, other: Atom) -> None:
        """Return when all that was sent to a connected node has arrived there."""

    async def connect(self, other: Atom) -> None:
        """Connect to a node."""

    async def disconnect(self, other: Atom) -> None:
        """End the connection to a node."""

    async def restart(self, other: Atom) -> None:
        """Die without a word to *other*, and start again under the same name."""

    async def end(self, pids: list[Pid]) -> None:
        """Kill processes; return when they are gone."""


async def poll(look: Callable[[], Awaitable[bool]]) -> bool:
    """Look until it is well, or patience ends."""
    with suppress(trio.TooSlowError), trio.fail_after(PATIENCE):
        while not await look():  # noqa: ASYNC110 - of things that have no event
            await trio.sleep(0.001)
        return True
    return False


class Player:
    """Plays one script on one or two stages."""

    def __init__(
        self,
        script: Script,
        stages: dict[str, Stage],
        until: Callable[[Callable[[], Awaitable[bool]]], Awaitable[bool]] = poll,
    ) -> None:
        self.script = script
        self.stages = stages
        self.until = until
        self.world = World(script.cast)
        self.expected: Any = None
        self.pids: dict[str, Pid] = {}
        self.labels: dict[Any, str] = {}
        self.references: dict[str, Reference] = {}
        self.seen: tuple[Look, dict[Any, str], list[bool]] = ({}, {}, [])

    async def play(self) -> Look:
        """Play it all; return how everybody is at the end.

        Raises:
            Difference: It is not what the model says.
        """
        if len(self.stages) > 1:
            await self.stages["a"].connect(self.stages["b"].name)
        for label, node, trap in self.script.cast:
            self.meet(label, await self.stages[node].start(trap))
        try:
            for number, step in enumerate(self.script.steps):
                await self.step(number, step)
            return self.seen[0]
        finally:
            for name, stage in self.stages.items():
                await stage.end([self.pids[p] for p in self.on(name)])

    def on(self, node: str) -> list[str]:
        """Return the labels of the processes of a node."""
        return [
            label
            for label, actor in self.world.processes.items()
            if actor.node == node and not actor.gone and label in self.pids
        ]

    def meet(self, label: str, pid: Pid) -> None:
        self.pids[label] = pid
        self.labels[pid] = label

    def name(self, label: str, ref: Reference) -> None:
        self.references[label] = ref
        self.labels[ref] = label

    async def step(self, number: int, step: Step) -> None:
        was_up = self.world.connected
        before = self.world.views()
        expected = self.expected = self.world.do(step)
        result = await self.act(step)
        if step[0] in _WITH_RESULT and result != expected:
            self.fail(number, f"the result is {result!r}, not {expected!r}")
        if before == self.world.views() and was_up and self.world.connected:
            # There is no effect to wait for: wait for the signal itself.
            await self.barrier()
        if not await self.until(self.is_as_expected):
            self.fail(number, self.describe())

    async def barrier(self) -> None:
        if len(self.stages) > 1:
            a, b = self.stages["a"], self.stages["b"]
            await a.reach(b.name)
            await b.reach(a.name)

    def fail(self, number: int, problem: str) -> None:
        raise Difference(
            f"step {number}, {self.script.steps[number]}: {problem}\n"
            f"on {', '.join(stage.name for stage in self.stages.values())}\n"
            f"to be replayed: {self.script}"
        )

    async def act(self, step: Step) -> Any:
        if step[0] == "restart":
            await self.stages["b"].restart(self.stages["a"].name)
            return None
        if step[0] == "disconnect":
            other = "b" if step[1] == "a" else "a"
            await self.stages[step[1]].disconnect(self.stages[other].name)
            return None
        who = step[1]
        stage = self.stages[self.world.processes[who].node]
        result = await stage.do(self.pids[who], self.command(step))
        for one, part in self.parts(step, result):
            self.learn(one, part)
        return result

    def parts(self, step: Step, result: Any) -> list[tuple[Step, Any]]:
        if step[0] != "burst":
            return [(step, result)]
        return list(zip(step[2], result, strict=False)) if result != "died" else []

    def learn(self, step: Step, result: Any) -> None:
        """Remember the pid or reference that a step has made."""
        if result == "died":
            return
        match step:
            case [act, *_, label] if act.startswith("monitor") and "node" not in act:
                self.name(label, result)
            case ["alias", _, label, _]:
                self.name(label, result)
            case ["spawn" | "spawn_at", _, child, _, _, watch, *_]:
                if watch is not None:
                    result, ref = result
                    self.name(watch, ref)
                self.meet(child, result)

    def call(self, dest: Any, message: Any) -> tuple[Any, ...]:
        """A call, which nobody answers; whether it ends by itself is in the command.

        A stage gives up soon on one that does not, and waits for the end of one that
        does, however long a busy machine takes to connect again for it.
        """
        return Atom("call"), dest, message, self.expected == "noproc"

    def command(self, step: Step) -> tuple[Any, ...]:
        """Put pids and references where the labels are."""
        act = Atom(step[0])
        match step:
            case ["burst", _, steps]:
                return act, [self.command(one) for one in steps]
            case ["link" | "unlink" | "monitor" | "monitor_tag", _, whom, *_]:
                return act, self.pids[whom]
            case ["monitor_alias", _, whom, mode, _]:
                return act, self.pids[whom], Atom(mode)
            case ["monitor_name", _, name, node, _]:
                dest = Atom(name), self.stages[node].name
                return Atom("monitor"), dest
            case ["demonitor", _, label, flush]:
                return act, self.references[label], flush
            case ["alias", _, _, once]:
                return act, once
            case ["unalias", _, label]:
                return act, self.references[label]
            case ["send", who, whom, number]:
                return act, self.pids[whom], self.message(who, number)
            case ["send_name", who, name, node, number]:
                dest = Atom(name), self.stages[node].name
                return Atom("send"), dest, self.message(who, number)
            case ["send_alias", who, label, number]:
                to = self.references[label]
                return Atom("send"), to, self.message(who, number)
            case ["call", who, whom, number]:
                return self.call(self.pids[whom], self.message(who, number))
            case ["call_name", who, name, node, number]:
                dest = Atom(name), self.stages[node].name
                return self.call(dest, self.message(who, number))
            case ["register", _, name, whom]:
                return act, Atom(name), self.pids[whom]
            case ["unregister", _, name]:
                return act, Atom(name)
            case ["group_leader", _, leader, whom]:
                return act, self.pids[leader], self.pids[whom]
            case ["trap", _, value]:
                return act, value
            case ["monitor_node", _, node, flag]:
                return act, self.stages[node].name, flag
            case ["exit", _, whom, reason]:
                return act, self.pids[whom], Atom(reason)
            case ["stop", _, reason]:
                return act, Atom(reason)
            case ["spawn", _, _, trap, link, watch]:
                return act, trap, link, watch is not None
            case ["spawn_at", _, _, trap, link, watch, node]:
                return act, self.stages[node].name, trap, link, watch is not None
        raise AssertionError(step)

    def message(self, who: str, number: int) -> tuple[Any, ...]:
        return Atom("msg"), Atom(who), number

    async def is_as_expected(self) -> bool:
        views: Look = {}
        names: dict[Any, str] = {}
        connected = []
        for node, stage in self.stages.items():
            labels = self.on(node)
            shown, named, nodes = await stage.look([self.pids[p] for p in labels])
            views.update(zip(labels, map(self.view, shown), strict=True))
            for name, pid in named:
                if name in ("n0", "n1") and pid in self.labels:
                    names[str(name), node] = self.labels[pid]
            others = [s.name for s in self.stages.values() if s is not stage]
            connected += [other in nodes for other in others]
        self.seen = views, names, connected
        return (
            all(self.world.connected == up for up in connected)
            and names == self.world.names
            and all(self.agrees(label, view) for label, view in views.items())
        )

    def view(self, shown: Any) -> View | None:
        """Put labels where the pids and references are."""
        if not isinstance(shown, tuple):
            return None
        mail, links, monitors, monitored_by, trap, leader = shown
        return View(
            [self.plain(message) for message in mail],
            sorted(self.labels.get(pid, "?") for pid in links),
            sorted((self.plain(target) for target in monitors), key=repr),
            sorted(self.labels.get(pid, "?") for pid in monitored_by),
            trap,
            self.labels.get(leader),
        )

    def plain(self, term: Any) -> Any:
        if isinstance(term, (Pid, Reference)):
            return self.labels.get(term, repr(term))
        if isinstance(term, tuple):
            match term:
                case ("$gen_call", (_, [*_] | ImproperList()), ("msg", who, number)):
                    return "call", str(who), number
                case ("EXIT", who, ("noproc", list())):
                    # On a BEAM a failed link is an error, with a stack.
                    return "EXIT", self.plain(who), "noproc"
                case (tag, ref, "process", whom, ("noproc", list())):
                    return str(tag), self.plain(ref), self.plain(whom), "noproc"
                case (tag, ref, "process", whom, reason):
                    return str(tag), self.plain(ref), self.plain(whom), f"{reason}"
            return tuple(self.plain(part) for part in term)
        for node, stage in self.stages.items():
            if term == stage.name:
                return node
        return str(term) if isinstance(term, str) else term

    def agrees(self, label: str, view: View | None) -> bool:
        expected = self.world.views()[label]
        if view is None or expected is None:
            return view is expected
        if view[1:] != expected[1:] or len(view.mail) != len(expected.mail):
            return False
        left = list(expected.mail)
        step = 0
        places: dict[str, int] = {}
        for content in view.mail:
            mail = next((mail for mail in left if mail.content == content), None)
            if mail is None:
                return False
            left.remove(mail)
            if mail.step < step or mail.place < places.get(mail.sender, 0):
                return False
            step, places[mail.sender] = mail.step, mail.place
        return True

    def describe(self) -> str:
        views, names, connected = self.seen
        lines = []
        for label, view in views.items():
            if not self.agrees(label, view):
                expected = self.world.views()[label]
                if expected is not None:
                    mail = [m.content for m in expected.mail]
                    expected = expected._replace(mail=mail)
                lines.append(f"  {label} is {view},\n    not {expected}")
        if names != self.world.names:
            lines.append(f"  the names are {names}, not {self.world.names}")
        if not all(self.world.connected == up for up in connected):
            lines.append(f"  connected: {connected}, not {self.world.connected}")
        return "\n".join(lines)
