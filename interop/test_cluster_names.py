"""One register of names on OTP 25 with Elixir, OTP 28 and two Python nodes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom

from .clusters.cluster import KINDS, in_order, together
from .clusters.fixtures import cluster as cluster
from .clusters.fixtures import make_cluster as make_cluster

if TYPE_CHECKING:
    from .clusters.cluster import Cluster

NUMBERS = range(len(KINDS))
EACH = pytest.mark.parametrize(
    "number", NUMBERS, ids=[f"{number}-{kind}" for number, kind in enumerate(KINDS)]
)
NAMES = [Atom("an_atom"), (Atom("a_tuple"), 1), b"a binary", 17, [Atom("a"), 2.5]]
UNDEFINED = Atom("undefined")
ROUNDS = 8
TIMES = 15


@pytest.fixture
async def whole(cluster: Cluster) -> Cluster:
    """All run, know each other and have no names."""
    await cluster.restore()
    return cluster


async def holders(cluster: Cluster) -> list[Any]:
    """A process on each."""
    return await cluster.all("holder")


async def test_name_of_any_kind_is_seen_everywhere_until_it_is_taken_back(whole):
    named = []
    for number, name in enumerate(NAMES):
        # Each gives a name to a process of the next.
        here, there = whole[number % 4], whole[(number + 1) % 4]
        pid = await there.do("holder")
        named.append((name, pid))
        assert await here.do("register", name, pid) == "yes"
        await whole.until("whereis", lambda a, p=pid: set(a) == {p}, name)
    assert await whole.agree("names") == in_order(named)
    for number, name in enumerate(NAMES):
        assert await whole[(number + 2) % 4].do("unregister", name)
        await whole.until("whereis", lambda a: set(a) == {UNDEFINED}, name)
    assert await whole.agree("names") == []


async def test_name_is_refused_and_given_again(whole):
    pids = await holders(whole)
    for number, member in enumerate(whole):
        name = (Atom("mine"), number)
        assert await member.do("register", name, pids[number]) == "yes"
        for other in whole:
            assert await other.do("register", name, await other.do("holder")) == "no"
        other = await whole[(number + 1) % 4].do("holder")
        assert await whole[(number + 2) % 4].do("re_register", name, other) == "yes"
        await whole.until("whereis", lambda a, p=other: set(a) == {p}, name)


async def test_name_goes_with_its_process(whole):
    pids = await holders(whole)
    for number, member in enumerate(whole):
        name = (Atom("dies"), number)
        assert await whole[(number + 1) % 4].do("register", name, pids[number]) == "yes"
        await whole[(number + 2) % 4].do("kill", pids[number])
        await whole.until("whereis", lambda a: set(a) == {UNDEFINED}, name)
        assert not await member.do("is_alive", pids[number])
    assert await whole.agree("names") == []


async def test_each_calls_each_by_name(whole):
    pids = await holders(whole)
    for number, member in enumerate(whole):
        await member.do("register", (Atom("at"), number), pids[number])
    await whole.agree("names")
    for member in whole:
        for number, other in enumerate(whole):
            dest = (Atom("global"), (Atom("at"), number))
            answer = await member.do("ask", dest, (Atom("echo"), [number]))
            assert answer == (other.name, [number])


@pytest.mark.skipif("elixir" not in KINDS, reason="there is no Elixir")
async def test_elixir_calls_and_casts_by_name(whole):
    pids = await holders(whole)
    elixir = whole[KINDS.index("elixir")]
    for number in NUMBERS:
        name = Atom(f"server_{number}")
        await whole[number].do("register", name, pids[number])
        source = """
            dest = {:global, name}
            :ok = GenServer.cast(dest, :hello)
            {GenServer.whereis(dest), GenServer.call(dest, {:echo, 1})}
        """
        await whole.until("whereis", lambda a, n=number: set(a) == {pids[n]}, name)
        found, answer = await elixir.elixir(source, name=name)
        assert found == pids[number]
        assert answer == (whole[number].name, 1)
        assert await elixir.do("ask", pids[number], Atom("heard")) == [Atom("hello")]


async def test_of_those_that_race_for_a_name_one_wins(whole):
    for round in range(ROUNDS):
        await whole.race((Atom("race"), round), await holders(whole))


async def test_transactions_of_all_exclude_each_other(whole):
    counter = (await holders(whole))[0]
    resource = Atom("counting")
    assert set(await whole.all("count", resource, counter, TIMES)) == {"ok"}
    assert await whole[0].do("ask", counter, Atom("get")) == 4 * TIMES
    assert await whole[1].do("is_free", resource)


@EACH
async def test_node_that_is_killed_leaves_neither_lock_nor_name(whole, number):
    pids = await holders(whole)
    resource, name = Atom("held"), Atom("named")
    id = (resource, pids[number])
    assert await whole[number].do("ask", pids[number], (Atom("lock"), id))
    assert await whole[number].do("register", name, pids[number]) == "yes"
    kept = (number + 1) % 4
    assert await whole[kept].do("register", Atom("kept"), pids[kept]) == "yes"
    await whole.agree("names")
    for member in whole:
        assert not await member.do("is_free", resource)
    whole.kill9(number)
    assert await whole.is_whole() == [(Atom("kept"), pids[kept])]
    for member in whole.up:
        assert await member.do("is_free", resource)
    # The next incarnation is one of them again.
    await whole.start(number)
    assert await whole.meet() == [(Atom("kept"), pids[kept])]
    again = await whole[number].do("holder")
    assert await whole[number].do("register", name, again) == "yes"
    assert (name, again) in await whole.is_whole()


async def test_nodes_leave_one_by_one_and_come_back_all_at_once(whole):
    pids = await holders(whole)
    for number, member in enumerate(whole):
        await member.do("register", (Atom("of"), number), pids[number])
    for number in reversed(NUMBERS[1:]):
        await whole.leave(number)
        left = [((Atom("of"), other), pids[other]) for other in range(number)]
        assert await whole.is_whole() == left
    for number in NUMBERS[1:]:
        await whole.start(number)
    pids = [pids[0], *(await together([partial(m.do, "holder") for m in whole[1:]]))]
    for number, member in enumerate(whole[1:], 1):
        assert await member.do("register", (Atom("of"), number), pids[number]) == "yes"
    await whole.rush()
    expected = [((Atom("of"), number), pids[number]) for number in NUMBERS]
    assert await whole.is_whole() == expected
