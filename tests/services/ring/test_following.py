"""``ergopy.GroupRing``: a ring follows a process group over nodes."""

from __future__ import annotations

import pytest
import trio

from ergopy import GroupRing
from ergopy.testing import MemoryNetwork, node_pair
from tests.runtimes import idle, settle

KEYS = [b"user:%d" % number for number in range(200)]


async def test_nodes_are_those_of_the_group(autojump_clock):
    async with node_pair() as (one, other):
        await one.connect(other.name)
        with GroupRing(one.pg, "w") as ring, GroupRing(other.pg, "w") as there:
            assert ring.nodes() == []
            assert ring.member(b"k") is None
            here = await one.spawn(idle)
            one.pg.join("w", here)
            assert ring.nodes() == [one.name]
            assert ring.member(b"k") == here
            far = [await other.spawn(idle) for _ in range(3)]
            other.pg.join("w", [*far, far[0]])
            await trio.sleep(1)
            assert ring.nodes() == there.nodes() == sorted([one.name, other.name])
            for key in KEYS:
                assert ring.place(key) == there.place(key)
                member = ring.member(key)
                assert member == there.member(key)
                assert member is not None
                assert member.node == ring.place(key)
            assert {ring.member(key) for key in KEYS} == {here, *far}
            other.pg.leave("w", [*far, far[0]])
            await trio.sleep(1)
            assert {ring.member(key) for key in KEYS} == {here}
            other.pg.join("w", far[0])
            await trio.sleep(1)
            assert {ring.member(key) for key in KEYS} == {here, far[0]}
            ring.pin(KEYS[0], other.name)
            assert ring.member(KEYS[0]) == far[0]
            await one.exit(here, "kill")
            assert ring.nodes() == [other.name]
        ring.close()
        assert ring.member(b"k") == far[0]
        await other.exit(far[0], "kill")
        await trio.sleep(1)
        assert ring.member(b"k") is None


async def test_changes_say_what_moves(autojump_clock):
    async with node_pair() as (one, other):
        with GroupRing(one.pg, "w") as ring:
            one.pg.join("w", await one.spawn(idle))
            async with ring.changes() as changes:
                other.pg.join("w", await other.spawn(idle))
                await one.connect(other.name)
                change = await anext(changes)
                assert change.added == [other.name]
                assert 0.35 < change.share < 0.65
                one.disconnect(other.name)
                change = await anext(changes)
                assert change.removed == [other.name]
                assert set(change.shares()) == {(other.name, one.name)}


async def test_further_members_and_other_groups_change_nothing(autojump_clock):
    async with MemoryNetwork().node("a") as node:
        pid = await node.spawn(idle)
        node.pg.join("w", pid)
        with GroupRing(node.pg, "w") as ring:
            async with ring.changes() as changes:
                node.pg.join("w", [pid, await node.spawn(idle)])
                node.pg.leave("w", pid)
                node.pg.join("other", pid)
                node.pg.leave("other", pid)
                with trio.move_on_after(1) as scope:
                    await anext(changes)
                assert scope.cancelled_caught


async def test_closed_ring_follows_no_more():
    async with MemoryNetwork().node("a") as node:
        with GroupRing(node.pg, "w") as ring:
            async with trio.open_nursery() as nursery:

                @nursery.start_soon
                async def watch():
                    async with ring.changes() as changes:
                        assert [change async for change in changes] == []

                await settle()
                ring.close()
        node.pg.join("w", await node.spawn(idle))
        assert ring.nodes() == []
        assert node.pg.listeners == []
        async with ring.changes() as changes:
            assert [change async for change in changes] == []


async def test_changes_end_with_the_node():
    seen = []
    async with trio.open_nursery() as nursery, MemoryNetwork().node("a") as node:

        @nursery.start_soon
        async def watch():
            async with GroupRing(node.pg, "w").changes() as changes:
                seen.extend([change.removed async for change in changes])

        await settle()
        node.pg.join("w", await node.spawn(idle))
    assert seen == [[], [node.name]]


async def test_slow_reader_is_told_how_much_is_lost():
    async with MemoryNetwork().node("a") as node:
        with GroupRing(node.pg, "w") as ring:
            async with ring.changes(limit=2) as changes:
                pid = await node.spawn(idle)
                for _ in range(3):
                    node.pg.join("w", pid)
                    node.pg.leave("w", pid)
                assert changes.dropped == 4


async def test_nodes_of_a_group_are_not_given_by_hand():
    async with MemoryNetwork().node("a") as node:
        with GroupRing(node.pg, "w") as ring:
            with pytest.raises(TypeError, match="group"):
                ring.add("x@host")
            with pytest.raises(TypeError, match="group"):
                ring.remove("x@host")
