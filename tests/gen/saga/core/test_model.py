"""Any graph of sagas, any failure, at any time: all see one end, and nothing is left.

Graphs are trees of up to seven sagas, and what must be refused: diamonds, loops, and
what is deeper than the limit. Participants cancel in a callback or out of the blue, are
silent, refuse more transactions, have jobs that fail, compensations that fail some
times, time limits and traps; some of them are sagas of ergo. Connections are lost, and
sagas killed and started again.
"""

from __future__ import annotations

import os
import random
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from .checks import (
    assert_agreed,
    assert_nothing_is_left,
    assert_outcomes_fit,
    assert_tables_are_empty,
    assert_undone,
    assert_undone_or_done,
    outcome,
)
from .plans import Branch, Plan, Work
from .simulation import World

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLES = int(os.environ.get("ERGOPY_SAGA_EXAMPLES", "60"))

often_none = st.none() | st.none()
failures = often_none | st.sampled_from([0, 1, 3])
timeouts = often_none | st.sampled_from([1.0, 5.0])
works = st.builds(
    Work,
    outcome=st.sampled_from(
        ["result", "result", "brief", "fail", "silent", "unlaunched"]
    ),
    timeout=timeouts,
    compensate=failures,
)
rarely = st.sampled_from([False] * 9 + [True])
callbacks = st.sampled_from([None] * 12 + ["new", "result", "prepare", "job"])


@st.composite
def graphs(draw: Any, *, is_mixed: bool = False, all_named: bool = False) -> list[Plan]:
    """Plans of which the first reaches all others."""
    size = draw(st.integers(1, 7))
    below: list[list[int]] = [[] for _ in range(size)]
    for number in range(1, size):
        below[draw(st.integers(0, number - 1))].append(number)
    if draw(rarely):
        # A diamond, or a loop.
        below[draw(st.integers(0, size - 1))].append(draw(st.integers(0, size - 1)))
    return [
        Plan(
            tuple(
                Branch(to, draw(timeouts), draw(rarely), draw(failures))
                for to in targets
            ),
            tuple(draw(st.lists(works, max_size=2))) if draw(rarely) else (),
            cancels=draw(callbacks),
            silent=draw(rarely) and draw(rarely),
            in_turn=draw(st.booleans()),
            named=all_named or not draw(rarely),
            is_ergo=is_mixed and draw(st.booleans()),
            votes=draw(st.booleans()),
            has_last_word=draw(st.booleans()),
            limit=1 if draw(rarely) else None,
        )
        for targets in below
    ]


def run(
    plans: Sequence[Plan], data: Any, *, two_phases: bool, kills: bool = False
) -> World:
    """Run some transactions through *plans*, with whatever may happen to them."""
    rng = random.Random(data.draw(st.integers(0, 2**32), label="seed"))
    world = World(plans, rng.randrange, haste=rng.choice([20, 200, 2000]))
    numbers = st.integers(0, len(plans) - 1)
    for _ in range(data.draw(st.integers(1, 3), label="transactions")):
        world.start(
            data.draw(st.just(0) | numbers, label="initiator"),
            two_phases=two_phases,
            lifespan=rng.choice([60.0, 60.0, 10.0, 3.0]),
            hop_limit=rng.choice([100, 100, 100, 2, 1, 0]),
        )
    times = st.integers(2, 150)
    for _ in range(data.draw(st.integers(0, 2), label="events")):
        at, number = data.draw(times, label="at"), data.draw(numbers, label="number")
        world.at_step[at] = data.draw(
            st.sampled_from(
                [
                    partial(_prod, world, number),
                    partial(world.disconnect, number, data.draw(numbers), 0.0),
                    partial(world.disconnect, number, data.draw(numbers), 20.0),
                ]
            ),
            label="what",
        )
    for _ in range(data.draw(st.integers(1, 3), label="kills") if kills else 0):
        number = data.draw(numbers, label="killed")
        kill = partial(
            world.kill,
            number,
            keep=rng.choice([0.0, 0.5, 1.0]),
            restart=rng.choice([0.0, 0.0, 2.0, 30.0]),
        )
        world.at_action[data.draw(st.integers(2, 150), label="at action")] = kill
    world.run()
    return world


def _prod(world: World, number: int) -> None:
    peer = world.peers[number]
    world.post(peer.pid, number, peer.prod)


def is_trapped(plans: Sequence[Plan]) -> bool:
    return any(branch.trap for plan in plans for branch in plan.branches)


@settings(max_examples=EXAMPLES)
@given(plans=graphs(), two_phases=st.booleans(), data=st.data())
def test_each_participant_sees_one_end_and_nothing_is_left(
    plans: list[Plan], two_phases: bool, data: Any
) -> None:
    world = run(plans, data, two_phases=two_phases)
    assert_nothing_is_left(world)
    assert_outcomes_fit(world)
    assert_undone(world)
    if two_phases and not is_trapped(plans):
        assert_agreed(world)


@settings(max_examples=EXAMPLES)
@given(plans=graphs(is_mixed=True), data=st.data())
def test_with_sagas_of_ergo_each_sees_one_end_and_nothing_is_left(
    plans: list[Plan], data: Any
) -> None:
    world = run(plans, data, two_phases=True)
    assert_nothing_is_left(world)
    assert_undone(world)
    for peer in world.peers:
        for tx in peer.took:
            assert outcome(peer, tx)


@settings(max_examples=EXAMPLES)
@given(plans=graphs(all_named=True), two_phases=st.booleans(), data=st.data())
def test_sagas_that_are_killed_and_come_back_agree_and_leave_nothing(
    plans: list[Plan], two_phases: bool, data: Any
) -> None:
    world = run(plans, data, two_phases=two_phases, kills=True)
    assert_nothing_is_left(world)
    assert_undone_or_done(world)
    if two_phases and not is_trapped(plans):
        assert_agreed(world)


@settings(max_examples=EXAMPLES)
@given(plans=graphs(), two_phases=st.booleans(), data=st.data())
def test_sagas_that_never_come_back_leave_nothing_with_the_others(
    plans: list[Plan], two_phases: bool, data: Any
) -> None:
    names = random.Random(len(plans))
    plans = [replace(plan, named=names.random() < 0.3) for plan in plans]
    world = run(plans, data, two_phases=two_phases, kills=True)
    assert_tables_are_empty(world)
