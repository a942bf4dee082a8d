"""Scripts: what processes on one or two nodes do to each other, step by step.

A step is one process's act, or a burst of acts against one partner, and everybody
waits for its consequences before the next begins. Scripts are made so that the BEAM's
rules leave one outcome, up to the order of messages of different senders. All that is
named in a script is a label: processes p0, monitors m0, aliases r0, names n0, and the
nodes a and b.

A script is a plain value: ``Script(**json.loads(text))`` is the one that
``repr(script)`` shows.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.models.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Pick = Callable[[Sequence[Any]], Any]

Step: TypeAlias = list[Any]

REASONS = ["normal", "kill", "killed", "shutdown", "boom", "boom"]
NAMES = ["n0", "n1"]
ALIAS_MODES = ["explicit_unalias", "demonitor", "reply_demonitor"]
_WEIGHTS = {
    "link": 6,
    "unlink": 2,
    "monitor": 3,
    "monitor_name": 2,
    "monitor_alias": 2,
    "monitor_tag": 1,
    "demonitor": 2,
    "alias": 2,
    "unalias": 1,
    "send_alias": 3,
    "send": 2,
    "send_name": 2,
    "call": 2,
    "call_name": 1,
    "register": 2,
    "unregister": 1,
    "trap": 1,
    "group_leader": 1,
    "exit": 3,
    "stop": 2,
    "spawn": 2,
    "spawn_at": 2,
    "monitor_node": 2,
    "disconnect": 2,
    "burst": 4,
}
_ACTS = [act for act, weight in _WEIGHTS.items() for _ in range(weight)]


@dataclass(frozen=True)
class Script:
    """Who is there at the beginning, as (label, node, traps exits), and the steps."""

    cast: list[Any]
    steps: list[Step]

    def __str__(self) -> str:
        """Write it down, to be replayed."""
        return json.dumps({"cast": self.cast, "steps": self.steps})


def random_script(
    seed: int, *, length: int = 14, nodes: str = "ab", restarts: int = 0
) -> Script:
    """Make the script of a number, always the same one."""
    pick = random.Random(seed).choice
    return write(pick, length=length, nodes=nodes, restarts=restarts)


def write(pick: Pick, *, length: int, nodes: str = "ab", restarts: int = 0) -> Script:
    """Write a script; *pick* takes every decision. Node b restarts so many times."""
    return _Writer(pick, nodes).write(length, restarts)


class _Writer:
    """Knows by the model what is possible, and what is worth doing."""

    def __init__(self, pick: Pick, nodes: str) -> None:
        self.pick = pick
        self.nodes = nodes
        self.counts: dict[str, int] = {}
        self.messages = 0
        cast = [
            [self.new("p"), pick(nodes), pick([True, False, False])] for _ in range(4)
        ]
        self.world = World(cast)
        self.script = Script(cast, [])

    def new(self, kind: str) -> str:
        number = self.counts.get(kind, 0)
        self.counts[kind] = number + 1
        return f"{kind}{number}"

    def message(self) -> int:
        self.messages += 1
        return self.messages

    def write(self, length: int, restarts: int) -> Script:
        times = [length * n // (restarts + 1) for n in range(1, restarts + 1)]
        while len(self.script.steps) < length and self.world.living():
            if len(self.script.steps) in times:
                self.world.do(["restart"])
                self.script.steps.append(["restart"])
                continue
            act = self.pick(_ACTS)
            if act == "disconnect":
                step = self.disconnect()
            else:
                step = getattr(self, act, self.plain)(
                    act, self.pick(self.world.living())
                )
            if step is not None:
                self.world.do(step)
                self.script.steps.append(step)
        return self.script

    def anybody(self) -> str:
        # The dead are pids too, but the living are more interesting.
        everybody = list(self.world.processes)
        whom: str = self.pick(self.world.living() * 3 + everybody)
        return whom

    def plain(self, act: str, who: str) -> Step:
        return [act, who, self.anybody()]

    def disconnect(self) -> Step | None:
        if len(self.nodes) < 2 or not self.world.connected:
            return None
        return ["disconnect", self.pick(self.nodes)]

    def monitor(self, act: str, who: str) -> Step | None:
        whom = self.anybody()
        return None if whom == who else [act, who, whom, self.new("m")]

    monitor_tag = monitor

    def monitor_alias(self, act: str, who: str) -> Step | None:
        whom, mode = self.anybody(), self.pick(ALIAS_MODES)
        return None if whom == who else [act, who, whom, mode, self.new("m")]

    def monitor_node(self, act: str, who: str) -> Step | None:
        # Only a node that is there, or was: nobody else would be missed.
        others = [n for n in self.nodes if n != self.world.processes[who].node]
        return [act, who, others[0], self.pick([True, True, False])] if others else None

    def monitor_name(self, act: str, who: str) -> Step | None:
        name, node = self.pick(NAMES), self.pick(self.nodes)
        if self.world.names.get((name, node)) == who:
            return None
        return [act, who, name, node, self.new("m")]

    def demonitor(self, act: str, who: str) -> Step | None:
        mine = self.world.processes[who].made_monitors
        return [act, who, self.pick(mine), self.pick([True, False])] if mine else None

    def alias(self, act: str, who: str) -> Step:
        return [act, who, self.new("r"), self.pick([True, False])]

    def unalias(self, act: str, who: str) -> Step | None:
        mine = [r for r, owner in self.world.made_aliases.items() if owner == who]
        return [act, who, self.pick(mine)] if mine else None

    def send_alias(self, act: str, who: str) -> Step | None:
        all_of_them = list(self.world.made_aliases)
        if not all_of_them:
            return None
        return [act, who, self.pick(all_of_them), self.message()]

    def send(self, act: str, who: str) -> Step:
        return [act, who, self.anybody(), self.message()]

    def send_name(self, act: str, who: str) -> Step:
        return [act, who, self.pick(NAMES), self.pick(self.nodes), self.message()]

    def call(self, act: str, who: str) -> Step | None:
        whom = self.anybody()
        return None if whom == who else [act, who, whom, self.message()]

    def call_name(self, act: str, who: str) -> Step | None:
        step = self.send_name(act, who)
        _, _, name, node, _ = step
        return None if self.world.names.get((name, node)) == who else step

    def register(self, act: str, who: str) -> Step | None:
        # A second name of one process is possible here and not on the BEAM.
        processes = self.world.processes
        node = processes[who].node
        whom = self.pick([who, self.anybody()])
        fit = processes[whom].node == node and whom not in self.world.names.values()
        return [act, who, self.pick(NAMES), whom] if fit else None

    def unregister(self, act: str, who: str) -> Step:
        return [act, who, self.pick(NAMES)]

    def trap(self, act: str, who: str) -> Step:
        return [act, who, self.pick([True, False])]

    def group_leader(self, act: str, who: str) -> Step:
        living = self.world.living()
        return [act, who, self.pick(living), self.pick(living)]

    def exit(self, act: str, who: str) -> Step:
        return [act, who, self.anybody(), self.pick(REASONS)]

    def stop(self, act: str, who: str) -> Step:
        return [act, who, self.pick(REASONS)]

    def spawn(self, act: str, who: str) -> Step:
        traps, link, watch = (self.pick([True, False]) for _ in range(3))
        return [act, who, self.new("p"), traps, link, self.new("m") if watch else None]

    def spawn_at(self, act: str, who: str) -> Step | None:
        if len(self.nodes) < 2:
            return None
        _, *options = self.spawn(act, who)
        return [act, *options, self.pick(self.nodes)]

    def burst(self, act: str, who: str) -> Step | None:
        """Write acts without a pause; the last one may be the end of somebody.

        What follows an end would be a race with its consequences.
        """
        whom = self.anybody()
        if whom == who:
            return None
        steps: list[Step] = []
        for _ in range(self.pick([2, 3, 4, 6])):
            steps.append(self.one_of_a_burst(who, whom))
        last = self.pick(["exit", "stop", "send", "link"])
        if last == "stop":
            steps.append(["stop", who, self.pick(REASONS)])
        elif last == "exit":
            steps.append(["exit", who, whom, self.pick(REASONS)])
            actor = self.world.processes[who]
            if actor.trap:
                # A second link is one, or not, if the end of the first is known.
                linked = whom in actor.links or any(act[0] == "link" for act in steps)
                after = self.pick(["monitor", "send", "send" if linked else "link"])
                steps.append(self.towards(after, who, whom))
        elif last != "link" or self.world.processes[whom].alive:
            steps.append(self.towards(last, who, whom))
        return [act, who, steps]

    def one_of_a_burst(self, who: str, whom: str) -> Step:
        # A link to the dead has consequences too, sooner or later.
        alive = self.world.processes[whom].alive
        acts = ["send", "unlink", "monitor", "exit"] + ["link", "link"] * alive
        return self.towards(self.pick(acts), who, whom)

    def towards(self, act: str, who: str, whom: str) -> Step:
        match act:
            case "send":
                return [act, who, whom, self.message()]
            case "monitor":
                return [act, who, whom, self.new("m")]
            case "exit":
                return [act, who, whom, "normal"]
        return [act, who, whom]
