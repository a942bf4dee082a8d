"""Storms: everybody acts at once, and what always holds is checked afterwards.

Here nothing is waited for between the acts of different processes, connections are
lost in the middle, and both nodes may connect at the same time. So the outcome cannot
be foretold. But when it is quiet again, each monitor has fired once or is still there,
links and monitors are known to both of their ends or to none, and the messages of
one sender are in order.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import trio

from etf import Atom, Reference

if TYPE_CHECKING:
    from etf import Pid
    from tests.models.play import Stage

WATCHERS = 3
VICTIMS = 4
ACTS = ["link", "link", "unlink", "monitor", "monitor", "demonitor", "send", "send"]


class Watcher:
    """A process that traps exits, and remembers what it did."""

    def __init__(self, stage: Stage, pid: Pid) -> None:
        self.stage = stage
        self.pid = pid
        self.monitors: list[Reference] = []
        self.over: set[Reference] = set()
        self.sent = 0
        self._busy = trio.Lock()

    async def act(self, act: str, whom: Pid, choice: random.Random) -> None:
        """Do something to somebody."""
        match act:
            case "monitor":
                self.monitors.append(await self.do(Atom("monitor"), whom))
            case "demonitor":
                if left := [ref for ref in self.monitors if ref not in self.over]:
                    ref = choice.choice(left)
                    await self.do(Atom("demonitor"), ref, True)
                    self.over.add(ref)
            case "send":
                self.sent += 1
                message = Atom("msg"), self.pid, self.sent
                await self.do(Atom("send"), whom, message)
            case _:
                await self.do(Atom(act), whom)

    async def do(self, *command: Any) -> Any:
        async with self._busy:
            return await self.stage.do(self.pid, command)


class Storm:
    """One storm on two stages; the same number makes the same choices."""

    def __init__(self, seed: int, one: Stage, other: Stage, *, losses: int) -> None:
        self.choice = random.Random(seed)
        self.stages = one, other
        self.losses = losses
        self.watchers: list[Watcher] = []
        self.pids: dict[int, list[Pid]] = {0: [], 1: []}

    async def blow(self, acts: int = 25) -> None:
        """Start everybody, and let all act at once."""
        for side, stage in enumerate(self.stages):
            for number in range(WATCHERS + VICTIMS):
                traps = number < WATCHERS
                pid = await stage.start(traps)
                self.pids[side].append(pid)
                if traps:
                    self.watchers.append(Watcher(stage, pid))
        async with trio.open_nursery() as nursery:
            for watcher in self.watchers:
                nursery.start_soon(self._act, watcher, acts)
            for side in (0, 1):
                nursery.start_soon(self._reap, side)
            nursery.start_soon(self._lose)

    async def _act(self, watcher: Watcher, acts: int) -> None:
        for _ in range(acts):
            act = self.choice.choice(ACTS)
            whom = self.choice.choice(self.pids[self.choice.randrange(2)])
            if whom != watcher.pid:
                await watcher.act(act, whom, self.choice)
            await self._pause()

    async def _reap(self, side: int) -> None:
        for pid in self.pids[side][WATCHERS:-1]:
            for _ in range(self.choice.randrange(8)):
                await self._pause()
            reason = self.choice.choice(["boom", "kill", "shutdown"])
            killer = self.choice.choice(self.watchers)
            await killer.do(Atom("exit"), pid, Atom(reason))

    async def _lose(self) -> None:
        for _ in range(self.losses):
            for _ in range(self.choice.randrange(1, 12)):
                await self._pause()
            one, other = self.choice.sample(self.stages, 2)
            await one.disconnect(other.name)

    async def _pause(self) -> None:
        for _ in range(self.choice.randrange(3)):
            await trio.lowlevel.checkpoint()

    async def problem(self) -> str | None:
        """Return what does not hold; None if all is as it has to be."""
        views: dict[Pid, Any] = {}
        for side, stage in enumerate(self.stages):
            shown, _, _ = await stage.look(self.pids[side])
            views.update(zip(self.pids[side], shown, strict=True))
        alive = {pid: view for pid, view in views.items() if isinstance(view, tuple)}
        return _asymmetry(alive) or self._miscount(alive)

    def _miscount(self, alive: dict[Pid, Any]) -> str | None:
        for watcher in self.watchers:
            mail, _, monitors, *_ = alive[watcher.pid]
            downs = Counter(m[1] for m in mail if m[0] == "DOWN")
            for ref in watcher.monitors:
                if downs[ref] > (ref not in watcher.over):
                    return f"{downs[ref]} times DOWN for {ref} of {watcher.pid}"
            fired = sum(downs.values())
            open_ones = len(watcher.monitors) - len(watcher.over)
            if fired + len(monitors) != open_ones:
                return (
                    f"{watcher.pid}: {open_ones} monitors, {fired} have fired and "
                    f"{len(monitors)} are there"
                )
            numbers: dict[Pid, int] = {}
            for message in mail:
                if message[0] == "msg":
                    _, sender, number = message
                    if number <= numbers.get(sender, 0):
                        return f"{watcher.pid}: {message} is out of order"
                    numbers[sender] = number
        return None

    async def end(self) -> None:
        """Kill everybody."""
        for side, stage in enumerate(self.stages):
            await stage.end(self.pids[side])


def _asymmetry(alive: dict[Pid, Any]) -> str | None:
    """Look for links and monitors that only one of their ends knows of."""
    for pid, (_, links, monitors, watched_by, *_) in alive.items():
        for other in links:
            if other not in alive or pid not in alive[other][1]:
                return f"{pid} is linked to {other}, and not the other way"
        for other, count in Counter(monitors).items():
            if other not in alive or alive[other][3].count(pid) != count:
                return f"{pid} watches {other} {count} times, and it does not know"
        for other, count in Counter(watched_by).items():
            if other in alive and alive[other][2].count(pid) != count:
                return f"{pid} is watched by {other}, which does not know"
    return None
