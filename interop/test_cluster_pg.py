"""Process groups on OTP 25, OTP 28 and two Python nodes: who comes, goes, is killed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom

from .clusters.churning import Churn, in_order
from .clusters.cluster import KINDS
from .clusters.fixtures import cluster as cluster
from .clusters.fixtures import make_cluster as make_cluster

if TYPE_CHECKING:
    from collections.abc import Callable

    from .clusters.cluster import Cluster

NUMBERS = range(len(KINDS))
EACH = pytest.mark.parametrize(
    "number", NUMBERS, ids=[f"{number}-{kind}" for number, kind in enumerate(KINDS)]
)
BURST = 7
"""Seconds of activity before each pause."""


@pytest.fixture
async def whole(cluster: Cluster) -> Cluster:
    """All run and know each other."""
    await cluster.restore()
    return cluster


async def churn(cluster: Cluster, scope: str) -> Churn:
    """A scope on each node."""
    churn = Churn(cluster, Atom(scope))
    for number in NUMBERS:
        await churn.start(number)
    return churn


async def burst(churn: Churn, seed: str, seconds: float = BURST) -> None:
    """Have the nodes that run act for some time, and see what they make of it."""
    over = trio.Event()
    async with trio.open_nursery() as nursery:
        for number in sorted(churn.cluster.running):
            nursery.start_soon(churn.act_until, number, over, f"{seed} {number}")
        await trio.sleep(seconds)
        over.set()
    await churn.converge()


@pytest.mark.timeout(150)
async def test_all_agree_after_a_minute_of_coming_and_going(whole):
    groups = await churn(whole, "churn")
    await burst(groups, "first")
    for number in NUMBERS:
        async with trio.open_nursery() as nursery:
            # The others go on while one is killed, or leaves, and comes back.
            over = trio.Event()
            for other in NUMBERS:
                if other != number:
                    seed = f"while {number} is gone {other}"
                    nursery.start_soon(groups.act_until, other, over, seed)
            await trio.sleep(BURST / 3)
            if number % 2:
                await whole.leave(number)
            else:
                whole.kill9(number)
            groups.forget(number)
            await trio.sleep(BURST / 3)
            await whole.start(number)
            await groups.start(number)
            await whole[number].do("connect", whole[number - 1].name)
            await trio.sleep(BURST / 3)
            over.set()
        await whole.is_whole()
        await burst(groups, f"after {number}")
    assert groups.done > 5000
    for number in NUMBERS:
        again = await whole[number].do("pg_start", groups.scope)
        assert again == groups.scopes[number]  # no scope has ended by itself


@EACH
async def test_scope_that_crashes_comes_back(whole, number):
    groups = await churn(whole, f"crash_{number}")
    await burst(groups, "before", 0.2)
    after = await whole[number].do("pg_crash", groups.scope)
    assert after != groups.scopes[number]
    if KINDS[number] != "python":
        groups.forget(number)  # a scope of OTP forgets its members when it crashes
    await groups.converge()
    await burst(groups, "after", 0.2)


async def test_hidden_python_node_is_one_of_all(whole):
    groups = await churn(whole, "hidden")
    hidden = whole.beside("python", hidden=True)
    scope, group = groups.scope, Atom("of_all")
    for member in whole:
        assert await hidden.do("connect", member.name)
    everybody = [*whole, hidden]
    pids = await whole.all("holder", among=everybody)
    await hidden.do("pg_start", scope)
    for member, pid in zip(everybody, pids, strict=True):
        await member.do("pg_join", scope, group, [pid, pid])
    await whole.until("pg_groups", has({group: pids * 2}), scope, among=everybody)
    # A scope that is started again is found again.
    beam = len(KINDS) // 2
    await whole[beam].do("pg_crash", scope)
    await whole[beam].do("pg_join", scope, group, [pids[beam]] * 2)
    await whole.until("pg_groups", has({group: pids * 2}), scope, among=everybody)
    hidden.kill9()
    await whole.until("pg_groups", has({group: pids[:-1] * 2}), scope)


@pytest.mark.parametrize("kind", ["otp25", "otp28"])
async def test_hidden_beam_is_one_of_those_python_has(whole, kind):
    scope, group = Atom(f"hidden_{kind}"), Atom("of_python")
    hidden = whole.beside(kind, "-hidden")
    members = [hidden, *(whole[n] for n in NUMBERS if KINDS[n] == "python")]
    pids = await whole.all("holder", among=members)
    await hidden.do("pg_start", scope)
    for member, pid in zip(members, pids, strict=True):
        await member.do("connect", hidden.name)
        await member.do("pg_start", scope)
        await member.do("pg_join", scope, group, [pid])
    await whole.until("pg_groups", has({group: pids}), scope, among=members)
    await hidden.do("pg_crash", scope)
    await hidden.do("pg_join", scope, group, [pids[0]])
    await whole.until("pg_groups", has({group: pids}), scope, among=members)
    await hidden.do("kill", pids[1])
    left = {group: [pids[0], *pids[2:]]}
    await whole.until("pg_groups", has(left), scope, among=members)


def has(groups: dict[Any, list[Any]]) -> Callable[[list[Any]], bool]:
    """Whether all answers are these groups, with members in any order."""
    wanted = {group: in_order(pids) for group, pids in groups.items()}

    def is_so(answers: list[Any]) -> bool:
        found = [{g: in_order(pids) for g, pids in one.items()} for one in answers]
        return all(one == wanted for one in found)

    return is_so
