"""Python sagas in every place of a transaction, the others as those of ergo."""

from __future__ import annotations

from typing import Any

import pytest

from ergopy import Atom
from etf import Pid

from .saga_places import answering, joining
from .saga_places import places as places
from .saga_places import saga_code as saga_code

MIXED = ["pb", "bp", "pbb", "bpb", "bbp", "ppb", "pbp", "bpp"]


def wrapped(value: Any, times: int) -> Any:
    for _ in range(times):
        value = [value]
    return value


@pytest.mark.parametrize("kinds", MIXED)
async def test_a_chain_gives_its_result_back(places, kinds):
    chain = await places.chain(kinds, answering())
    await chain[0].start(b"v")
    done = wrapped(b"v", len(chain) - 1)
    assert await chain[0].wait("done") == done
    for place in chain:
        await place.is_clean()
    first, *middle, last = [await place.heard() for place in chain]
    assert first == [("new", b"v"), ("result", done[0]), ("done", done)]
    assert last == [("new", b"v")]
    assert middle in ([], [[("new", b"v"), ("result", b"v")]])


@pytest.mark.parametrize("kinds", ["pbbp", "bppb"])
async def test_a_fan_has_all_results(places, kinds):
    leaves = [
        await places.make(kind, answering(Atom(f"leaf{number}")))
        for number, kind in enumerate(kinds[1:])
    ]
    root = await places.make(kinds[0], joining(*[leaf.pid for leaf in leaves]))
    await root.start(5)
    assert sorted(await root.wait("done")) == ["leaf0", "leaf1", "leaf2"]
    for place in [root, *leaves]:
        await place.is_clean()


@pytest.mark.parametrize("kinds", ["pbp", "bpb"])
async def test_interim_values_go_to_the_saga_above_in_order(places, kinds):
    last = {"new": [("interim", 1), ("interim", 2), ("result", 3)]}
    chain = await places.chain(kinds, last)
    await chain[0].start(b"v")
    await chain[0].wait("done")
    assert await chain[1].heard() == [
        ("new", b"v"),
        ("interim", 1),
        ("interim", 2),
        ("result", 3),
    ]
    assert "interim" not in {kind for kind, _ in await chain[0].heard()}


async def test_an_interim_value_that_nobody_waits_for_is_answered_with_a_cancel(places):
    saga = await places.python({})
    source = """
        Id = make_ref(),
        Ref = make_ref(),
        Saga ! {'$saga_interim', self(), {Id, Ref, 5}},
        receive
            {'$saga_cancel', Saga, {Id, Ref, Reason}} -> Reason
        after 5000 -> none
        end
    """
    reason = await places.host.run(source, Saga=saga.pid)
    assert bytes(reason) == b"unknown or canceled tx"


@pytest.mark.parametrize("how", ["pid", "name", "name of a node"])
@pytest.mark.parametrize("kinds", ["pb", "bp"])
async def test_a_saga_is_addressed_by_pid_and_name(places, kinds, how):
    name = Atom("addressed")
    last = await places.make(kinds[1], answering(), name=name)
    host = last.pid.node
    dest = {"pid": last.pid, "name": (name, host), "name of a node": (name, str(host))}
    if kinds == "bp":
        dest["name of a node"] = (name, host)
    root = await places.make(kinds[0], joining(dest[how]))
    await root.start(5)
    assert await root.wait("done") == [5]
    await root.is_clean()
    await last.is_clean()
    await last.kill()


async def test_a_beam_sees_parents_nearest_first_and_the_options_of_ergo(places):
    chain = await places.chain("ppbb", answering())
    id = await chain[0].start(
        Atom("v"), hop_limit=300, lifespan=299.5, two_phase_commit=True
    )
    await chain[0].wait("done")
    seen, value, parents, options = await chain[2].arrival()
    assert (seen, value) == (id, "v")
    # The initiator is its own parent, as in ergo.
    assert parents == [chain[0].pid, chain[0].pid]
    assert options == {
        "HopLimit": 298,
        "Lifespan": 300,
        "TwoPhaseCommit": True,
        "ErgopyCommit": 1,
    }
    _, _, parents, options = await chain[3].arrival()
    assert parents == [chain[1].pid, chain[0].pid, chain[0].pid]
    assert all(type(pid) is Pid for pid in parents)
    # ergo passes on what it knows.
    assert set(options) == {"HopLimit", "Lifespan", "TwoPhaseCommit"}
