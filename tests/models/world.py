"""The model: what links, monitors, aliases, names and exits do, said plainly.

Everything takes effect at once, and the consequences of a step are over before the
next one; there is no wire, no table of peers and no scheduler to get wrong.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from tests.models.actor import Actor, Mail, Monitor, View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Step = list[Any]


class World:
    """All processes of all nodes."""

    def __init__(self, cast: Iterable[Any]) -> None:
        self.processes = {label: Actor(node, trap) for label, node, trap in cast}
        self.monitors: dict[str, Monitor] = {}
        self.aliases: dict[str, tuple[str, str]] = {}
        """Who is behind each, and what ends it."""
        self.made_aliases: dict[str, str] = {}
        self.names: dict[tuple[str, str], str] = {}
        self.connected = True
        self.step = 0
        self._place = 0
        self._ends: deque[tuple[str, str]] = deque()

    def living(self) -> list[str]:
        return [label for label, actor in self.processes.items() if actor.alive]

    def views(self) -> dict[str, View | None]:
        """Show everybody; None is somebody who is dead."""
        return {label: self._view(label) for label in self.processes}

    def _view(self, label: str) -> View | None:
        actor = self.processes[label]
        if not actor.alive:
            return None
        monitors = self.monitors.values()
        return View(
            list(actor.mail),
            sorted(actor.links),
            sorted((m.shown for m in monitors if m.owner == label), key=repr),
            sorted(m.owner for m in monitors if m.target == label),
            actor.trap,
            actor.group_leader,
        )

    def do(self, step: Step) -> Any:
        """Carry a step out; return its result, where it has one that matters."""
        self.step += 1
        result = self._act(step)
        self._see_to_the_ends()
        return result

    def _act(self, step: Step) -> Any:
        act, *details = step
        return getattr(self, act)(*details)

    def _see_to_the_ends(self) -> None:
        while self._ends:
            self._end(*self._ends.popleft())

    def _reach(self, one: str, other_node: str) -> None:
        if self.processes[one].node != other_node:
            self.connected = True

    def _post(
        self, to: str, content: tuple[Any, ...], sender: str, place: int | None = None
    ) -> None:
        actor = self.processes[to]
        place = self._count() if place is None else place
        if actor.alive:
            actor.mail.append(Mail(content, sender, self.step, place))

    def _count(self) -> int:
        self._place += 1
        return self._place

    def burst(self, who: str, steps: list[Step]) -> None:
        for step in steps:
            self._act(step)
            self._see_to_the_ends()

    def send(self, who: str, whom: str, number: int) -> None:
        self._reach(who, self.processes[whom].node)
        self._post(whom, ("msg", who, number), who)

    def send_name(self, who: str, name: str, node: str, number: int) -> None:
        self._reach(who, node)
        if (owner := self.names.get((name, node))) is not None:
            self._post(owner, ("msg", who, number), who)

    def call(self, who: str, whom: str, number: int) -> str:
        """Call somebody who never answers."""
        self._reach(who, self.processes[whom].node)
        self._post(whom, ("call", who, number), who)
        return "timeout" if self.processes[whom].alive else "noproc"

    def call_name(self, who: str, name: str, node: str, number: int) -> str:
        self._reach(who, node)
        owner = self.names.get((name, node))
        if owner is None:
            return "noproc"
        return self.call(who, owner, number)

    def register(self, who: str, name: str, whom: str) -> bool:
        key = name, self.processes[who].node
        if not self.processes[whom].alive:
            return False
        return self.names.setdefault(key, whom) == whom

    def unregister(self, who: str, name: str) -> bool:
        return self.names.pop((name, self.processes[who].node), None) is not None

    def trap(self, who: str, value: bool) -> None:
        self.processes[who].trap = value

    def link(self, who: str, whom: str) -> None:
        if who == whom or whom in self.processes[who].links:
            return
        self._reach(who, self.processes[whom].node)
        if self.processes[whom].alive:
            self.processes[who].links.add(whom)
            self.processes[whom].links.add(who)
        else:
            self._exit_signal(whom, who, "noproc")

    def unlink(self, who: str, whom: str) -> None:
        self.processes[who].links.discard(whom)
        self.processes[whom].links.discard(who)

    def monitor(self, who: str, whom: str, label: str) -> None:
        self._reach(who, self.processes[whom].node)
        found = whom if self.processes[whom].alive else None
        self._watch(label, who, found, whom, sender=whom)

    def monitor_tag(self, who: str, whom: str, label: str) -> None:
        self._reach(who, self.processes[whom].node)
        found = whom if self.processes[whom].alive else None
        self._watch(label, who, found, whom, sender=whom, tag="gone")

    def monitor_alias(self, who: str, whom: str, mode: str, label: str) -> None:
        self.made_aliases[label] = who
        self.aliases[label] = who, mode
        self.monitor(who, whom, label)

    def monitor_name(self, who: str, name: str, node: str, label: str) -> None:
        self._reach(who, node)
        found = self.names.get((name, node))
        self._watch(label, who, found, (name, node), sender=found or "nobody")

    def monitor_node(self, who: str, node: str, flag: bool) -> None:
        actor = self.processes[who]
        if flag:
            self._reach(who, node)
            if not actor.node_monitors:
                actor.node_monitor_made = self._count()
            actor.node_monitors += 1
        else:
            actor.node_monitors = max(0, actor.node_monitors - 1)

    def _watch(
        self,
        label: str,
        owner: str,
        target: str | None,
        shown: Any,
        *,
        sender: str,
        tag: str = "DOWN",
    ) -> None:
        self.processes[owner].made_monitors.append(label)
        if target is None:
            self._forget_alias_of(label)
            self._post(owner, (tag, label, shown, "noproc"), sender)
        else:
            self.monitors[label] = Monitor(owner, target, shown, tag, self._count())

    def _forget_alias_of(self, label: str) -> None:
        """The monitor is over; its alias is too, unless it is a lasting one."""
        if label in self.aliases and self.aliases[label][1] != "explicit_unalias":
            del self.aliases[label]

    def demonitor(self, who: str, label: str, flush: bool) -> bool:
        self._forget_alias_of(label)
        if self.monitors.pop(label, None) is not None:
            return True
        if flush:
            actor = self.processes[who]
            actor.mail = [m for m in actor.mail if m.content[1] != label]
        return False

    def alias(self, who: str, label: str, once: bool) -> None:
        self.aliases[label] = who, "once" if once else "explicit_unalias"
        self.made_aliases[label] = who

    def unalias(self, who: str, label: str) -> bool:
        return self.aliases.pop(label, None) is not None

    def send_alias(self, who: str, label: str, number: int) -> None:
        owner = self.made_aliases[label]
        self._reach(who, self.processes[owner].node)
        if label not in self.aliases:
            return
        if self.aliases[label][1] in ("once", "reply_demonitor"):
            del self.aliases[label]
            self.monitors.pop(label, None)
        self._post(owner, ("msg", who, number), who)

    def spawn(
        self, who: str, child: str, trap: bool, link: bool, watch: str | None
    ) -> None:
        self.spawn_at(who, child, trap, link, watch, self.processes[who].node)

    def spawn_at(
        self,
        who: str,
        child: str,
        trap: bool,
        link: bool,
        watch: str | None,
        node: str,
    ) -> None:
        self._reach(who, node)
        leader = self.processes[who].group_leader
        self.processes[child] = Actor(node, trap, group_leader=leader)
        if link:
            self.link(who, child)
        if watch is not None:
            self.monitor(who, child, watch)

    def group_leader(self, who: str, leader: str, whom: str) -> None:
        self._reach(who, self.processes[whom].node)
        self.processes[whom].group_leader = leader

    def exit(self, who: str, whom: str, reason: str) -> None:
        self._reach(who, self.processes[whom].node)
        actor = self.processes[whom]
        if reason == "kill":
            self._ends.append((whom, "killed"))
        elif actor.trap:
            self._post(whom, ("EXIT", who, reason), who)
        elif reason != "normal" or who == whom:
            self._ends.append((whom, reason))

    def stop(self, who: str, reason: str) -> None:
        self._ends.append((who, reason))

    def _exit_signal(
        self,
        sender: str,
        to: str,
        reason: str,
        place: int | None = None,
        by: str | None = None,
    ) -> None:
        """Deliver what comes over a link."""
        if self.processes[to].trap:
            self._post(to, ("EXIT", sender, reason), by or sender, place)
        elif reason != "normal":
            self._ends.append((to, reason))

    def _end(self, who: str, reason: str) -> None:
        actor = self.processes[who]
        if not actor.alive:
            return
        actor.alive = False
        actor.mail = []
        links, actor.links = actor.links, set()
        self.names = {name: by for name, by in self.names.items() if by != who}
        self.aliases = {r: a for r, a in self.aliases.items() if a[0] != who}
        mine = [label for label, m in self.monitors.items() if m.owner == who]
        for label in mine:
            del self.monitors[label]
        place = self._count()
        for partner in sorted(links):
            self.processes[partner].links.discard(who)
            self._exit_signal(who, partner, reason, place)
        for label, monitor in list(self.monitors.items()):
            if monitor.target == who:
                self._fire(label, reason, place)

    def _fire(self, label: str, reason: str, place: int, by: str | None = None) -> None:
        monitor = self.monitors.pop(label)
        self._forget_alias_of(label)
        down = (monitor.tag, label, monitor.shown, reason)
        self._post(monitor.owner, down, by or monitor.target, place)

    def disconnect(self, node: str) -> None:
        """Lose the connection: links first, then monitors as they were made."""
        self.connected = False
        across = [
            (one, other)
            for one, actor in self.processes.items()
            for other in sorted(actor.links)
            if self.processes[other].node != actor.node
        ]
        for one, other in across:
            self.processes[one].links.discard(other)
        place = self._count()
        for one, other in across:
            self._exit_signal(other, one, "noconnection", place, by="loss")
        for _, kind, label in sorted(self._monitors_across()):
            if kind == "node":
                self._node_down(label)
            else:
                self._fire(label, "noconnection", self._count(), by="loss")

    def restart(self) -> None:
        """Let node b die without a word, and start again with nobody on it."""
        self.disconnect("b")
        for label, actor in self.processes.items():
            if actor.node == "b":
                self._vanish(label, actor)

    def _vanish(self, label: str, actor: Actor) -> None:
        actor.alive, actor.gone = False, True
        actor.mail, actor.links = [], set()
        self.names = {name: by for name, by in self.names.items() if by != label}
        self.aliases = {r: a for r, a in self.aliases.items() if a[0] != label}
        self.monitors = {
            m: monitor for m, monitor in self.monitors.items() if monitor.owner != label
        }

    def _monitors_across(self) -> Iterator[tuple[int, str, str]]:
        for label, monitor in self.monitors.items():
            nodes = {self.processes[p].node for p in (monitor.owner, monitor.target)}
            if len(nodes) == 2:
                yield monitor.made, "process", label
        for label, actor in self.processes.items():
            if actor.node_monitors:
                yield actor.node_monitor_made, "node", label

    def _node_down(self, label: str) -> None:
        actor = self.processes[label]
        count, actor.node_monitors = actor.node_monitors, 0
        for _ in range(count):
            lost = "b" if actor.node == "a" else "a"
            self._post(label, ("nodedown", lost), "loss")
