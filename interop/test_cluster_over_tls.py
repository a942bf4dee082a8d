"""``global``, ``pg`` and PubSub of a cluster whose connections are all over TLS.

The BEAMs are of OTP 25, one of them with Elixir: the wheel with OTP 28 comes without
``ssl``.
"""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom

from .clusters.churning import Churn
from .clusters.cluster import KINDS, in_order, together
from .clusters.conflicts import give_twice, settled
from .clusters.fixtures import make_cluster as make_cluster
from .clusters.topics import Topics
from .tls_nodes import certificates as certificates

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.certificates import Desk

    from .clusters.cluster import Cluster

TLS_KINDS = tuple("otp25" if kind == "otp28" else kind for kind in KINDS)
NUMBERS = range(len(TLS_KINDS))
SOME = pytest.mark.parametrize(
    "number", [0, 2, 3], ids=lambda number: f"{number}-{TLS_KINDS[number]}"
)
UNDEFINED = Atom("undefined")
TIMES = 10
"""Transactions of each."""
CHANGES = 150
"""Of groups, by each."""
SAID = 20
"""Messages of each."""


@pytest.fixture(scope="module")
def cluster(make_cluster: Callable[..., Cluster], certificates: Desk) -> Cluster:
    """OTP 25, OTP 25 with Elixir and two Python nodes, over TLS."""
    return make_cluster(TLS_KINDS, certificates=certificates)


@pytest.fixture
async def whole(cluster: Cluster) -> Cluster:
    """All run, know each other and have no names."""
    await cluster.restore()
    return cluster


async def test_all_know_each_other_and_who_has_no_tls_gets_in_nowhere(whole):
    for number in NUMBERS:
        others = in_order([m.name for n, m in enumerate(whole) if n != number])
        assert await whole[number].do("members") == others
        assert in_order(await whole[number].do("known")) == others
    plain = whole.beside("python", tls=None)
    for member in whole:
        assert not await plain.do("connect", member.name)
        assert not await member.do("connect", plain.name)
    await whole.is_whole()


async def test_names_are_the_same_everywhere_and_lead_to_their_processes(whole):
    pids = await whole.all("holder")
    given = []
    for number, member in enumerate(whole):
        # Each gives a name to a process of the next.
        name, pid = (Atom("at"), number), pids[number - 1]
        assert await member.do("register", name, pid) == "yes"
        given.append((name, pid))
    assert await whole.agree("names") == in_order(given)
    for member in whole:
        for name, pid in given:
            answer = await member.do(
                "ask", (Atom("global"), name), (Atom("echo"), [name])
            )
            assert answer == (pid.node, [name])
    # A name is given once, and goes with its process.
    for number, (name, pid) in enumerate(given):
        assert await whole[number].do("register", name, pids[number]) == "no"
        await whole[number - 2].do("kill", pid)
        await whole.until("whereis", lambda a: set(a) == {UNDEFINED}, name)


async def test_of_those_that_race_for_a_name_one_wins(whole):
    for round in range(3):
        await whole.race((Atom("race"), round), await whole.all("holder"))


async def test_transactions_of_all_exclude_each_other(whole):
    counter, *_, other = await whole.all("holder")
    resource = Atom("counting")
    assert set(await whole.all("count", resource, counter, TIMES)) == {"ok"}
    assert await whole[0].do("ask", counter, Atom("get")) == len(whole) * TIMES
    # What one holds, nobody else has.
    id = (resource, other)
    assert await whole[-1].do("ask", other, (Atom("lock"), id))
    for member in whole:
        assert not await member.do("is_free", resource)
    assert await whole[-1].do("ask", other, (Atom("unlock"), id))
    for member in whole:
        assert await member.do("is_free", resource)


@SOME
async def test_names_that_two_have_are_settled_when_one_joins(whole, number):
    others = [other for other in NUMBERS if other != number]
    whole.kill9(number)
    await whole.is_whole()
    await whole.start(number)
    assert await whole[number].do("members") == []
    # Each pair in the order of its names.
    pairs = [tuple(sorted((number, other))) for other in others]
    given = await give_twice(whole, pairs)
    alone = await whole[number].do("holder")
    assert await whole[number].do("register", Atom("alone"), alone) == "yes"
    found = await whole.meet()
    left = await settled(whole, given, found)
    assert found == in_order([*left, (Atom("alone"), alone)])


@SOME
async def test_node_that_is_killed_leaves_nothing(whole, number):
    pids = await whole.all("holder")
    kept, lost = (number + 1) % len(whole), number
    resource = Atom("held")
    for place, name in ((kept, Atom("kept")), (lost, Atom("lost"))):
        assert await whole[place].do("register", name, pids[place]) == "yes"
    id = (resource, pids[lost])
    assert await whole[lost].do("ask", pids[lost], (Atom("lock"), id))
    scope, group = Atom(f"killed_{number}"), Atom("group")
    await whole.all("pg_start", scope)
    for member, pid in zip(whole, pids, strict=True):
        await member.do("pg_join", scope, group, [pid])
    await whole.until("pg_groups", has(group, pids), scope)
    whole.kill9(lost)
    assert await whole.is_whole() == [(Atom("kept"), pids[kept])]
    left = [pid for pid in pids if pid != pids[lost]]
    await whole.until("pg_groups", has(group, left), scope)
    for member in whole.up:
        assert await member.do("is_free", resource)
    # The next incarnation, with the same certificate, is one of them again.
    await whole.start(lost)
    assert await whole.meet() == [(Atom("kept"), pids[kept])]
    again = await whole[lost].do("holder")
    assert await whole[lost].do("register", Atom("lost"), again) == "yes"
    await whole.until("whereis", lambda a: set(a) == {again}, Atom("lost"))
    await whole[lost].do("pg_start", scope)
    await whole[lost].do("pg_join", scope, group, [again])
    await whole.until("pg_groups", has(group, [*left, again]), scope)


async def test_groups_are_the_same_after_many_changes_of_all(whole):
    churn = Churn(whole, Atom("churn"))
    for number in NUMBERS:
        await churn.start(number)

    async def act(number: int) -> None:
        chance = random.Random(number)
        for _ in range(CHANGES):
            await churn.act(number, chance)

    await together([partial(act, number) for number in NUMBERS])
    assert churn.done > CHANGES
    assert churn.truth()
    await churn.converge()


async def test_what_one_says_all_hear_in_its_order(whole):
    topics = Topics(whole)
    for number in NUMBERS:
        await topics.start(number)
    await topics.ready()
    # Of more bytes than a record of TLS.
    large = bytes(range(256)) * 200
    said = {n: [(n, count, large) for count in range(SAID)] for n in NUMBERS}
    await together([partial(topics.say, n, said[n]) for n in NUMBERS])
    for heard in await topics.heard(len(whole) * SAID):
        for number in NUMBERS:
            assert [term for term in heard if term[0] == number] == said[number]


def has(group: Any, pids: list[Any]) -> Callable[[list[Any]], bool]:
    """Whether all answers are this group alone, with members in any order."""

    def is_so(answers: list[Any]) -> bool:
        return all(
            {g: in_order(found) for g, found in one.items()} == {group: in_order(pids)}
            for one in answers
        )

    return is_so
