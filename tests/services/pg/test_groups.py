"""``node.pg``: one node, what its processes do and what is told of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
import trio

import ergopy
from ergopy import Atom, GroupChange, LocalProtocolError, NameTaken
from ergopy.testing import MemoryNetwork
from tests.runtimes import idle, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

JOIN, LEAVE = Atom("join"), Atom("leave")


@pytest.fixture
async def node() -> AsyncIterator[ergopy.Node]:
    async with MemoryNetwork().node("a") as node:
        yield node


async def test_each_node_has_the_scope_pg(node):
    assert node.pg.scope == "pg"
    assert node.whereis("pg") is not None
    assert node.pg.groups() == []


async def test_members_are_those_that_joined(node):
    one, two = await node.spawn(idle), await node.spawn(idle)
    node.pg.join("workers", one)
    node.pg.join("workers", [two, one])
    assert Counter(node.pg.members("workers")) == Counter([one, one, two])
    assert Counter(node.pg.local_members("workers")) == Counter([one, one, two])
    assert node.pg.groups() == node.pg.local_groups() == [Atom("workers")]
    assert node.pg.leave("workers", one)
    assert Counter(node.pg.members("workers")) == Counter([one, two])
    assert node.pg.leave("workers", [one, two])
    assert not node.pg.leave("workers", one)
    assert node.pg.members("workers") == []
    assert node.pg.groups() == []


@pytest.mark.parametrize(
    "others",
    [(b"1", Atom("1")), (1, 1.0), (1, True), ((1,), [1]), ({"a": 1}, {"a": 1.0})],
    ids=repr,
)
async def test_groups_are_terms(node, others):
    pid = await node.spawn(idle)
    node.pg.join(others[0], pid)
    assert node.pg.members(others[0]) == [pid]
    assert node.pg.members(others[1]) == []


async def test_text_is_an_atom(node):
    pid = await node.spawn(idle)
    node.pg.join("workers", pid)
    assert node.pg.members(Atom("workers")) == [pid]
    assert node.pg.members(b"workers") == []


async def test_ended_member_is_in_no_group_at_once(node):
    pid = await node.spawn(idle)
    node.pg.join("one", [pid, pid])
    node.pg.join("two", pid)
    await node.exit(pid, "kill")
    assert node.pg.groups() == []
    node.pg.join("one", pid)
    assert node.pg.groups() == []


async def test_scopes_have_nothing_in_common(node):
    pid = await node.spawn(idle)
    other = node.pg("other")
    assert node.pg("other") is other
    assert node.pg("pg") is node.pg
    assert node.whereis("other") is not None
    other.join("workers", pid)
    assert node.pg.members("workers") == []
    assert other("pg").groups() == []
    assert node.pg("other").members("workers") == [pid]


async def test_scope_whose_name_is_taken(node):
    await node.spawn(idle, name="other")
    with pytest.raises(NameTaken):
        node.pg("other")


async def test_only_processes_of_the_node_join(node):
    pid = await node.spawn(idle)
    far = ergopy.Pid(Atom("b@memory"), 1, 0, 1)
    for wrong in (far, "name", [pid, far], None):
        with pytest.raises((ValueError, TypeError)):
            node.pg.join("workers", wrong)
        with pytest.raises((ValueError, TypeError)):
            node.pg.leave("workers", wrong)
    assert node.pg.groups() == []


async def test_monitor_of_a_group(node):
    heard = []
    done = trio.Event()

    async def watcher(proc):
        ref, now = node.pg.monitor("workers")
        heard.append(now)
        for _ in range(3):
            message = await proc.receive()
            assert message[0] == ref
            heard.append(message[1:])
        done.set()
        await idle(proc)

    pid = await node.spawn(idle)
    node.pg.join("workers", pid)
    await node.spawn(watcher)
    await settle()
    node.pg.join("others", pid)
    node.pg.join("workers", [pid, pid])
    node.pg.leave("workers", pid)
    await node.exit(pid, "kill")
    await done.wait()
    assert heard == [
        [pid],
        (JOIN, "workers", [pid, pid]),
        (LEAVE, "workers", [pid]),
        (LEAVE, "workers", [pid, pid]),
    ]


async def test_monitor_of_a_scope_and_its_end(autojump_clock, node):
    heard = []

    async def watcher(proc):
        ref, now = node.pg.monitor_scope()
        heard.append(now)
        heard.append((await proc.receive())[1:])
        await trio.sleep(1)
        heard.append(proc.message_count())
        heard.append([node.pg.demonitor(ref), node.pg.demonitor(ref)])
        heard.append(proc.message_count())
        await proc.receive()

    pid = await node.spawn(idle)
    node.pg.join("one", pid)
    watching = await node.spawn(watcher)
    process = node.runtime.find(watching)
    await settle()
    node.pg.join("two", pid)
    node.pg.join((1, 2), pid)
    node.pg.leave((1, 2), pid)
    await trio.sleep(2)
    node.pg.leave("two", pid)
    assert heard == [
        [("one", [pid])],
        (JOIN, "two", [pid]),
        2,
        [True, False],
        0,
    ]
    assert node.is_process_alive(watching)
    assert process.message_count() == 0


async def test_watcher_that_ends_is_forgotten(node):
    async def watcher(proc):
        node.pg.monitor("workers")
        node.pg.monitor_scope()

    await node.spawn(watcher)
    await settle()
    assert not node.pg._scope._watches
    assert not node.pg._scope._of_group


async def test_program_is_told_to_use_changes(node):
    with pytest.raises(LocalProtocolError, match="changes"):
        node.pg.monitor("workers", caller=node)


async def test_changes_for_a_program(node):
    pid = await node.spawn(idle)
    node.pg.join("workers", pid)
    async with node.pg.changes("workers") as changes, node.pg.changes() as all_of_them:
        assert changes.groups == [("workers", [pid])]
        node.pg.join("workers", pid)
        node.pg.join("others", pid)
        await node.exit(pid, "kill")
        assert [await anext(changes) for _ in range(2)] == [
            GroupChange(JOIN, Atom("workers"), [pid]),
            GroupChange(LEAVE, Atom("workers"), [pid, pid]),
        ]
        assert [(await anext(all_of_them)).group for _ in range(4)] == [
            *("workers", "others", "workers", "others")
        ]
    assert not node.pg.listeners


async def test_slow_program_misses_the_oldest(node):
    pid = await node.spawn(idle)
    async with node.pg.changes(limit=2) as changes:
        for number in range(5):
            node.pg.join(number, pid)
        assert changes.dropped == 3
        assert [(await anext(changes)).group for _ in range(2)] == [3, 4]
    with pytest.raises(ValueError, match="limit="):
        node.pg.changes(limit=0)


async def test_changes_end_with_the_node():
    seen = []
    async with trio.open_nursery() as nursery, MemoryNetwork().node("a") as node:

        @nursery.start_soon
        async def watch():
            async with node.pg.changes() as changes:
                seen.extend([change async for change in changes])

        await settle()
        node.pg.join("workers", await node.spawn(idle))
    assert [change.kind for change in seen] == [JOIN, LEAVE]


async def test_changes_of_many_let_others_run(node):
    pid = await node.spawn(idle)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery, node.pg.changes() as changes:
        nursery.start_soon(others)
        for number in range(500):
            node.pg.join(number, pid)
        for _ in range(500):
            await anext(changes)
        nursery.cancel_scope.cancel()
    assert turns > 2


@pytest.mark.parametrize("scope", ["pg", "other"])
async def test_killed_scope_keeps_the_members_of_the_node(node, scope):
    groups = node.pg(scope)
    pid = await node.spawn(idle)
    groups.join("workers", pid)
    before = node.whereis(scope)
    await node.exit(before, "kill")
    await settle()
    assert node.whereis(scope) not in (None, before)
    assert groups.members("workers") == [pid]
    await node.exit(pid, "kill")
    assert groups.members("workers") == []


async def test_node_that_is_entered_again_has_no_groups():
    node = MemoryNetwork().node("a")
    async with node:
        before = node.pg("other")
        node.pg.join("workers", await node.spawn(idle))
    async with node:
        assert node.pg.groups() == []
        assert node.pg("other") is not before
        assert node.whereis("other") is not None


@pytest.mark.parametrize("scope", ["pg", "other", "never seen"])
async def test_groups_can_be_left_while_the_node_ends(scope):
    left = []

    class Worker(ergopy.GenServer):
        async def init(self) -> None:
            self.trap_exit = True
            self.node.pg("other")
            self.node.pg("pg").join("workers", self.pid)

        async def terminate(self, reason) -> None:
            left.append(self.node.pg(scope).leave("workers", self.pid))

    async with MemoryNetwork().node("a") as node:
        await node.start(Worker)
    assert left == [scope == "pg"]


async def test_operator_sees_a_scope(node):
    node.pg.join("workers", await node.spawn(idle))
    state = await ergopy.sys.get_status("pg", caller=node)
    assert "groups" in repr(state)
