"""Commits: with two phases between Python sagas, with ergo's where one is of ergo."""

from __future__ import annotations

import pytest

from .saga_places import VALUE, answering, joining
from .saga_places import places as places
from .saga_places import saga_code as saga_code


def kinds_of(heard):
    return [kind for kind, _ in heard]


async def committed(places, kinds):
    """Let a chain commit ``b"final"``; return what each saga of it has heard."""
    chain = [await places.make(kinds[-1], answering())]
    for kind in reversed(kinds[1:-1]):
        chain.insert(0, await places.make(kind, joining(chain[0].pid)))
    first = joining(chain[0].pid) | {"done": [("final", b"final")]}
    chain.insert(0, await places.make(kinds[0], first))
    await chain[0].start(b"v", two_phase_commit=True)
    for place in chain[1:]:
        assert await place.wait("commit") == b"final"
    for place in chain:
        await place.is_clean()
    return [kinds_of(await place.heard()) for place in chain]


@pytest.mark.parametrize("kinds", ["pb", "bp", "pbp", "bpb", "bpp", "pbpp"])
async def test_below_a_saga_of_ergo_the_commit_is_that_of_ergo(places, kinds):
    first, *middle, last = await committed(places, kinds)
    # A Python initiator votes on what it has started, ergo's has no such thing.
    own_vote = ["prepare"] * (kinds[0] == "p")
    assert first == ["new", "result", *own_vote, "done"]
    assert middle == [["new", "result", "commit"]] * len(middle)
    assert last == ["new", "commit"]


@pytest.mark.parametrize("kinds", ["ppb", "ppbp"])
async def test_python_sagas_vote_above_a_saga_of_ergo(places, kinds):
    first, second, *below, last = await committed(places, kinds)
    assert first == ["new", "result", "prepare", "done"]
    assert second == ["new", "result", "prepare", "commit"]
    assert below == [["new", "result", "commit"]] * len(below)
    assert last == ["new", "commit"]


async def test_branches_of_both_kinds_commit_together(places):
    leaves = [await places.make(kind, answering()) for kind in "pbpb"]
    middles = [
        await places.python(joining(leaves[0].pid, leaves[1].pid)),
        await places.beam(joining(leaves[2].pid, leaves[3].pid)),
    ]
    root = await places.python(joining(*[middle.pid for middle in middles]))
    await root.start(5, two_phase_commit=True)
    for place in leaves + middles:
        assert await place.wait("commit") == [[5, 5], [5, 5]]
    votes = ["prepare" in kinds_of(await place.heard()) for place in leaves + middles]
    # Those without one have a saga of ergo above them, or are of ergo.
    assert votes == [True, False, False, False, True, False]
    for place in [root, *middles, *leaves]:
        await place.is_clean()


@pytest.mark.parametrize("kinds", ["pb", "bp", "pbp", "bpb", "ppb"])
async def test_all_keep_their_part_until_the_commit_and_undo_it_at_a_cancel(
    places, kinds
):
    chain = [await places.make(kinds[-1], answering())]
    for kind in reversed(kinds[1:-1]):
        chain.insert(0, await places.make(kind, joining(chain[0].pid)))
    chain.insert(0, await places.make(kinds[0], {"result": []}))
    await chain[0].start(5, two_phase_commit=True)
    await chain[0].wait("new")
    await chain[0].do("next", chain[1].pid, 6)
    await chain[0].wait("result")
    await chain[0].do("cancel", "changed my mind")
    for place in chain:
        assert await place.wait("cancel") == "changed my mind"
        await place.is_clean()
        assert not {"commit", "done"} & set(kinds_of(await place.heard()))


@pytest.mark.parametrize("kinds", ["ppb", "ppbp"])
async def test_a_vote_against_it_cancels_what_ergo_has_done(places, kinds):
    chain = [await places.make(kinds[-1], answering())]
    for kind in reversed(kinds[2:-1]):
        chain.insert(0, await places.make(kind, joining(chain[0].pid)))
    second = joining(chain[0].pid) | {"prepare": [("cancel", "I can not")]}
    chain.insert(0, await places.python(second))
    chain.insert(0, await places.python(joining(chain[0].pid)))
    await chain[0].start(5, two_phase_commit=True)
    for place in chain:
        assert await place.wait("cancel") == "I can not"
        await place.is_clean()
        assert not {"commit", "done"} & set(kinds_of(await place.heard()))


@pytest.mark.parametrize("kinds", ["pb", "bp"])
async def test_a_saga_that_is_lost_after_its_result_is_lost_before_the_commit(
    places, kinds
):
    leaf = await places.make(kinds[1], answering())
    root = await places.make(kinds[0], {"new": [("next", leaf.pid, VALUE)]})
    await root.start(5, two_phase_commit=True)
    await root.wait("result")
    await leaf.kill()
    reason = await root.wait("cancel")
    assert reason.startswith("next saga ")
    assert reason.endswith(" is down")
    await root.is_clean()


@pytest.mark.parametrize("kinds", ["pb", "bp"])
async def test_the_loss_of_the_initiator_before_the_commit_undoes_all(places, kinds):
    leaf = await places.make(kinds[1], answering())
    root = await places.make(kinds[0], {"new": [("next", leaf.pid, VALUE)]})
    await root.start(5, two_phase_commit=True)
    await root.wait("result")
    await root.kill()
    assert (await leaf.wait("cancel")).startswith("parent saga ")
    await leaf.is_clean()
