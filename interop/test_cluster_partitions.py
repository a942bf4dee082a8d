"""What is left of a cluster when two nodes lose each other; and who stays out of it.

``global`` keeps partitions from overlapping: when two nodes have lost each other, the
rest drop one of them, or both. Who is left with whom is a matter of time; that each
has each in a group, and all there agree, is not.
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from ergopy import Atom

from .clusters.cluster import KINDS, in_order
from .clusters.fixtures import cluster as cluster
from .clusters.fixtures import make_cluster as make_cluster

if TYPE_CHECKING:
    from .clusters.cluster import Cluster

UNDEFINED = Atom("undefined")
PAIRS = list(permutations(range(len(KINDS)), 2))


@pytest.fixture
async def whole(cluster: Cluster) -> Cluster:
    """All run, know each other and have no names."""
    await cluster.restore()
    return cluster


@pytest.mark.parametrize(
    ("one", "other"), PAIRS, ids=[f"{a}-{KINDS[a]}-{b}-{KINDS[b]}" for a, b in PAIRS]
)
async def test_node_that_disconnects_another_leaves_groups_that_agree(
    whole, one, other
):
    pids = await whole.all("holder")
    for number, pid in enumerate(pids):
        assert await whole[number].do("register", (Atom("own"), number), pid) == "yes"
    await whole.is_whole()
    assert await whole[one].do("disconnect", whole[other].name)
    await whole.until("members", lambda answers: any(len(a) < 3 for a in answers))
    groups = await whole.cliques()
    assert not any({one, other} <= set(group) for group in groups)
    for group in groups:
        among = [whole[number] for number in group]
        left = [((Atom("own"), number), pids[number]) for number in group]
        assert await whole.agree("names", among=among) == in_order(left)
    everything = [((Atom("own"), number), pid) for number, pid in enumerate(pids)]
    assert await whole.meet() == in_order(everything)


async def test_those_who_take_no_part_are_never_dropped(whole):
    beside = [
        whole.beside("python", hidden=True),
        whole.beside("python", global_="observe"),
        whole.beside("otp28", "-hidden"),
    ]
    watchers = []
    for member in beside:
        for other in whole:
            assert await member.do("connect", other.name)
        watchers.append(await member.do("holder"))
        assert await member.do("ask", watchers[-1], Atom("watch"))
    pids = await whole.all("holder")
    for number, pid in enumerate(pids):
        assert await whole[number].do("register", (Atom("own"), number), pid) == "yes"
    await whole.is_whole()
    # They are found from outside, too.
    for member in beside[:2]:
        for number, pid in enumerate(pids):
            name = (Atom("own"), number)
            assert await member.do("lookup", name) == pid
            answer = await member.do("ask", (Atom("global"), name), (Atom("echo"), 1))
            assert answer == (whole[number].name, 1)
    for one, other in ((0, 2), (2, 1), (2, 3)):
        await whole[one].do("disconnect", whole[other].name)
        await whole.until("members", lambda answers: any(len(a) < 4 for a in answers))
        await whole.cliques()
        await whole.meet()
    for member, watcher in zip(beside, watchers, strict=True):
        assert await member.do("ask", watcher, Atom("heard")) == []
    for known in await whole.all("known"):
        assert not {member.name for member in beside} & {*known}


async def test_frozen_node_comes_back_and_its_name_was_taken_meanwhile(whole):
    pids = await whole.all("holder")
    frozen, rest = whole[-1], whole[:-1]
    assert await frozen.do("register", Atom("name"), pids[-1]) == "yes"
    await whole.is_whole()
    frozen.pause()
    # They give it up after the time of the ticks, and then it is nobody's.
    await whole.until(
        "whereis", lambda a: set(a) == {UNDEFINED}, Atom("name"), among=rest
    )
    assert await whole[1].do("register", Atom("name"), pids[1]) == "yes"
    assert await whole.is_whole(rest) == [(Atom("name"), pids[1])]
    frozen.resume()
    await whole.until("members", lambda answers: answers == [[]], among=[frozen])
    assert await frozen.do("whereis", Atom("name")) == pids[-1]
    await whole.rush()
    ((_, winner),) = await whole.is_whole()
    lives = [await whole[place].do("is_alive", pids[place]) for place in (1, -1)]
    assert lives == [winner == pids[1], winner == pids[-1]]
    assert any(lives)
