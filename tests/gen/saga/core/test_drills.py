"""A saga is killed at any point of a transaction, and started again: all agree.

Each drill goes through a whole run, and kills one saga before one of the actions of the
run, whoever's that is; each point, each saga, and with what was being written to its
log safe or lost. A saga that starts again has its name and its log, nothing else.

``ERGOPY_SAGA_DRILLS=1`` adds two crashes in one run at all pairs of points, and runs in
which messages overtake each other.
"""

from __future__ import annotations

import os
import random
from dataclasses import replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

import pytest

from .checks import assert_agreed, assert_nothing_is_left, assert_undone_or_done
from .plans import Plan, Work, chain, fan, tree
from .simulation import World, in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Kill = tuple[int, int, bool, float]
    """Who is killed, before which action; what becomes of the log; the time it takes
    to come back."""

ALL = os.environ.get("ERGOPY_SAGA_DRILLS") == "1"


def _with(plans: list[Plan], number: int, **changes: object) -> list[Plan]:
    plans[number] = replace(plans[number], **changes)  # type: ignore[arg-type]
    return plans


GRAPHS = {
    "one_alone": chain(1),
    "chain_of_2": chain(2),
    "chain_of_3": chain(3),
    "chain_of_4": chain(4),
    "fan_of_2": fan(2),
    "fan_of_3": fan(3),
    "tree_of_5": tree([0, 0, 1, 1]),
    "chain_with_compensations": chain(3, compensate=1),
    "fan_with_compensations": fan(2, compensate=0),
    "one_after_the_other": _with(fan(2, compensate=0), 0, in_turn=True),
    "chain_that_refuses_to_prepare": _with(chain(3, compensate=0), 2, cancels="prepare"),
    "fan_where_one_refuses": _with(fan(2, compensate=0), 2, cancels="prepare"),
    "chain_where_the_initiator_refuses": _with(chain(3), 0, cancels="prepare"),
    "fan_that_is_cancelled": _with(fan(2, compensate=1), 2, cancels="new"),
    "chain_with_jobs": _with(chain(2), 1, works=(Work(compensate=0), Work())),
}
SMALL = ("one_alone", "chain_of_2", "chain_with_jobs", "fan_of_2")
ONE_PHASE = (
    "chain_of_3",
    "chain_with_compensations",
    "one_after_the_other",
    "fan_that_is_cancelled",
    "chain_with_jobs",
)


def drill(
    plans: Sequence[Plan],
    *kills: Kill,
    two_phases: bool = True,
    choose: Callable[[int], int] = in_order,
) -> World:
    world = World(plans, choose)
    world.start(two_phases=two_phases)
    for number, at, keep, restart in kills:
        kill = partial(world.kill, number, keep=keep, restart=restart)
        world.at_action[at] = kill
    world.run()
    for kill in list(world.at_action.values()):
        # All was over by then.
        kill()
        world.run()
    world.at_action.clear()
    return world


def points(world: World) -> Iterator[Kill]:
    """Return all single kills of a run that has gone well."""
    sagas, actions = range(len(world.plans)), range(1, world.actions + 2)
    yield from product(sagas, actions, (True, False), (0.0, 10.0))


def check(world: World, *, two_phases: bool = True) -> None:
    assert_nothing_is_left(world)
    assert_undone_or_done(world)
    if two_phases:
        assert_agreed(world)


@pytest.mark.parametrize("name", GRAPHS)
def test_all_agree_whichever_saga_is_killed_at_whichever_point(name: str) -> None:
    plans = GRAPHS[name]
    ends = set()
    for kill in points(drill(plans)):
        try:
            world = drill(plans, kill)
            check(world)
        except AssertionError as error:
            raise AssertionError(f"{name}: {kill}: {error}") from error
        ends.add(any(what == "handle_tx_done" for what, _, _ in world.seen[0]))
    # A crash early on cancels, and a late one changes nothing.
    refuses = any(plan.cancels for plan in plans)
    assert ends == ({False} if refuses else {False, True})


@pytest.mark.parametrize("name", ONE_PHASE)
def test_without_two_phases_what_was_begun_is_undone_or_is_done(name: str) -> None:
    plans = GRAPHS[name]
    for kill in points(drill(plans, two_phases=False)):
        try:
            check(drill(plans, kill, two_phases=False), two_phases=False)
        except AssertionError as error:
            raise AssertionError(f"{name}: {kill}: {error}") from error


@pytest.mark.parametrize("name", SMALL[:2])
def test_all_agree_after_two_crashes_of_one_run(name: str) -> None:
    _two_crashes(name)


def _two_crashes(name: str) -> None:
    plans = GRAPHS[name]
    for one in points(drill(plans)):
        if one[3] == 0.0 or ALL:
            first = drill(plans, one)
            for number, at in product(range(len(plans)), range(one[1] + 1, first.actions)):
                other = (number, at, one[2], 0.0)
                try:
                    check(drill(plans, one, other))
                except AssertionError as error:
                    raise AssertionError(f"{name}: {one} {other}: {error}") from error


@pytest.mark.skipif(not ALL, reason="ERGOPY_SAGA_DRILLS=1 was not set")
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", [*SMALL[2:], "chain_of_3", "chain_with_compensations"])
def test_all_agree_after_two_crashes_of_a_longer_run(name: str) -> None:
    _two_crashes(name)


@pytest.mark.skipif(not ALL, reason="ERGOPY_SAGA_DRILLS=1 was not set")
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", GRAPHS)
def test_all_agree_when_messages_overtake_each_other(name: str) -> None:
    plans = GRAPHS[name]
    for seed in range(20):
        for kill in points(drill(plans, choose=random.Random(seed).randrange)):
            world = drill(plans, kill, choose=random.Random(seed).randrange)
            try:
                check(world)
            except AssertionError as error:
                raise AssertionError(f"{name}: {seed}: {kill}: {error}") from error
