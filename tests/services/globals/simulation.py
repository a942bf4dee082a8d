"""A cluster of name servers without any I/O, in which everything happens in any order.

What one node sends another arrives in order, if their connection lasts. All else, which
node goes on, when a timer is over, when a connection is lost, is up to a seed.
"""

from __future__ import annotations

import itertools
import random
from collections import deque
from typing import Any

from ergopy.services.globals import actions as do
from ergopy.services.globals import conflicts, steps
from ergopy.services.globals.locker import Locker
from ergopy.services.globals.machine import Machine
from etf import Atom, Pid


class Runner:
    """Steps of one process: a locker, or a job of a registrar."""

    def __init__(self, node: Node, pid: Pid, generator: Any) -> None:
        self.node, self.pid, self._generator = node, pid, generator
        self.inbox: list[Any] = []
        self.step: Any = None
        self.replies: dict[Atom, Any] = {}
        self.waits_for: set[Atom] = set()
        self.number = 0
        self.due: float | None = None
        self.result: Any = None
        self.over = False
        self.about: Atom | None = None
        self._go(None)

    def _go(self, answer: Any) -> None:
        node = self.node
        while True:
            try:
                self.step = self._generator.send(answer)
            except StopIteration as done:
                self.result, self.over = done.value, True
                self.step = self.due = None
                if self.about and self.result:
                    self.node.inbox.append(("out of step", self.about))
                return
            answer, self.due = None, None
            match self.step:
                case steps.Ask(nodes, request):
                    self._ask(nodes, request)
                    return
                case steps.Take(_, seconds) | steps.Pause(seconds):
                    self.due = node.sim.now + seconds
                    return
                case steps.Emit(messages):
                    for message in messages:
                        node.send(message)
                case steps.TellPid(pid, message):
                    node.send(do.Send(pid.node, ("$locker", message)))

    def _ask(self, nodes: tuple[Atom, ...], request: Any) -> None:
        self.number += 1
        self.replies, self.waits_for = {}, set()
        for name in nodes:
            # Over there the answer comes after what was sent before it.
            if self.node.reach(name):
                self.waits_for.add(name)
                call = ("call", request, (self.pid, (self, self.number)))
                self.node.put(name, call)

    def reply(self, number: int, name: Atom, value: Any) -> None:
        if number == self.number and name in self.waits_for:
            self.waits_for.discard(name)
            self.replies[name] = value

    def lost(self, name: Atom) -> None:
        self.waits_for.discard(name)

    def can_go(self) -> bool:
        if isinstance(self.step, steps.Ask):
            return not self.waits_for
        if isinstance(self.step, steps.Take):
            return any(map(self._wants, self.inbox)) or self._is_due()
        return isinstance(self.step, steps.Pause) and self._is_due()

    def _is_due(self) -> bool:
        return self.due is not None and self.due <= self.node.sim.now

    def _wants(self, message: Any) -> bool:
        return self.step.wanted is None or self.step.wanted(message)

    def go(self) -> None:
        if isinstance(self.step, steps.Ask):
            self._go(self.replies)
            return
        for place, message in enumerate(self.inbox):
            if isinstance(self.step, steps.Take) and self._wants(message):
                del self.inbox[place]
                self._go(message)
                return
        self._go(None)


