"""A saga is killed at any point of a transaction, and started again: all agree.

Each drill goes through a whole run, and kills one saga before one of the actions of the
run, whoever's that is; each point, each saga, and with what was being written to its
log safe or lost. A saga that starts again has its name and its log, nothing else.

``ERGOPY_SAGA_DRILLS=1`` does it for more graphs twice in one run, at all pairs of
points, with more orders of the messages, and with a saga that is back at once and late.
"""

from __future__ import annotations

import os
import random
from contextlib import contextmanager
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

    Kill = tuple[int, int, float, float]
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
    "chain_without_votes": [
        replace(plan, votes=False, has_last_word=False) for plan in chain(3)
    ],
    "tree_of_4": tree([0, 1, 1]),
    "chain_with_compensations": chain(3, compensate=1),
    "fan_with_compensations": fan(2, compensate=0),
    "one_after_the_other": _with(fan(2, compensate=0), 0, in_turn=True),
    "chain_that_refuses_to_prepare": _with(
        chain(3, compensate=0), 2, cancels="prepare"
    ),
    "fan_where_one_refuses": _with(fan(2, compensate=0), 2, cancels="prepare"),
    "chain_where_the_initiator_refuses": _with(chain(3), 0, cancels="prepare"),
    "fan_that_is_cancelled": _with(fan(2, compensate=1), 2, cancels="new"),
    "chain_with_jobs": _with(chain(2), 1, works=(Work(compensate=0), Work())),
}
TWICE = ["one_alone", "chain_of_2"]
if ALL:
    TWICE += ["chain_with_jobs", "fan_of_2", "chain_of_3", "chain_with_compensations"]
if ALL:
    GRAPHS |= {"fan_of_3": fan(3), "tree_of_5": tree([0, 0, 1, 1])}
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
    for late in list(world.at_action.values()):
        # All was over by then.
        late()
        world.run()
    world.at_action.clear()
    return world


def points(world: World) -> Iterator[Kill]:
    """Return all single kills of a run that has gone well."""
    sagas, actions = range(len(world.plans)), range(1, world.actions + 2)
    # One of the two times is for every other point, or for each of them.
    for number, at, keep in product(sagas, actions, (1.0, 0.0)):
        for restart in (0.0, 10.0) if ALL else (10.0 * (at % 2),):
            yield number, at, keep, restart


def check(world: World, *, two_phases: bool = True) -> None:
    assert_nothing_is_left(world)
    assert_undone_or_done(world)
    if two_phases:
        assert_agreed(world)


@contextmanager
def _told(*where: object) -> Iterator[None]:
    """Say which drill it was that failed."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from error


@pytest.mark.parametrize("name", GRAPHS)
def test_all_agree_whichever_saga_is_killed_at_whichever_point(name: str) -> None:
    plans = GRAPHS[name]
    ends = set()
    for kill in points(drill(plans)):
        with _told(name, kill):
            world = drill(plans, kill)
            check(world)
        ends.add(any(what == "handle_tx_done" for what, _, _ in world.seen[0]))
    # A crash early on cancels, and a late one changes nothing.
    refuses = any(plan.cancels for plan in plans)
    assert ends == ({False} if refuses else {False, True})


@pytest.mark.parametrize("name", ONE_PHASE)
def test_without_two_phases_what_was_begun_is_undone_or_is_done(name: str) -> None:
    plans = GRAPHS[name]
    for kill in points(drill(plans, two_phases=False)):
        with _told(name, kill):
            check(drill(plans, kill, two_phases=False), two_phases=False)


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", TWICE)
def test_all_agree_after_two_crashes_of_one_run(name: str) -> None:
    plans = GRAPHS[name]
    for one in points(drill(plans)):
        if not (one[2] or ALL):
            continue
        actions = drill(plans, one).actions
        for number, at in product(range(len(plans)), range(one[1] + 1, actions)):
            other = (number, at, one[2], 0.0)
            with _told(name, one, other):
                check(drill(plans, one, other))


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", range(20 if ALL else 1))
@pytest.mark.parametrize("name", GRAPHS if ALL else ["chain_of_3"])
def test_all_agree_when_messages_overtake_each_other(name: str, seed: int) -> None:
    plans = GRAPHS[name]
    for kill in points(drill(plans, choose=random.Random(seed).randrange)):
        with _told(name, seed, kill):
            check(drill(plans, kill, choose=random.Random(seed).randrange))
