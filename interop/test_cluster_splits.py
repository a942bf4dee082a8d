"""Nodes on hosts of their own, whose cables are cut and mended."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from ergopy import Atom

from .clusters.cluster import in_order
from .clusters.conflicts import give_twice, settled
from .clusters.fixtures import make_cluster as make_cluster
from .clusters.fixtures import split as split

if TYPE_CHECKING:
    from .clusters.cluster import Cluster

ONES, OTHERS = [0, 2], [1, 3]
"""A BEAM and a Python node each."""
UNDEFINED = Atom("undefined")


@pytest.fixture
async def whole(split: Cluster) -> Cluster:
    """All run, know each other and have no names."""
    await split.restore()
    return split


async def test_halves_that_meet_again_have_the_names_of_both(whole):
    own = [await member.do("holder") for member in whole]
    for number, pid in enumerate(own):
        assert await whole[number].do("register", (Atom("own"), number), pid) == "yes"
    await whole.is_whole()
    await whole.cut(ONES, OTHERS)
    assert await whole.cliques() == [ONES, OTHERS]
    # Each half has lost the names of the other, and gives new ones.
    for half in (ONES, OTHERS):
        among = [whole[number] for number in half]
        left = [((Atom("own"), number), own[number]) for number in half]
        assert await whole.agree("names", among=among) == in_order(left)
    new = [await member.do("holder") for member in whole]
    for number, pid in enumerate(new):
        assert await whole[number].do("register", (Atom("new"), number), pid) == "yes"
    given = await give_twice(whole, product(ONES, OTHERS))
    expected = [((Atom("own"), number), pid) for number, pid in enumerate(own)]
    expected += [((Atom("new"), number), pid) for number, pid in enumerate(new)]
    await whole.mend(ONES, OTHERS)
    found = await whole.is_whole()
    expected += await settled(whole, given, found)
    assert found == in_order(expected)


@pytest.mark.parametrize(
    ("one", "other"), [(0, 1), (0, 3)], ids=["Python and BEAM", "Python and Python"]
)
async def test_two_that_lose_each_other_end_in_groups_that_agree(whole, one, other):
    pids = await whole.all("holder")
    for number, pid in enumerate(pids):
        assert await whole[number].do("register", (Atom("own"), number), pid) == "yes"
    await whole.is_whole()
    await whole.cut([one], [other])
    groups = await whole.cliques()
    assert not any({one, other} <= set(group) for group in groups)
    for group in groups:
        among = [whole[number] for number in group]
        left = [((Atom("own"), number), pids[number]) for number in group]
        assert await whole.agree("names", among=among) == in_order(left)
    await whole.mend([one], [other])
    everything = [((Atom("own"), number), pid) for number, pid in enumerate(pids)]
    assert await whole.is_whole() == in_order(everything)


async def test_node_that_is_cut_off_comes_back(whole):
    pids = await whole.all("holder")
    alone, rest = [3], [0, 1, 2]
    await whole[3].do("register", Atom("alone"), pids[3])
    for number in (0, 3):
        id = ((Atom("held"), number), pids[number])
        assert await whole[number].do("ask", pids[number], (Atom("lock"), id))
    assert not await whole[1].do("is_free", (Atom("held"), 3))
    await whole.cut(alone, rest)
    assert await whole.cliques(locks=1) == in_order([alone, rest])
    # What is held by one who is not there any more is not held.
    assert await whole[1].do("is_free", (Atom("held"), 3))
    assert not await whole[1].do("is_free", (Atom("held"), 0))
    assert await whole[3].do("is_free", (Atom("held"), 0))
    assert await whole[3].do("whereis", Atom("alone")) == pids[3]
    assert await whole[1].do("whereis", Atom("alone")) == UNDEFINED
    for number in (0, 3):
        id = ((Atom("held"), number), pids[number])
        assert await whole[number].do("ask", pids[number], (Atom("unlock"), id))
    whole.hosts.mend(alone, rest)
    await whole.rush()
    assert await whole.is_whole() == [(Atom("alone"), pids[3])]