class Node:
    """One node: its machine, its locker, and what it has to do."""

    def __init__(self, sim: Simulation, name: str) -> None:
        self.sim, self.own, self.rng = sim, Atom(name), sim.rng
        self.processes: set[Pid] = set()
        self.inbox: deque[Any] = deque()
        self.watched: dict[int, Pid] = {}
        self.resolving: dict[tuple[Atom, int], Any] = {}
        self.tasks: list[Any] = []
        self.losses: dict[Atom, int] = {}
        pid = self.spawn()
        self.machine = Machine(self.own, 1, pid, self.rng)
        self.runners = [Runner(self, pid, Locker(self, pid).run())]
        self.logged: list[str] = []

    def spawn(self) -> Pid:
        pid = Pid(self.own, next(self.sim.numbers), 0, 1)
        self.processes.add(pid)
        return pid

    # What steps look at.

    def known(self) -> list[Atom]:
        return list(self.machine.cluster.known)

    def can_set(self, resource: Any, requester: Any) -> bool:
        return self.machine.locks.can_set(resource, requester)

    def is_locked(self) -> bool:
        return self.machine.locks.of_all is not None

    # Sending.

    def reach(self, name: Atom) -> bool:
        return name == self.own or self.sim.connect(self.own, name)

    def put(self, name: Atom, what: Any) -> None:
        if name == self.own:
            self.inbox.append(what)
        else:
            self.sim.channels[self.own, name].append(what)

    def send(self, message: do.Send) -> None:
        if self.losses.get(message.node):
            return
        up = message.node == self.own or self.sim.is_up(self.own, message.node)
        if up or (message.connect and self.reach(message.node)):
            self.put(message.node, ("message", message.message))

    # Running.

    def take(self) -> None:
        """Take one input."""
        machine = self.machine
        match self.inbox.popleft():
            case "call", request, from_:
                assert machine.call(request, from_), request
            case "reply", runner, number, name, value:
                runner.reply(number, name, value)
            case "message", (Atom("$gen_cast"), request):
                assert machine.cast(request), request
            case "message", ("$locker", (_, pid, is_set, _)):
                self.runners[0].inbox.append(do.LockSet(pid, is_set, None))
            case "message", message:
                assert machine.info(message, self.sim.now), message
            case "up", name:
                machine.node_up(name)
            case "lost", name:
                self.losses[name] -= 1
                machine.node_down(name)
            case "down", key:
                if self.watched.pop(key, None) is not None:
                    machine.down(key)
            case "exchanged", args:
                machine.exchanged(*args)
            case "out of step", name:
                machine.out_of_step(name)
            case "unreachable", name:
                machine.unreachable(name)
        self.carry_out()

    def carry_out(self) -> None:
        for action in self.machine.actions():
            match action:
                case do.Send():
                    self.send(action)
                case do.Reply((pid, (runner, number)), value):
                    if pid.node == self.own:
                        runner.reply(number, self.own, value)
                    elif self.sim.is_up(self.own, pid.node):
                        self.put(pid.node, ("reply", runner, number, self.own, value))
                case do.Tell(message):
                    self.runners[0].inbox.append(message)
                case do.Watch(key, pid):
                    self.watched[key] = pid
                    if not self.reach(pid.node) or not self.sim.is_alive(pid):
                        self.inbox.append(("down", key))
                case do.Forget(key):
                    self.watched.pop(key, None)
                case do.Resolve(node, tag, names):
                    self.resolving[node, tag] = names
                case do.StopResolving(node, tag):
                    self.resolving.pop((node, tag), None)
                case do.Disconnect(name):
                    self.sim.disconnect(self.own, name)
                case do.Rejoin(name):
                    self.sim.disconnect(self.own, name)
                    self.sim.rejoined.append(name)
                case do.Check(name):
                    check = steps.counts_us_in(self, name, self.machine.is_outside)
                    self.runners.append(Runner(self, self.spawn(), check))
                    self.runners[-1].about = name
                case do.Greet(name):
                    self.tasks.append(name)
                case do.Log(_, text, args):
                    self.logged.append(text % args)

    def greet(self) -> None:
        name = self.tasks.pop(0)
        if self.reach(name):
            in_sync = (Atom("$gen_cast"), (Atom("in_sync"), self.own, True))
            self.put(name, ("message", in_sync))
        else:
            self.inbox.append(("unreachable", name))

    def resolve(self) -> None:
        (node, tag), theirs = self.resolving.popitem()

        async def ask(ours: Any, other: Pid) -> Any:
            stays, goes = sorted((ours[1], other), key=lambda pid: pid.node)
            self.sim.kill(goes)
            return stays

        work = conflicts.compare(self.machine.names, self.own < node, theirs, ask)
        try:
            work.send(None)
        except StopIteration as done:
            self.inbox.append(("exchanged", (node, tag, *done.value)))


