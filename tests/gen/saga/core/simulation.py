"""Sagas on a network that loses, delays and kills, without any input or output.

A :class:`World` has one :class:`Peer` for each plan: a machine, a mailbox, and
callbacks that do what the plan says. Messages between two of them keep their order;
which of the pairs goes on is for ``choose`` to say, and so is when the clock goes on,
by leaps. What a peer writes into its log is safe some time later. A peer that is killed
loses all but that, and may be started again under its name.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict, deque
from contextlib import suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from ergopy.gen.saga import wire
from ergopy.gen.saga.core import events
from etf import Atom, Pid

from .peer import Peer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ergopy.gen.saga.core.transaction import SagaStep
    from etf import Reference

    from .plans import Plan

NOCONNECTION = Atom("noconnection")
KILLED = Atom("killed")


def in_order(options: int) -> int:
    """Choose what is there longest."""
    return 0


class Killed(Exception):
    """The peer that does something just now was killed."""


class Monitor:
    """A watch of one peer over another, until it fires or is taken back."""

    def __init__(self, watcher: Peer, target: Any, event: Callable[[Any], Any]) -> None:
        self.watcher = watcher
        self.target = target
        self.event = event


class World:
    """Sagas, numbered as their plans, the network between them, and the time.

    One time in *haste* the clock goes on though there are messages.
    """

    def __init__(
        self,
        plans: Sequence[Plan],
        choose: Callable[[int], int] = in_order,
        haste: int = 100,
    ) -> None:
        self.plans = plans
        self.choose = choose
        self.haste = haste
        self.now = 0.0
        self.steps = 0
        self.actions = 0
        self.at_step: dict[int, Callable[[], None]] = {}
        """What is to happen to the world before a step of its run."""
        self.at_action: dict[int, Callable[[], None]] = {}
        """The same before an action, of whichever peer."""
        self.channels: dict[Any, deque[Callable[[], None]]] = {}
        self.cut: set[frozenset[int]] = set()
        """Between whom nothing gets through."""
        self.alarms: list[tuple[float, Callable[[], None]]] = []
        self.disks: list[dict[Any, list[Any]]] = [{} for _ in plans]
        self.monitors: dict[Any, Monitor] = {}
        self.workers: dict[Pid, Peer] = {}
        """Whose a worker is, as long as it lives."""
        self.numbers: dict[Pid, int] = {}
        self.seen: list[list[tuple[str, Any, Any]]] = [[] for _ in plans]
        """What each saga saw, over all its lives: callback, key, detail."""
        self.undone: dict[Any, list[tuple[Any, bool]]] = defaultdict(list)
        """Compensations, by saga and transaction, in order: of what, and if it ran."""
        self.undo_tries: Counter[Any] = Counter()
        self.sent: list[tuple[int, SagaStep]] = []
        """Steps that were really sent, and by whom."""
        self.refused: set[Reference] = set()
        """Those of them whose sagas have cancelled by themselves."""
        self.killed: Counter[int] = Counter()
        self._serial = count(1)
        self.peers = [Peer(self, number) for number in range(len(plans))]

    def pid(self, number: int) -> Pid:
        pid = Pid(f"n{number}@sim", next(self._serial), 0, 1)
        self.numbers[pid] = number
        return pid

    # The network.

    def address(self, number: int) -> Any:
        """Return how others know a peer: its name, or its pid."""
        peer = self.peers[number]
        return self.name(number) if peer.plan.named else peer.pid

    def name(self, number: int) -> tuple[Atom, Atom]:
        return Atom(f"s{number}"), Atom(f"n{number}@sim")

    def number(self, dest: Any) -> int:
        if dest.__class__ is Pid:
            return self.numbers[dest]
        return int(dest[0][1:])

    def is_there(self, dest: Any) -> bool:
        peer = self.peers[self.number(dest)]
        return peer.alive and (dest.__class__ is not Pid or dest == peer.pid)

    def post(self, source: Any, target: Any, job: Callable[[], None]) -> None:
        self.channels.setdefault((source, target), deque()).append(job)

    def tell(self, peer: Peer, dest: Any, message: Any) -> None:
        if dest.__class__ is Pid and dest not in self.numbers:
            self.post(peer.pid, dest, partial(peer.work, dest, message))
            return
        number = self.number(dest)
        if frozenset((peer.number, number)) not in self.cut:
            event = wire.read(message)
            assert event is not None, message
            if peer.plan.is_ergo and event.__class__ is events.Next:
                event = event._replace(capable=False)
            self.post(peer.pid, number, partial(self._deliver, dest, event))

    def _deliver(self, dest: Any, event: Any) -> None:
        if self.is_there(dest):
            peer = self.peers[self.number(dest)]
            if peer.plan.is_ergo:
                if event.__class__ is events.Next:
                    event = event._replace(capable=False)
                else:
                    assert event.__class__ in _OF_ERGO, event
            peer.take(event)

    def watch(
        self, key: Any, watcher: Peer, dest: Any, event: Callable[[Any], Any]
    ) -> None:
        number = self.number(dest)
        target = self.peers[number].pid if self.is_there(dest) else dest
        self.monitors[key] = Monitor(watcher, target, event)
        if frozenset((watcher.number, number)) in self.cut:
            self._fire(key, NOCONNECTION)
        elif target is dest and not self.is_there(dest):
            self._fire(key, Atom("noproc"))

    def _fire(self, key: Any, reason: Any) -> None:
        monitor = self.monitors[key]

        def fire() -> None:
            if self.monitors.get(key) is monitor:
                del self.monitors[key]
                if monitor.watcher.alive:
                    monitor.watcher.lost(monitor.event(reason))

        self.post(monitor.target, monitor.watcher.number, fire)

    # What happens to it.

    def disconnect(self, one: int, other: int, seconds: float = 0.0) -> None:
        """Lose all that is between two peers, and cut them off for a while."""
        pair = frozenset((one, other))
        if len(pair) == 1:
            return
        for (source, target), channel in self.channels.items():
            if {self.numbers.get(source), target} == pair:
                channel.clear()
        for key, monitor in list(self.monitors.items()):
            if {monitor.watcher.number, self.number(monitor.target)} == pair:
                self._fire(key, NOCONNECTION)
        if seconds:
            self.cut.add(pair)
            self.alarms.append((self.now + seconds, partial(self.cut.discard, pair)))

    def kill(self, number: int, *, keep: float = 1.0, restart: float = 0.0) -> None:
        """Kill a peer; *keep*, from 0 to 1, is how much of what it was writing is safe.

        *restart* is in how many seconds it is started again, if it has a name.
        """
        peer = self.peers[number]
        if not peer.alive:
            return
        self.killed[number] += 1
        peer.alive = False
        disk = self.channels.pop((peer.pid, "disk"), deque())
        for _ in range(round(keep * len(disk))):
            disk.popleft()()
        for pid in [pid for pid, owner in self.workers.items() if owner is peer]:
            del self.workers[pid]
        for key, monitor in list(self.monitors.items()):
            if monitor.watcher is peer:
                del self.monitors[key]
            elif monitor.target == peer.pid:
                self._fire(key, KILLED)
        if not peer.plan.named:
            return
        if restart:
            self.alarms.append((self.now + restart, partial(self._start, number)))
        else:
            self._start(number)

    def _start(self, number: int) -> None:
        peer = self.peers[number] = Peer(self, number)
        peer.recover(self.disks[number])

    # Its run.

    def acting(self, peer: Peer) -> None:
        """Be told that a peer is about to do something."""
        self.actions += 1
        happen = self.at_action.pop(self.actions, None)
        if happen is not None:
            happen()
            if not peer.alive:
                raise Killed

    def start(
        self,
        number: int = 0,
        *,
        two_phases: bool = False,
        lifespan: float = 60.0,
        hop_limit: int = 100,
    ) -> None:
        """Have a peer start a transaction."""
        peer = self.peers[number]
        begin = partial(peer.start, two_phases, lifespan, hop_limit)
        self.post(peer.pid, number, begin)

    def run(self, most: int = 20_000) -> None:
        """Go on until nothing more can happen."""
        while self._step():
            assert self.steps < most, "it never ends"

    def _step(self) -> bool:
        self.steps += 1
        happen = self.at_step.pop(self.steps, None)
        if happen is not None:
            happen()
        ready = [channel for channel in self.channels.values() if channel]
        at = self._next_time()
        if ready and (at == math.inf or self.choose(self.haste) != self.haste - 1):
            self._guard(ready[self.choose(len(ready))].popleft())
            return True
        if at < math.inf:
            self._leap(at)
        return bool(ready) or at < math.inf

    def _next_time(self) -> float:
        at = min((alarm[0] for alarm in self.alarms), default=math.inf)
        for peer in self.peers:
            if peer.alive:
                at = min(at, peer.machine.deadlines.next)
        return at

    def _leap(self, at: float) -> None:
        self.now = max(self.now, at)
        due = [alarm for alarm in self.alarms if alarm[0] <= self.now]
        self.alarms = [alarm for alarm in self.alarms if alarm[0] > self.now]
        for _, happen in due:
            happen()
        for peer in self.peers:
            if peer.alive and peer.machine.deadlines.next <= self.now:
                self._guard(partial(peer.take, events.Tick()))

    def _guard(self, job: Callable[[], None]) -> None:
        with suppress(Killed):
            job()


_OF_ERGO = (events.Next, events.Result, events.Interim, events.Cancel, events.Commit)
