"""Random trees of both kinds of sagas: all end the same way, and nothing is left."""

from __future__ import annotations

import random
from typing import Any

import pytest

from .saga_places import ALL, VALUE
from .saga_places import places as places
from .saga_places import saga_code as saga_code

SEEDS = range(12)
MOST = 9


class Tree:
    """A saga, and those that it sends a transaction on to."""

    def __init__(self, chance: random.Random, depth: int = 3) -> None:
        self.kind = chance.choice("pb")
        count = chance.randint(1, 3) if depth and chance.random() < 0.8 else 0
        self.below = [Tree(chance, depth - 1) for _ in range(count)]
        self.place: Any = None

    async def make(self, places: Any) -> Any:
        to = [await tree.make(places) for tree in self.below]
        script = {
            "new": [("next", place.pid, VALUE) for place in to],
            "result": [("join", ALL)],
        }
        self.place = await places.make(self.kind, script)
        return self.place

    @property
    def all(self) -> list[Tree]:
        return [self, *(tree for below in self.below for tree in below.all)]

    @property
    def leaves(self) -> list[Tree]:
        return [tree for tree in self.all if not tree.below]


async def ready(places: Any, seed: int, **options: Any) -> tuple[Tree, random.Random]:
    """A tree whose leaves have all heard of the transaction, and do nothing yet."""
    chance = random.Random(seed)
    tree = Tree(chance)
    while not 3 <= len(tree.all) <= MOST:
        tree = Tree(chance)
    root = await tree.make(places)
    await root.start(b"v", **options)
    for leaf in tree.leaves:
        await leaf.place.wait("new")
    return tree, chance


async def ends(tree: Tree) -> list[str]:
    """How it ended for each saga of a tree, the root first."""
    found = []
    for part in tree.all:
        await part.place.is_clean()
        heard = [kind for kind, _ in await part.place.heard()]
        (end,) = [kind for kind in heard if kind in ("done", "commit", "cancel")]
        found.append(end)
    return found


@pytest.mark.parametrize("seed", SEEDS)
async def test_all_of_a_tree_commit(places, seed):
    tree, _ = await ready(places, seed, two_phase_commit=True)
    for leaf in tree.leaves:
        await leaf.place.do("result", 1)
    await tree.place.wait("done")
    assert await ends(tree) == ["done"] + ["commit"] * (len(tree.all) - 1)


@pytest.mark.parametrize("seed", SEEDS)
async def test_all_of_a_tree_undo_what_they_did_if_one_leaf_fails(places, seed):
    tree, chance = await ready(places, seed, two_phase_commit=True)
    leaves = tree.leaves
    bad = leaves.pop(chance.randrange(len(leaves)))
    for leaf in leaves:
        await leaf.place.do("result", 1)
    how = chance.choice(["cancels", "dies"])
    if how == "cancels":
        await bad.place.do("cancel", "not I")
        assert await bad.place.wait("cancel") == "not I"
    else:
        await bad.place.kill()
        for part in tree.all:
            part.below = [below for below in part.below if below is not bad]
    for part in tree.all:
        await part.place.wait("cancel")
    assert await ends(tree) == ["cancel"] * len(tree.all)