class Simulation:
    """The cluster."""

    def __init__(self, seed: int, names: list[str]) -> None:
        self.rng = random.Random(seed)
        self.now = 0.0
        self.rejoined: list[Atom] = []
        self.numbers = itertools.count(1)
        self.nodes: dict[Atom, Node] = {}
        self.links: set[frozenset[Atom]] = set()
        self.parted: set[frozenset[Atom]] = set()
        self.channels: dict[tuple[Atom, Atom], deque[Any]] = {}
        for name in names:
            self.join(name)

    def join(self, name: str) -> Node:
        node = self.nodes[Atom(name)] = Node(self, name)
        return node

    def is_up(self, a: Atom, b: Atom) -> bool:
        return frozenset((a, b)) in self.links

    def is_alive(self, pid: Pid) -> bool:
        return pid.node in self.nodes and pid in self.nodes[pid.node].processes

    def connect(self, a: Atom, b: Atom) -> bool:
        pair = frozenset((a, b))
        if pair in self.links:
            return True
        if b not in self.nodes or a not in self.nodes or pair in self.parted:
            return False
        self.links.add(pair)
        for one, other in ((a, b), (b, a)):
            self.channels[one, other] = deque()
            self.nodes[one].inbox.append(("up", other))
        return True

    def disconnect(self, a: Atom, b: Atom) -> None:
        pair = frozenset((a, b))
        if pair not in self.links:
            return
        self.links.discard(pair)
        for one, other in ((a, b), (b, a)):
            # What has arrived was read; what was on the way is lost.
            del self.channels[one, other]
            if one in self.nodes:
                node = self.nodes[one]
                for runner in node.runners:
                    runner.lost(other)
                for key, pid in list(node.watched.items()):
                    if pid.node == other:
                        node.inbox.append(("down", key))
                node.inbox.append(("lost", other))
                node.losses[other] = node.losses.get(other, 0) + 1

    def part(self, a: Atom, b: Atom) -> None:
        self.parted.add(frozenset((a, b)))
        self.disconnect(a, b)

    def crash(self, name: Atom) -> None:
        """End a node."""
        del self.nodes[name]
        for other in list(self.nodes):
            self.disconnect(name, other)

    def kill(self, pid: Pid) -> None:
        """End a process."""
        if not self.is_alive(pid):
            return
        self.nodes[pid.node].processes.discard(pid)
        for node in self.nodes.values():
            for key, watched in node.watched.items():
                if watched == pid and node.own == pid.node:
                    node.inbox.append(("down", key))
                elif watched == pid and self.is_up(node.own, pid.node):
                    self.channels[pid.node, node.own].append(("down", key))

    def job(self, name: Atom, work: Any) -> Runner:
        """Run steps as a registrar of its own."""
        node = self.nodes[name]
        pid = node.spawn()
        runner = Runner(node, pid, work(node, pid))
        node.runners.append(runner)
        return runner

    def _choices(self) -> list[Any]:
        choices: list[Any] = []
        for node in self.nodes.values():
            if node.inbox:
                choices.append(node.take)
            if node.resolving:
                choices.append(node.resolve)
            if node.tasks:
                choices.append(node.greet)
            choices += [runner.go for runner in node.runners if runner.can_go()]
        choices += [
            lambda q=queue, b=b: self.nodes[b].inbox.append(q.popleft())
            for (_, b), queue in self.channels.items()
            if queue
        ]
        return choices

    def step(self) -> bool:
        """Do one thing; return False if there is nothing left to be done."""
        choices = self._choices()
        if not choices:
            dues = [
                runner.due
                for node in self.nodes.values()
                for runner in node.runners
                if runner.due is not None and runner.due != float("inf")
            ]
            if not dues:
                return False
            self.now = max(self.now, min(dues))
            return True
        self.rng.choice(choices)()
        return True

    def settle(self, limit: int = 200_000) -> None:
        """Go on until nothing happens any more."""
        for _ in range(limit):
            if not self.step():
                return
        raise AssertionError("it does not come to rest")

    def mesh(self) -> None:
        """Mend what is parted, and connect everybody."""
        self.parted.clear()
        for a, b in itertools.combinations(self.nodes, 2):
            self.connect(a, b)
        self.settle()
