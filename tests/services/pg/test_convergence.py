"""Whatever comes, goes, is killed or cut off: in the end all nodes see the truth."""

from __future__ import annotations

import itertools
from collections import Counter
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy import Atom
from ergopy.testing import MemoryNetwork
from tests.runtimes import idle, settle

if TYPE_CHECKING:
    import ergopy
    from ergopy import Pid
    from ergopy.services.pg import GroupChanges

NODES = "abc"
SCOPES = ["pg", "other"]
GROUPS = [Atom("one"), (1, 2)]
MEMBERS = 3
HIDDEN = {"c"}

places = st.sampled_from(NODES)
pairs = st.sampled_from(list(itertools.combinations(NODES, 2)))
scopes = st.sampled_from(SCOPES)
members = st.lists(st.integers(0, MEMBERS - 1), min_size=1, max_size=3)
steps = st.one_of(
    st.tuples(st.just("join"), places, scopes, st.sampled_from(GROUPS), members),
    st.tuples(st.just("leave"), places, scopes, st.sampled_from(GROUPS), members),
    st.tuples(st.just("end"), places, st.integers(0, MEMBERS - 1)),
    st.tuples(st.just("crash"), places, scopes),
    st.tuples(st.just("cut"), pairs),
    st.tuples(st.just("link"), pairs),
    st.tuples(st.just("wait")),
)


class Cluster:
    """The nodes, and what is true of their own members."""

    def __init__(self, nodes: dict[str, ergopy.Node]) -> None:
        self.nodes = nodes
        self.pids: dict[str, list[Pid]] = {}
        self.joined: Counter[tuple[str, str, Any, Pid]] = Counter()

    async def begin(self) -> None:
        for name, node in self.nodes.items():
            self.pids[name] = [await node.spawn(idle) for _ in range(MEMBERS)]
            for scope in SCOPES:
                node.pg(scope)

    async def step(self, what: str, *args: Any) -> None:
        await getattr(self, what)(*args)

    async def join(self, name: str, scope: str, group: Any, who: list[int]) -> None:
        pids = [self.pids[name][number] for number in who]
        self.nodes[name].pg(scope).join(group, pids)
        self.joined.update((name, scope, group, pid) for pid in pids)

    async def leave(self, name: str, scope: str, group: Any, who: list[int]) -> None:
        pids = [self.pids[name][number] for number in who]
        was_in = any(self.joined[name, scope, group, pid] for pid in pids)
        assert self.nodes[name].pg(scope).leave(group, pids) == was_in
        self.joined.subtract((name, scope, group, pid) for pid in pids)
        self.joined = +self.joined

    async def end(self, name: str, number: int) -> None:
        pid = self.pids[name][number]
        await self.nodes[name].exit(pid, "kill")
        for key in [key for key in self.joined if key[3] == pid]:
            del self.joined[key]
        self.pids[name][number] = await self.nodes[name].spawn(idle)

    async def crash(self, name: str, scope: str) -> None:
        # Too many at once, and its supervisor gives up.
        await trio.sleep(10)
        await self.nodes[name].exit(self.nodes[name].whereis(scope), "kill")

    async def cut(self, pair: tuple[str, str]) -> None:
        one, other = (self.nodes[name] for name in pair)
        one.disconnect(other.name)

    async def link(self, pair: tuple[str, str]) -> None:
        one, other = (self.nodes[name] for name in pair)
        with trio.move_on_after(1):
            await one.ping(other.name)

    async def wait(self) -> None:
        await settle()
        for name, node in self.nodes.items():
            for scope in SCOPES:
                self.check(name, node.pg(scope).local_members, scope, [name])

    def check(self, name: str, seen: Any, scope: str, places: list[str]) -> None:
        """See whether *name* knows all members of these nodes, and no others."""
        for group in GROUPS:
            truth = Counter(
                {
                    pid: count
                    for (place, of, there, pid), count in self.joined.items()
                    if place in places and of == scope and there == group
                }
            )
            assert Counter(seen(group)) == truth, (name, scope, group)


def replayed(changes: GroupChanges) -> dict[Any, Counter[Pid]]:
    """What somebody knows who has listened all the time."""
    known = {group: Counter(pids) for group, pids in changes.groups}
    for change in changes._waiting:
        counts = known.setdefault(change.group, Counter())
        if change.kind == "join":
            counts.update(change.pids)
        else:
            assert counts >= Counter(change.pids)
            counts.subtract(change.pids)
    return {group: +counts for group, counts in known.items() if +counts}


async def play(script: list[Any]) -> None:
    network = MemoryNetwork()
    async with AsyncExitStack() as stack:
        nodes = {}
        for name in NODES:
            node = network.node(name, hidden=name in HIDDEN)
            nodes[name] = await stack.enter_async_context(node)
        cluster = Cluster(nodes)
        await cluster.begin()
        listeners = {
            name: await stack.enter_async_context(node.pg.changes(limit=10**6))
            for name, node in nodes.items()
        }
        for step in script:
            await cluster.step(*step)
        await settle()
        for pair in itertools.combinations(NODES, 2):
            await cluster.link(pair)
        await settle()
        for name, node in nodes.items():
            for scope in SCOPES:
                cluster.check(name, node.pg(scope).members, scope, list(NODES))
                assert len(node.pg(scope)._scope.peers()) == len(NODES) - 1
            now = {group: Counter(node.pg.members(group)) for group in node.pg.groups()}
            assert replayed(listeners[name]) == now
        for pids in cluster.pids.values():
            for pid in pids:
                await nodes[pid.node[0]].exit(pid, "kill")
        await settle()
        for node in nodes.values():
            assert all(node.pg(scope).groups() == [] for scope in SCOPES)
        for name, node in nodes.items():
            assert node.whereis("pg") is not None, name


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, max_size=40))
def test_all_nodes_see_the_truth_in_the_end(script):
    trio.run(play, script, clock=trio.testing.MockClock(autojump_threshold=0))
