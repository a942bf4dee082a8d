"""A PubSub on all members: one who listens on each, and what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from ergopy import Atom

if TYPE_CHECKING:
    from .cluster import Cluster

NAME = Atom("Elixir.MyApp.PubSub")
SCOPE = Atom("Elixir.Phoenix.PubSub")
ADAPTER = Atom(f"{NAME}.Adapter")
TOPIC = b"news"


class Topics:
    """The one PubSub of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.listeners: dict[int, Any] = {}

    async def start(self, number: int) -> None:
        """Have it on a node, and somebody who listens there."""
        member = self.cluster[number]
        pid = self.listeners[number] = await member.do("holder")
        if member.kind == "python":
            await member.do("topics_start", NAME)
            await member.do("topics_listen", NAME, TOPIC, pid)
        else:
            source = "ergopy_pubsub:start(Name, 1, 1), ets:insert(Name, {Topic, Pid})"
            await member.run(source, Name=NAME, Topic=TOPIC, Pid=pid)

    async def ready(self) -> None:
        """Wait until all that run have the workers of all that run."""
        everybody = {member.name for member in self.cluster.up}

        def is_full(answers: list[Any]) -> bool:
            workers = [answer.get(ADAPTER, []) for answer in answers]
            return all(sorted(p.node for p in w) == sorted(everybody) for w in workers)

        await self.cluster.until("pg_groups", is_full, SCOPE)

    async def say(self, number: int, terms: list[Any]) -> None:
        """Have one of a node tell all who listen, one term after the other."""
        member = self.cluster[number]
        if member.kind == "python":
            await member.do("topics_say", NAME, TOPIC, terms)
        else:
            source = "[ergopy_pubsub:broadcast(Name, Topic, Term) || Term <- Terms]"
            await member.run(source, Name=NAME, Topic=TOPIC, Terms=terms)

    async def heard(self, count: int) -> list[list[Any]]:
        """Wait until each has heard so much; return what, in order."""
        heard: list[list[Any]] = []
        with trio.move_on_after(self.cluster.patience):
            while True:
                heard = [await self._heard_on(number) for number in self.listeners]
                if all(len(terms) >= count for terms in heard):
                    return heard
                await trio.sleep(0.02)
        raise AssertionError(f"not {count} are heard: {list(map(len, heard))}")

    async def _heard_on(self, number: int) -> list[Any]:
        member, pid = self.cluster[number], self.listeners[number]
        terms: list[Any] = await member.do("ask", pid, Atom("heard"))
        if member.kind == "python":
            return terms
        # Each comes with the module that hands it out.
        return [term for _, _, (_, term) in terms]
