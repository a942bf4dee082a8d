"""Scopes of several nodes: what they tell each other, and what they do not believe."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, Pid, RpcError
from ergopy.services.pg import table
from ergopy.testing import MemoryNetwork, node_pair
from tests.runtimes import idle, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import ergopy

CAST = Atom("$gen_cast")


@pytest.fixture
async def pair() -> AsyncIterator[tuple[ergopy.Node, ergopy.Node]]:
    async with node_pair() as (a, b):
        await a.connect(b.name)
        await settle()
        yield a, b


async def member(node: ergopy.Node, group: Any, scope: str = "pg") -> Pid:
    pid = await node.spawn(idle)
    node.pg(scope).join(group, pid)
    return pid


@pytest.mark.parametrize("hidden", [False, True], ids=["visible", "hidden"])
async def test_who_connects_is_told_all(hidden):
    network = MemoryNetwork()
    async with network.node("a") as a, network.node("b", hidden=hidden) as b:
        there, here = await member(b, "workers"), await member(a, "workers")
        assert a.pg.members("workers") == [here]
        await a.connect(b.name)
        await settle()
        for node in (a, b):
            assert Counter(node.pg.members("workers")) == Counter([here, there])
        assert a.pg.local_members("workers") == [here]
        late = await member(b, "others")
        b.pg.join("others", [late, there])
        await settle()
        assert Counter(a.pg.members("others")) == Counter([late, late, there])
        b.pg.leave("others", late)
        await b.exit(there, "kill")
        await settle()
        assert a.pg.members("others") == [late]
        assert a.pg.members("workers") == [here]


async def test_members_go_with_their_node(pair):
    a, b = pair
    await member(b, "workers")
    await settle()
    async with a.pg.changes() as changes:
        a.disconnect(b.name)
        assert (await anext(changes)).kind == "leave"
    assert a.pg.groups() == []
    await a.connect(b.name)
    await settle()
    assert len(a.pg.members("workers")) == 1


async def test_scope_that_is_started_later(pair):
    a, b = pair
    there = await member(b, "workers", "other")
    assert a.pg("other").members("workers") == []
    await settle()
    assert a.pg("other").members("workers") == [there]
    here = await member(a, "workers", "other")
    await settle()
    assert Counter(b.pg("other").members("workers")) == Counter([here, there])


@pytest.mark.parametrize("scope", ["pg", "other"])
@pytest.mark.parametrize("hidden", [False, True], ids=["visible", "hidden"])
async def test_scope_that_is_killed_is_known_again(scope, hidden, autojump_clock):
    network = MemoryNetwork()
    async with network.node("a", hidden=hidden) as a, network.node("b") as b:
        await a.connect(b.name)
        here, there = await member(a, 1, scope), await member(b, 1, scope)
        await settle()
        await b.exit(b.whereis(scope), "kill")
        await settle()
        for node in (a, b):
            assert Counter(node.pg(scope).members(1)) == Counter([here, there])
        assert len(a.pg(scope)._scope.peers()) == 1


async def test_new_scope_of_a_node_that_does_not_ask(autojump_clock):
    # A BEAM's scope asks visible nodes only: the hidden one has to ask again.
    network = MemoryNetwork()
    async with network.node("a", hidden=True) as a, network.node("b") as b:
        a.pg("other")
        await a.connect(b.name)
        await settle()
        questions = []

        async def scope(proc):
            while True:
                questions.append(await proc.receive())

        await b.spawn(scope, name="other")
        await trio.sleep(12)
        ours = a.whereis("other")
        assert questions == [(Atom("discover"), ours)] * 2
        await b.send(ours, (Atom("discover"), b.whereis("other")))
        await trio.sleep(60)
        sync = (CAST, (Atom("sync"), ours, []))
        assert questions[2:] == [sync, (Atom("discover"), ours)]


async def test_no_question_is_asked_twice_of_a_visible_node(autojump_clock, pair):
    a, b = pair
    a.pg("other")
    await settle()
    heard = []

    async def scope(proc):
        while True:
            heard.append(await proc.receive())

    await b.spawn(scope, name="other")
    await trio.sleep(60)
    assert heard == []


async def test_what_a_beam_is_sent(pair):
    """The forms that OTP 25 takes: any other would end its scope."""
    a, b = pair
    a.pg("other")
    await settle()
    heard = []

    async def scope(proc):
        await proc.send((Atom("other"), a.name), (Atom("discover"), proc.pid))
        while True:
            heard.append(await proc.receive())

    theirs = await b.spawn(scope, name="other")
    await settle()
    ours = a.whereis("other")
    one, two = await member(a, b"g", "other"), await a.spawn(idle)
    a.pg("other").join([1, (2,)], [one, two])
    a.pg("other").leave(b"g", one)
    await a.exit(one, "kill")
    await settle()
    assert heard == [
        (CAST, (Atom("sync"), ours, [])),
        (Atom("discover"), ours),
        (Atom("join"), ours, b"g", [one]),
        (Atom("join"), ours, [1, (2,)], [one, two]),
        (Atom("leave"), ours, [one], [b"g"]),
        (Atom("leave"), ours, one, [[1, (2,)]]),
    ]
    assert a.pg("other")._scope.peers() == [theirs]


async def tell(b: ergopy.Node, a: ergopy.Node, *messages: Any) -> Pid:
    """Be a scope of *b* that says what a test wants; return its pid."""

    async def scope(proc):
        for message in messages:
            told = [proc.pid if part is ME else part for part in message]
            if told[0] == "sync":
                await proc.cast(("pg", a.name), tuple(told))
            else:
                await proc.send(("pg", a.name), tuple(told))
        await idle(proc)

    await b.exit(b.whereis("pg"), "kill")
    await settle()
    pid = await b.spawn(scope)
    await settle()
    return pid


ME: Any = object()
DISCOVER, SYNC = Atom("discover"), Atom("sync")
JOIN, LEAVE = Atom("join"), Atom("leave")


def far(number: int, node: str = "b@memory") -> Pid:
    return Pid(Atom(node), number, 0, 1)


async def test_sync_replaces_what_was_known(pair):
    a, b = pair
    one, two = far(901), far(902)
    await tell(
        *(b, a, (DISCOVER, ME)),
        (SYNC, ME, [(1, [one, one, two]), (2, [one])]),
        (JOIN, ME, 3, two),
        (SYNC, ME, [(1, [one, two, two]), (3, [one]), (3, [two])]),
    )
    assert Counter(a.pg.members(1)) == Counter([one, two, two])
    assert a.pg.members(2) == []
    assert Counter(a.pg.members(3)) == Counter([one, two])


async def test_version_of_a_later_release(pair):
    a, b = pair
    pid = await tell(b, a, (DISCOVER, ME, 2), (JOIN, ME, 1, far(901)))
    assert a.pg._scope.peers() == [pid]
    assert a.pg.members(1) == [far(901)]


async def test_stranger_is_not_believed(pair):
    a, b = pair
    await tell(b, a, (JOIN, ME, 1, far(901)), (LEAVE, ME, far(901), [1]))
    assert a.pg.groups() == []


async def test_leave_of_who_is_no_member(pair):
    a, b = pair
    one, two = far(901), far(902)
    await tell(
        *(b, a, (DISCOVER, ME), (JOIN, ME, 1, [one])),
        (LEAVE, ME, two, [1, 2]),
        (LEAVE, ME, [one, one, two], [2]),
    )
    assert a.pg.members(1) == [one]


WRONG = [
    (),
    (DISCOVER,),
    (DISCOVER, Atom("pg")),
    (DISCOVER, ME, 1, 2),
    (JOIN, ME, 1),
    (JOIN, ME, 1, Atom("pid")),
    (JOIN, ME, 1, [far(1), 2]),
    (JOIN, ME, 1, far(1, "a@memory")),
    (JOIN, ME, 1, [far(1, "c@memory")]),
    (LEAVE, ME, far(1), 1),
    (LEAVE, ME, 1, [1]),
    (SYNC, ME, 1),
    (SYNC, ME, [1]),
    (SYNC, ME, [(1, far(1))]),
    (SYNC, ME, [(1, [far(1), far(1, "a@memory")])]),
    (SYNC, Atom("me"), []),
    (Atom("nodeup"), Atom("b@memory")),
    (LEAVE, ME, [far(1)] * 2000, [1] * 2000),
]


@pytest.mark.parametrize("message", WRONG, ids=range(len(WRONG)))
async def test_garbage_does_no_harm(pair, caplog, message):
    a, b = pair
    before = a.whereis("pg")
    caplog.set_level(logging.WARNING)
    if not message:
        await tell(b, a, (DISCOVER, ME), (JOIN, ME, 1, far(901)))
        await b.send(("pg", a.name), b"text")
    else:
        await tell(b, a, (DISCOVER, ME), (JOIN, ME, 1, far(901)), message, message)
    await settle()
    assert a.whereis("pg") == before
    assert a.pg.members(1) == [far(901)]
    assert caplog.text.count("a message that is none") == 1


async def test_call_is_answered(pair):
    a, b = pair
    answer = await b.call(("pg", a.name), (Atom("join_local"), 1, b.pid))
    assert answer == (Atom("error"), Atom("badarg"))
    assert a.pg.groups() == []


async def test_scope_of_a_node_that_is_not_connected(pair):
    a, b = pair
    nobody = far(1, "nobody@memory")
    seen: list[Any] = []
    a.pg.listeners.append(SimpleNamespace(tell=lambda *change: seen.append(change)))
    await tell(b, a, (DISCOVER, nobody), (SYNC, nobody, [(1, [nobody])]))
    assert a.pg.groups() == []
    assert seen == []
    assert [peer.name for peer in a.connections.peers.values()] == [b.name]


async def test_second_scope_of_a_node_takes_the_place_of_the_first(pair):
    a, b = pair
    await tell(b, a, (DISCOVER, ME), (JOIN, ME, 1, far(901)))
    second = await tell(b, a, (DISCOVER, ME), (JOIN, ME, 2, far(902)))
    assert a.pg._scope.peers() == [second]
    assert a.pg.groups() == [2]


@pytest.mark.parametrize(
    "last", [(JOIN, ME, 4, [far(904)] * 3), (SYNC, ME, [(4, [far(904)] * 5)])]
)
async def test_node_with_too_many_members_is_disconnected(
    pair, monkeypatch, caplog, last
):
    a, b = pair
    monkeypatch.setattr(table, "MAX_MEMBERS", 4)
    heard = []
    async with a.monitor_nodes() as events:
        await tell(b, a, (DISCOVER, ME), (JOIN, ME, 1, [far(901)] * 2), last)
        heard.append((await anext(events)).node)
    assert heard == [b.name]
    assert "too many members" in caplog.text
    assert 4 not in a.pg.groups()


async def test_scope_does_not_wait_for_a_node_that_reads_nothing():
    network = MemoryNetwork(window=1000)
    async with AsyncExitStack() as stack:
        a, b, c = [await stack.enter_async_context(network.node(n)) for n in "abc"]
        for node in (b, c):
            await a.connect(node.name)
        await settle()
        network.stall(a, b)
        pid = await a.spawn(idle)
        for number in range(200):
            a.pg.join(number, pid)
        await settle()
        assert len(c.pg.groups()) == 200
        network.resume(a, b)
        await settle()
        assert len(b.pg.groups()) == 200


async def test_other_nodes_may_ask(pair):
    a, b = pair
    pid = await member(a, Atom("workers"))
    await settle()
    for args in ([Atom("workers")], [Atom("pg"), Atom("workers")]):
        assert await b.rpc(a.name, "pg", "get_members", args) == [pid]
        assert await b.rpc(a.name, "pg", "get_local_members", args) == [pid]
    for args in ([], [Atom("pg")]):
        assert await b.rpc(a.name, "pg", "which_groups", args) == ["workers"]
        assert await b.rpc(a.name, "pg", "which_local_groups", args) == ["workers"]
    for nobody in (Atom("nothing"), b"pg", [1]):
        assert await b.rpc(a.name, "pg", "get_members", [nobody, 1]) == []
        with pytest.raises(RpcError, match="badarg"):
            await b.rpc(a.name, "pg", "which_groups", [nobody])
    with pytest.raises(RpcError, match="undef"):
        await b.rpc(a.name, "pg", "join", [1, pid])
