"""Clusters in which two members have lost each other, and nobody else minds.

With ``prevent_overlapping_partitions false`` partitions overlap: the rest keep both,
and each of the two has its own view. Every chapter is played twice at once: by BEAMs
alone, and by OTP 25, OTP 28 and two Python nodes. What comes of it is the same.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom

from .beam import Missing
from .clusters.cluster import KINDS, in_order, together
from .clusters.conflicts import give_twice, settled
from .clusters.fixtures import make_cluster as make_cluster
from .clusters.hosts import Hosts
from .conftest import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .clusters.cluster import Cluster

BEAMS = ("otp28", "elixir", "otp28", "otp25")
EACH = range(len(KINDS))
ALL = {(one, other) for one in EACH for other in EACH if one < other}
"""Every connection that there may be."""
PREVENT = "prevent_overlapping_partitions"
UNDEFINED = Atom("undefined")
TIMES = 5
"""Transactions of each."""


@pytest.fixture(scope="module")
def clusters(make_cluster: Callable[..., Cluster]) -> Iterator[list[Cluster]]:
    """BEAMs, and BEAMs with Python nodes, each on a host of its own."""
    hosts: list[Hosts] = []
    try:
        hosts += [Hosts(len(kinds)) for kinds in (BEAMS, KINDS)]
    except Missing as problem:
        missing(problem)
    off = {PREVENT: False}
    yield [
        make_cluster(kinds, hosts=place, environment=off)
        for kinds, place in zip((BEAMS, KINDS), hosts, strict=True)
    ]
    for place in hosts:
        place.close()


@pytest.fixture
async def both(clusters: list[Cluster]) -> list[Cluster]:
    """In each all run, know each other and have no names."""
    await together([cluster.restore for cluster in clusters])
    return clusters


@pytest.fixture(scope="module")
def halves(make_cluster: Callable[..., Cluster]) -> list[Cluster]:
    """The same, but the second and the last do prevent partitions."""
    made = []
    for kinds in (BEAMS, KINDS):
        made.append(make_cluster(()))
        for number, kind in enumerate(kinds):
            made[-1].add(kind, environment={PREVENT: bool(number % 2)})
    return made


async def play(clusters: list[Cluster], chapter: Any, *args: Any) -> None:
    """Have all of them go through the same."""
    await together([partial(chapter, cluster, *args) for cluster in clusters])


# What they do.


async def part(cluster: Cluster, one: int, other: int) -> None:
    """Have two lose each other, and wait until their name servers know of it."""
    ways = (one, other), (other, one)
    for here, there in ways:
        await cluster[here].do("disconnect", cluster[there].name)
    for here, there in ways:
        lost, among = cluster[there].name, [cluster[here]]
        for word in ("members", "known"):
            await cluster.until(word, lambda a, n=lost: n not in a[0], among=among)


async def reach(cluster: Cluster, one: int, other: int) -> None:
    """Have the first of two connect to the other."""
    assert await cluster[one].do("connect", cluster[other].name)


async def give(cluster: Cluster, word: str) -> dict[Any, Any]:
    """Have each register a process of its own; return the names with these."""
    given = {}
    for number, member in enumerate(cluster):
        pid = given[Atom(word), number] = await member.do("holder")
        assert await member.do("register", (Atom(word), number), pid) == "yes"
    return given


# What they see.


async def has_names(cluster: Cluster, number: int, names: dict[Any, Any]) -> None:
    """Wait until a member knows these names, and no others."""
    wanted, among = in_order([*names.items()]), [cluster[number]]
    await cluster.until("names", lambda a: in_order(a[0]) == wanted, among=among)


def without(names: dict[Any, Any], member: Any) -> dict[Any, Any]:
    """Leave out what belongs to processes of a member."""
    return {name: pid for name, pid in names.items() if pid.node != member.name}


async def are_connected(cluster: Cluster, edges: set[tuple[int, int]]) -> None:
    """Wait until these have each other, and count each other in; and no others."""
    wanted: list[set[Any]] = [set() for _ in cluster]
    for one, other in edges:
        wanted[one].add(cluster[other].name)
        wanted[other].add(cluster[one].name)
    for word in ("members", "known"):
        await cluster.until(word, lambda answers: [*map(set, answers)] == wanted)


async def watch(cluster: Cluster) -> list[Any]:
    """Have a process on each that hears who is lost."""
    ears = await cluster.all("holder")
    for member, ear in zip(cluster, ears, strict=True):
        assert await member.do("ask", ear, Atom("watch"))
    return ears


async def losses(cluster: Cluster, ears: list[Any]) -> list[list[int]]:
    """Return whom each has lost since, in order."""
    names = [member.name for member in cluster]
    heard = [
        await member.do("ask", ear, Atom("heard"))
        for member, ear in zip(cluster, ears, strict=True)
    ]
    return [[names.index(name) for _, name in one] for one in heard]


@pytest.mark.parametrize(("one", "other"), [(0, 3), (2, 0), (1, 2)])
async def test_two_lose_each_other_and_the_rest_keep_both(both, one, other):
    await play(both, two_lose_each_other, one, other)


async def two_lose_each_other(cluster: Cluster, one: int, other: int) -> None:
    third = min({*EACH} - {one, other})
    ears = await watch(cluster)
    names = await give(cluster, "own")
    await part(cluster, one, other)
    # What is new is told to those that are connected.
    names |= await give(cluster, "new")
    for number in EACH:
        lost = {one: other, other: one}.get(number)
        seen = names if lost is None else without(names, cluster[lost])
        await has_names(cluster, number, seen)
    # A lock is held where somebody knows both.
    counter = names[Atom("own"), third]
    id = (Atom("held"), names[Atom("own"), one])
    assert await cluster[one].do("ask", id[1], (Atom("lock"), id))
    for member in cluster:
        assert not await member.do("is_free", Atom("held"))
    assert await cluster[one].do("ask", id[1], (Atom("unlock"), id))
    assert set(await cluster.all("count", Atom("counting"), counter, TIMES)) == {"ok"}
    count = await cluster[third].do("ask", counter, Atom("get"))
    assert count == len(cluster) * TIMES
    # Each of the two gives the same names: the rest have them of who came last.
    twice = await give_twice(cluster, [(one, other)])
    for name, (first, last) in twice.items():
        for number in EACH:
            pid = first if number == one else last
            assert await cluster[number].do("whereis", name) == pid
    # One takes a name back that the other keeps.
    kept = Atom("own"), third
    await cluster[one].do("unregister", kept)
    for number in EACH:
        pid = names[kept] if number == other else UNDEFINED
        assert await cluster[number].do("whereis", kept) == pid
    gone = {(min(one, other), max(one, other))}
    await are_connected(cluster, ALL - gone)
    await reach(cluster, one, other)
    # All has come together, and that name has come back.
    found = await cluster.is_whole()
    left = await settled(cluster, twice, found)
    assert found == in_order([*names.items(), *left])
    expected = {one: [other], other: [one]}
    assert await losses(cluster, ears) == [expected.get(number, []) for number in EACH]


@pytest.mark.parametrize("way", ["a way", "no way"])
async def test_third_that_starts_again_brings_two_together_if_there_is_a_way(both, way):
    await play(both, third_starts_again, way == "a way")


async def third_starts_again(cluster: Cluster, is_way: bool) -> None:
    one, third, rest, other = EACH
    names = await give(cluster, "own")
    await cluster.is_whole()
    hosts: Any = cluster.hosts
    if not is_way:
        for ends in ([one], [other]), ([other], [one]):
            hosts.cut(*ends)
    await part(cluster, one, other)
    cluster.kill9(third)
    names = without(names, cluster[third])
    await has_names(cluster, rest, names)
    await cluster.start(third)
    # It has the names of whom it meets, and not those that only the rest know.
    await reach(cluster, third, one)
    await has_names(cluster, third, without(names, cluster[other]))
    await reach(cluster, third, other)
    await has_names(cluster, third, names)
    if not is_way:
        await are_connected(cluster, ALL - {(one, other)})
        await has_names(cluster, one, without(names, cluster[other]))
        await has_names(cluster, other, without(names, cluster[one]))
        for ends in ([one], [other]), ([other], [one]):
            hosts.mend(*ends)
        await reach(cluster, one, other)
    assert await cluster.is_whole() == in_order([*names.items()])


async def test_only_those_who_prevent_part_with_who_was_lost(halves):
    await play(halves, some_prevent)


async def some_prevent(cluster: Cluster) -> None:
    await cluster.restore()
    ears = await watch(cluster)
    names = await give(cluster, "own")
    # The last hears of it from the second, and has the first go.
    await part(cluster, 0, 1)
    await are_connected(cluster, ALL - {(0, 1), (0, 3)})
    await has_names(cluster, 0, without(without(names, cluster[1]), cluster[3]))
    await has_names(cluster, 2, names)
    for number in (1, 3):
        await has_names(cluster, number, without(names, cluster[0]))
    # Neither of these tells anybody.
    await part(cluster, 0, 2)
    # Both of these tell the third, who does not care, and tells nobody.
    await part(cluster, 1, 3)
    names |= await give(cluster, "new")
    await are_connected(cluster, {(1, 2), (2, 3)})
    await has_names(cluster, 2, without(names, cluster[0]))
    heard = await losses(cluster, ears)
    assert [in_order(one) for one in heard] == [[1, 2, 3], [0, 3], [0], [0, 1]]
    await cluster.rush()
    assert await cluster.is_whole() == in_order([*names.items()])
