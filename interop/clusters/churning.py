"""Groups of processes that come and go on all nodes, and what is true of them."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import trio

from ergopy import Atom

from ..beam import BeamGone

if TYPE_CHECKING:
    from .cluster import Cluster

GROUPS = [Atom("atoms"), (Atom("group"), 1), (Atom("group"), 2), b"binary", 5]
MOST_PIDS = 12


class Churn:
    """What is done to the groups of one scope; it knows who is a member of what."""

    def __init__(self, cluster: Cluster, scope: Atom) -> None:
        self.cluster = cluster
        self.scope = scope
        self.pids: dict[int, list[Any]] = {n: [] for n in range(len(cluster))}
        self.members: dict[int, dict[Any, Counter[Any]]] = {}
        self.scopes: dict[int, Any] = {}
        self.done = 0
        for number in self.pids:
            self.forget(number)

    async def start(self, number: int) -> None:
        """Have the scope on a node that has just begun."""
        self.scopes[number] = await self.cluster[number].do("pg_start", self.scope)

    def forget(self, number: int) -> None:
        """The node has ended."""
        self.pids[number] = []
        self.members[number] = {group: Counter() for group in GROUPS}

    async def act(self, number: int, chance: random.Random) -> None:
        """Do one thing on a node."""
        do, pids, groups = (
            self.cluster[number].do,
            self.pids[number],
            self.members[number],
        )
        group = chance.choice(GROUPS)
        here = list(groups[group].elements())
        match chance.choice(("join", "join", "leave", "leave", "kill")):
            case "join":
                if len(pids) < MOST_PIDS:
                    pids.append(await do("holder"))
                some = chance.choices(pids, k=chance.randint(1, 3))
                await do("pg_join", self.scope, group, some)
                groups[group].update(some)
            case "leave" if here:
                some = chance.sample(here, chance.randint(1, min(3, len(here))))
                await do("pg_leave", self.scope, group, some)
                groups[group].subtract(some)
            case "kill" if len(pids) > MOST_PIDS // 2:
                pid = pids.pop(chance.randrange(len(pids)))
                # By somebody who may be anywhere.
                try:
                    await chance.choice(self.cluster.up).do("kill", pid)
                except BeamGone:
                    await do("kill", pid)
                for counter in groups.values():
                    del counter[pid]
            case _:
                await trio.lowlevel.checkpoint()
                return
        self.done += 1

    async def act_until(self, number: int, over: trio.Event, seed: Any) -> None:
        """Do one thing after the other on a node."""
        chance = random.Random(seed)
        while not over.is_set():
            await self.act(number, chance)

    def truth(self) -> dict[Any, list[Any]]:
        """Every group with its members."""
        groups = {
            group: in_order(
                pid
                for groups in self.members.values()
                for pid in (+groups[group]).elements()
            )
            for group in GROUPS
        }
        return {group: pids for group, pids in groups.items() if pids}

    async def converge(self, among: Any = None) -> None:
        """Wait until all nodes see what is true."""
        truth = self.truth()

        def is_true(answers: list[Any]) -> bool:
            return all(
                {group: in_order(pids) for group, pids in answer.items()} == truth
                for answer in answers
            )

        await self.cluster.until("pg_groups", is_true, self.scope, among=among)


def in_order(pids: Any) -> list[Any]:
    return sorted(pids, key=repr)
