"""What a scope keeps is what there is: no more is left of what is over."""

from __future__ import annotations

import pytest
import trio

from ergopy import Atom, GroupChange, Pid
from ergopy.services.pg import table
from ergopy.testing import MemoryNetwork, node_pair
from tests.runtimes import idle, settle

JOIN, LEAVE = Atom("join"), Atom("leave")
HERE = Atom("a@x")


def pids(node: str, count: int) -> list[Pid]:
    return [Pid(Atom(node), number, 0, 1) for number in range(1, count + 1)]


def test_room_is_free_again_when_members_leave(monkeypatch):
    monkeypatch.setattr(table, "MAX_MEMBERS", 3)
    it = table.Table(lambda *change: None)
    one, two, three = pids("b@x", 3)
    peer = table.Peer(one)
    for _ in range(3):
        it.remote_join(peer, 1, [one, two, two])
        with pytest.raises(table.TooManyMembers):
            it.remote_join(peer, 2, [one])
        it.remote_leave(peer, [one, two, three], [1, 2])
        it.remote_join(peer, 2, [one, three])
        it.sync(peer, [(2, [three])])
        it.remote_leave(peer, [three], [2])
        it.remote_leave(peer, [two], [1])
        assert peer.members == 0
        assert list(it) == []
        assert peer.groups == {}


def test_a_peer_that_is_forgotten_leaves_nothing():
    told = []
    it = table.Table(lambda what, group, who: told.append((what, group.term, who)))
    one, two = pids("b@x", 2)
    (here,) = pids(HERE, 1)
    peer = table.Peer(one)
    it.join(1, [here])
    it.remote_join(peer, 1, [one, one])
    it.remote_join(peer, 2, [two])
    told.clear()
    it.forget(peer)
    assert told == [(LEAVE, 1, [one, one]), (LEAVE, 2, [two])]
    assert (peer.members, peer.groups) == (0, {})
    assert [(group.term, group.members()) for group in it] == [(1, [here])]
    it.leave(1, [here])
    assert len(it) == 0
    assert not it.is_joined(here)


async def test_a_node_that_is_gone_is_no_peer():
    async with node_pair() as (a, b):
        await a.connect(b.name)
        await settle()
        assert [pid.node for pid in a.pg._scope.peers()] == [b.name]
        a.disconnect(b.name)
        await settle()
        assert a.pg._scope.peers() == []
        pid = await a.spawn(idle)
        a.pg.join("workers", pid)
        await a.connect(b.name)
        await settle()
        assert b.pg.members("workers") == [pid]


async def test_groups_of_this_node_and_of_others():
    async with node_pair() as (a, b):
        await a.connect(b.name)
        here, there = await a.spawn(idle), await b.spawn(idle)
        a.pg.join("near", here)
        b.pg.join("far", there)
        await settle()
        assert sorted(a.pg.groups()) == ["far", "near"]
        assert a.pg.local_groups() == ["near"]
        assert b.pg.local_groups() == ["far"]


async def test_changes_of_one_group_begin_with_its_members():
    async with MemoryNetwork().node("a") as node:
        pid = await node.spawn(idle)
        node.pg.join("one", pid)
        node.pg.join("two", pid)
        async with node.pg.changes("one") as one, node.pg.changes() as each:
            assert one.groups == [("one", [pid])]
            assert sorted(each.groups) == [("one", [pid]), ("two", [pid])]
            node.pg.leave("two", pid)
            node.pg.leave("one", pid)
            assert await anext(one) == GroupChange(LEAVE, Atom("one"), [pid])
            assert await anext(each) == GroupChange(LEAVE, Atom("two"), [pid])
        assert node.pg.listeners == []


async def test_one_timer_asks_however_many_come_and_go(autojump_clock):
    # A hidden node asks every five seconds, and not once more for each change.
    network = MemoryNetwork()
    async with network.node("a", hidden=True) as a, network.node("b") as b:
        a.pg("other")
        questions = []

        async def scope(proc):
            while True:
                questions.append(await proc.receive())

        await b.spawn(scope, name="other")
        for _ in range(4):
            await a.connect(b.name)
            await settle()
            a.disconnect(b.name)
            await settle()
        await a.connect(b.name)
        await settle()
        questions.clear()
        await trio.sleep(22)
        assert len(questions) in (4, 5)


async def test_a_scope_that_ends_is_asked_for_again(autojump_clock):
    network = MemoryNetwork()
    async with network.node("a", hidden=True) as a, network.node("b") as b:
        a.pg("other")
        ours = a.whereis("other")
        questions = []

        async def scope(proc):
            while True:
                questions.append(await proc.receive())

        await a.connect(b.name)
        first = await b.spawn(scope, name="other")
        await b.send(ours, (Atom("discover"), first))
        await trio.sleep(20)
        await b.exit(first, "kill")
        await settle()
        questions.clear()
        await b.spawn(scope, name="other")
        await trio.sleep(6)
        assert questions == [(Atom("discover"), ours)]
